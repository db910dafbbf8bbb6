"""What goes over the wire, and what the two directors tell of themselves: bytes <-> values.

A frame is one byte of kind, four bytes of length (big-endian), and a body of at most 64 KiB.
What is told, the offer, is a line of JSON and after it the bytes of lvs.cf, cut into sealed
pieces.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

from lvsengine.errors import EngineError
from lvsengine.pairing import public_keys
from lvsengine.pairing.public_keys import PublicKey

HEADER_SIZE = 5
MAX_BODY = 64 * 1024
MAX_HEAD = 64 * 1024
MAX_LVS_CF = 16 * 1024 * 1024
MOST_HOST_KEYS = 16
MOST_REVISIONS = 100
LONGEST_WORD = 1000


class Kind(IntEnum):
    HELLO = 1
    PROOF = 2
    SEALED = 3
    REFUSED = 4


class Reason(Enum):
    """Why an end talks no further with the other; the values go over the wire."""

    GARBAGE = "garbage"
    TOO_LONG = "too-long"
    OUT_OF_TURN = "out-of-turn"
    VERSION = "version"
    REFLECTED = "reflected"
    WRONG_CODE = "wrong-code"
    TAMPERED = "tampered"
    TOO_MUCH = "too-much"


class Breach(Exception):
    """The other end did what no director would do."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True)
class Frame:
    kind: Kind
    body: bytes = field(repr=False)


def encode(frame: Frame) -> bytes:
    return bytes([frame.kind]) + len(frame.body).to_bytes(4) + frame.body


def read_header(header: bytes) -> tuple[Kind, int]:
    """Read five bytes: the kind, and how many bytes follow.

    Raises:
        Breach: They are no header, or announce more than 64 KiB.
    """
    try:
        kind = Kind(header[0])
    except ValueError:
        raise Breach(Reason.GARBAGE) from None
    length = int.from_bytes(header[1:])
    if length > MAX_BODY:
        raise Breach(Reason.TOO_LONG)
    return kind, length


@dataclass(frozen=True, slots=True)
class Identity:
    """What each director tells of itself."""

    name: str
    host_keys: tuple[PublicKey, ...]
    sync_key: PublicKey


@dataclass(frozen=True, slots=True)
class Gift:
    """What only the primary gives.

    Attributes:
        heartbeat_key: The content of the file that lvs.cf names.
        earlier: Revisions that lvs.cf had before, on the primary.
    """

    identity: Identity
    heartbeat_key: str = field(repr=False)
    lvs_cf: bytes = field(repr=False)
    earlier: tuple[str, ...] = ()


def write_identity(identity: Identity) -> bytes:
    return _dumped(_plain(identity))


def write_gift(gift: Gift) -> bytes:
    head = _plain(gift.identity) | {
        "heartbeat_key": gift.heartbeat_key,
        "earlier": list(gift.earlier),
    }
    return _dumped(head) + gift.lvs_cf


def read_identity(data: bytes) -> Identity:
    """Read what the backup tells.

    Raises:
        EngineError: `bad-offer`, `bad-public-key`.
    """
    head, rest = _head(data)
    if rest:
        raise _bad("bytes follow that nobody asked for")
    return _identity(head)


def read_gift(data: bytes) -> Gift:
    """Read what the primary gives.

    Raises:
        EngineError: `bad-offer`, `bad-public-key`.
    """
    head, lvs_cf = _head(data)
    return Gift(
        _identity(head),
        _word(head, "heartbeat_key", 4096),
        lvs_cf,
        tuple(_words(head, "earlier", MOST_REVISIONS)),
    )


def printable(text: str) -> str:
    """Take out what would move a terminal's cursor; at most 1000 characters."""
    return "".join(one if one.isprintable() else "?" for one in text[:LONGEST_WORD])


def _plain(identity: Identity) -> dict[str, object]:
    return {
        "name": identity.name,
        "host_keys": [str(key) for key in identity.host_keys],
        "sync_key": str(identity.sync_key),
    }


def _dumped(head: dict[str, object]) -> bytes:
    return json.dumps(head).encode() + b"\n"


def _head(data: bytes) -> tuple[dict[str, Any], bytes]:
    line, newline, rest = data.partition(b"\n")
    if len(line) > MAX_HEAD or not newline:
        raise _bad("its head is too long")
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        raise _bad("its head is no JSON") from None
    if not isinstance(head, dict):
        raise _bad("its head is no object")
    return head, rest


def _identity(head: dict[str, Any]) -> Identity:
    hosts = tuple(public_keys.parse(line) for line in _words(head, "host_keys", MOST_HOST_KEYS))
    if not hosts:
        raise _bad("it has no host key")
    sync = public_keys.parse(_word(head, "sync_key"))
    if sync.kind != public_keys.SYNC_KIND:
        raise _bad(f"its sync key is not of the kind {public_keys.SYNC_KIND}")
    return Identity(printable(_word(head, "name")), hosts, sync)


def _word(head: dict[str, Any], name: str, longest: int = LONGEST_WORD) -> str:
    value = head.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise _bad(f"{name} is missing or too long")
    return value


def _words(head: dict[str, Any], name: str, most: int) -> list[str]:
    values = head.get(name)
    if not isinstance(values, list) or len(values) > most:
        raise _bad(f"{name} is missing or too long")
    if not all(isinstance(value, str) for value in values):
        raise _bad(f"{name} is no list of texts")
    return values


def _bad(why: str) -> EngineError:
    return EngineError(
        "bad-offer",
        f"the peer's offer cannot be used: {why}",
        "are both directors of the same version? `lvsctl --version` says",
    )
