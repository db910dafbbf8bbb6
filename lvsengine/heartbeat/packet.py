"""Heartbeat datagram <-> value: the original's four bytes, and our authenticated form.

The original form is one number of 32 bits in the host's own byte order, no more. Ours:

    magic 4 | length 2 | version 1 | sender 1 | key id 2 | boot id 8 | counter 8 |
    stance 1 | flags 1 | fields: type 1, length 1, value ... | HMAC-SHA256 of all before, 32

in network order. Fields of an unknown type are passed over, so that later versions can say
more. Whether a sound packet may have an effect is `receiving`'s question, not asked here.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from lvsengine.heartbeat.words import (
    LONGEST_REASONS,
    LONGEST_REVISION,
    Handover,
    Stance,
    Step,
    Word,
)

LONGEST = 512
MAGIC = b"PLVS"
VERSION = 1
MAC_SIZE = 32
MAX_ECHOES = 5

_HEAD = struct.Struct("!4sHBBHQQBB")
_ECHO = struct.Struct("!QQB")
_HANDOVER = struct.Struct("!QBB")
_FIELD = struct.Struct("!BB")
_NUMBER = struct.Struct("!Q")
_ORIGINAL = struct.Struct("=I")
SHORTEST = _HEAD.size + MAC_SIZE

_READY, _LINK_FAILED = 1, 2
_FORCE = 1


class _Field(Enum):
    ECHO = 1
    HANDOVER = 2
    REVISION = 3
    REASONS = 4
    CONNECTIONS = 5


class Original(Enum):
    """The values of the original's datagram; those after STANDBY are only recognised."""

    ACTIVE = 0xBDADDBDA
    STANDBY = 0xADBDDABD
    HOLD = 0xDEAFBABE
    HELD = 0xDEAFDADA
    FOS_ACTIVE = 0xBEEFBABE
    FOS_STANDBY = 0xDEADBEEF
    FOS_STOP_YOURSELF = 0xDEADDADA


FOS = frozenset((Original.FOS_ACTIVE, Original.FOS_STANDBY, Original.FOS_STOP_YOURSELF))
ORIGINAL_SIZE = _ORIGINAL.size
_ORIGINAL_VALUES = {value.value: value for value in Original}


class Sender(Enum):
    """Which of the two speaks, so that nobody takes its own echo for the peer."""

    PRIMARY = 1
    BACKUP = 2


class Flaw(Enum):
    """What can be wrong with a packet by itself."""

    TRUNCATED = "truncated"
    BAD_LENGTH = "bad length"
    OLD_FORM = "old form"
    FORGED = "forged"
    UNKNOWN = "unknown"


class FlawError(Exception):
    """The bytes are no packet that may be believed."""

    def __init__(self, flaw: Flaw) -> None:
        self.flaw = flaw
        super().__init__(flaw.value)


@dataclass(frozen=True, slots=True)
class Key:
    """One shared secret. Its number goes over the wire, its bytes never, nor into a log."""

    number: int
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.number})"


@dataclass(frozen=True, slots=True)
class Echo:
    """The newest word of somebody's that the sender has heard.

    Attributes:
        believed: It was proven, so the sender acts by it; else it only may prove itself now.
    """

    boot: int
    counter: int
    believed: bool = True


@dataclass(frozen=True, slots=True)
class Packet:
    """One word with what tells it from every other.

    Attributes:
        boot: Random for each run of the sender's program, 64 bits.
        counter: Rises with each word of that run; both links carry the same packet.
    """

    sender: Sender
    boot: int
    counter: int
    word: Word
    echoes: tuple[Echo, ...] = ()


def original(stance: Stance) -> bytes:
    """Write the original's datagram."""
    value = Original.ACTIVE if stance is Stance.ACTIVE else Original.STANDBY
    return _ORIGINAL.pack(value.value)


def read_original(data: bytes) -> Original:
    """Read the original's datagram.

    Raises:
        FlawError: It has another length, or an unknown value.
    """
    if len(data) != ORIGINAL_SIZE:
        raise FlawError(Flaw.BAD_LENGTH)
    value = _ORIGINAL_VALUES.get(_ORIGINAL.unpack(data)[0])
    if value is None:
        raise FlawError(Flaw.UNKNOWN)
    return value


def seal(key: Key, packet: Packet) -> bytes:
    """Write the authenticated form; never longer than 512 bytes."""
    fields = b"".join(_fields(packet))
    word = packet.word
    head = _HEAD.pack(
        MAGIC,
        _HEAD.size + len(fields) + MAC_SIZE,
        VERSION,
        packet.sender.value,
        key.number,
        packet.boot,
        packet.counter,
        word.stance.value,
        _READY * word.ready | _LINK_FAILED * word.link_failed,
    )
    body = head + fields
    return body + hmac.digest(key.secret, body, "sha256")


def unseal(keys: Mapping[int, Key], data: bytes) -> Packet:
    """Read the authenticated form; what costs nothing is looked at first.

    Raises:
        FlawError: It is not by one of `keys`, or not whole, or of a version not known here.
    """
    _look(data)
    key = keys.get(int.from_bytes(data[8:10], "big"))
    body, mac = data[:-MAC_SIZE], data[-MAC_SIZE:]
    if key is None or not hmac.compare_digest(hmac.digest(key.secret, body, "sha256"), mac):
        raise FlawError(Flaw.FORGED)
    try:
        return _read(body)
    except (ValueError, struct.error) as error:
        raise FlawError(Flaw.UNKNOWN) from error


def _look(data: bytes) -> None:
    if len(data) > LONGEST:
        raise FlawError(Flaw.BAD_LENGTH)
    if not data.startswith(MAGIC):
        old = len(data) == ORIGINAL_SIZE and _ORIGINAL.unpack(data)[0] in _ORIGINAL_VALUES
        raise FlawError(Flaw.OLD_FORM if old else Flaw.FORGED)
    if len(data) < SHORTEST or len(data) < int.from_bytes(data[4:6], "big"):
        raise FlawError(Flaw.TRUNCATED)
    if len(data) != int.from_bytes(data[4:6], "big"):
        raise FlawError(Flaw.BAD_LENGTH)


def _read(body: bytes) -> Packet:
    _, _, version, sender, _, boot, counter, stance, flags = _HEAD.unpack_from(body)
    if version != VERSION:
        raise FlawError(Flaw.UNKNOWN)
    echoes: list[Echo] = []
    handover: Handover | None = None
    connections: int | None = None
    texts = {_Field.REVISION.value: "", _Field.REASONS.value: ""}
    for kind, value in _split(body[_HEAD.size :]):
        if kind == _Field.ECHO.value:
            boot_heard, counter_heard, believed = _ECHO.unpack(value)
            echoes.append(Echo(boot_heard, counter_heard, believed == 1))
        elif kind == _Field.HANDOVER.value:
            number, step, force = _HANDOVER.unpack(value)
            handover = Handover(number, Step(step), bool(force & _FORCE))
        elif kind == _Field.CONNECTIONS.value:
            (connections,) = _NUMBER.unpack(value)
        elif kind in texts:
            texts[kind] = value.decode("utf-8", "replace")
    word = Word(
        Stance(stance),
        bool(flags & _READY),
        bool(flags & _LINK_FAILED),
        handover,
        texts[_Field.REASONS.value],
        texts[_Field.REVISION.value],
        connections,
    )
    return Packet(Sender(sender), boot, counter, word, tuple(echoes))


def _fields(packet: Packet) -> Iterator[bytes]:
    for echo in packet.echoes[:MAX_ECHOES]:
        yield _field(_Field.ECHO, _ECHO.pack(echo.boot, echo.counter, echo.believed))
    handover = packet.word.handover
    if handover is not None:
        force = _FORCE * handover.force
        value = _HANDOVER.pack(handover.number, handover.step.value, force)
        yield _field(_Field.HANDOVER, value)
    if packet.word.connections is not None:
        yield _field(_Field.CONNECTIONS, _NUMBER.pack(packet.word.connections))
    if packet.word.revision:
        yield _field(_Field.REVISION, _cut(packet.word.revision, LONGEST_REVISION))
    if packet.word.reasons:
        yield _field(_Field.REASONS, _cut(packet.word.reasons, LONGEST_REASONS))


def _field(kind: _Field, value: bytes) -> bytes:
    return _FIELD.pack(kind.value, len(value)) + value


def _cut(text: str, longest: int) -> bytes:
    """Encode as much of `text` as fits, never half a character."""
    whole = text.encode("utf-8", "replace")[:longest]
    return whole.decode("utf-8", "ignore").encode()


def _split(fields: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(fields):
        kind, length = _FIELD.unpack_from(fields, at)
        at += _FIELD.size
        if at + length > len(fields):
            raise ValueError("a field is longer than the packet")
        yield kind, fields[at : at + length]
        at += length
