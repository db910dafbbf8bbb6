"""Netlink as bytes: messages, their attributes, errors, and the name of a generic family.

Knows nothing of IPVS and has no socket. Numbers are in the machine's byte order, as netlink
has them; what the kernel wants in network order is for the caller to turn.

Sources: linux/netlink.h, linux/genetlink.h; RFC 3549.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from sys import byteorder
from typing import NamedTuple

# Message types
NOTHING = 1  # NLMSG_NOOP
ERROR = 2  # NLMSG_ERROR; with errno 0 it is the acknowledgement
DONE = 3  # NLMSG_DONE: the last message of a dump
CONTROL_FAMILY = 16  # GENL_ID_CTRL

# Message flags
REQUEST = 0x001
ACKNOWLEDGE = 0x004
DUMP = 0x300

GET_FAMILY = 3  # CTRL_CMD_GETFAMILY
FAMILY_ID = 1  # CTRL_ATTR_FAMILY_ID
FAMILY_NAME = 2  # CTRL_ATTR_FAMILY_NAME

NESTED = 0x8000  # NLA_F_NESTED
KIND_MASK = 0x3FFF  # NLA_TYPE_MASK

HEADER = Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
GENERIC_HEADER = Struct("=BBH")  # struct genlmsghdr: command, version, reserved
ATTRIBUTE = Struct("=HH")  # struct nlattr: length, kind
PAYLOAD_AT = HEADER.size + GENERIC_HEADER.size

_U8 = Struct("=HHBxxx")
_U16 = Struct("=HHHxx")
_U32 = Struct("=HHI")
_BE16 = Struct("=HH2sxx")
_INT = Struct("=i")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")  # by length modulo 4


class Malformed(ValueError):
    """Bytes that are no netlink: a length runs past the end."""


class Message(NamedTuple):
    """One message; `payload` is what follows the netlink header."""

    kind: int
    flags: int
    sequence: int
    payload: bytes


def message(kind: int, flags: int, sequence: int, command: int, body: bytes = b"") -> bytes:
    """Write a generic-netlink message of version 1."""
    return (
        HEADER.pack(PAYLOAD_AT + len(body), kind, flags, sequence, 0)
        + GENERIC_HEADER.pack(command, 1, 0)
        + body
    )


def messages(datagram: bytes) -> Iterator[Message]:
    """Split what was received.

    Raises:
        Malformed: A message is longer than what is left.
    """
    at = 0
    while at < len(datagram):
        if len(datagram) - at < HEADER.size:
            raise Malformed(f"{len(datagram) - at} bytes are no message")
        length, kind, flags, sequence, _ = HEADER.unpack_from(datagram, at)
        if not HEADER.size <= length <= len(datagram) - at:
            raise Malformed(f"a message of {length} bytes in {len(datagram) - at}")
        yield Message(kind, flags, sequence, datagram[at + HEADER.size : at + length])
        at += (length + 3) & ~3


def errno_of(reply: Message) -> int:
    """Read the errno of an ERROR (0 acknowledges) or of a DONE."""
    if len(reply.payload) < _INT.size:
        return 0
    (number,) = _INT.unpack_from(reply.payload)
    return -int(number)


def body_of(reply: Message) -> dict[int, bytes]:
    """Read the attributes of a generic-netlink message."""
    return attributes(reply.payload[GENERIC_HEADER.size :])


def attributes(data: bytes) -> dict[int, bytes]:
    """Split attributes by kind; of two of a kind the last counts, as in the kernel.

    Raises:
        Malformed: An attribute is longer than what is left.
    """
    found: dict[int, bytes] = {}
    at, end = 0, len(data)
    unpack = ATTRIBUTE.unpack_from
    while end - at >= 4:
        length, kind = unpack(data, at)
        if not 4 <= length <= end - at:
            raise Malformed(f"an attribute of {length} bytes in {end - at}")
        found[kind & KIND_MASK] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return ATTRIBUTE.pack(length, kind) + payload + _PADDING[length & 3]


def nested(kind: int, *inside: bytes) -> bytes:
    return attribute(kind | NESTED, b"".join(inside))


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def u8(kind: int, value: int) -> bytes:
    return _U8.pack(5, kind, value)


def u16(kind: int, value: int) -> bytes:
    return _U16.pack(6, kind, value)


def u32(kind: int, value: int) -> bytes:
    return _U32.pack(8, kind, value)


def be16(kind: int, value: int) -> bytes:
    """Write a number in network order: ports."""
    return _BE16.pack(6, kind, value.to_bytes(2, "big"))


def number(data: bytes) -> int:
    """Read a number of any width; nothing is 0."""
    return int.from_bytes(data, byteorder)


def signed(data: bytes) -> int:
    return int.from_bytes(data, byteorder, signed=True)


def string(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode(errors="replace")


def family_request(sequence: int, name: str) -> bytes:
    """Ask for the number of a generic family; the kernel loads its module where it can."""
    return message(
        CONTROL_FAMILY, REQUEST | ACKNOWLEDGE, sequence, GET_FAMILY, text(FAMILY_NAME, name)
    )
