"""What the kernel says of links and addresses, written for tests."""

from __future__ import annotations

from sys import byteorder

from lvsengine.net import Address
from lvsengine.vip.rtnetlink import ADDRESS, ATTRIBUTE, DONE, ERROR, HEADER, LINK


def message(kind: int, body: bytes, sequence: int = 0, flags: int = 0) -> bytes:
    length = HEADER.size + len(body)
    return HEADER.pack(length, kind, flags, sequence, 0) + body + b"\0" * (-length % 4)


def attribute(kind: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def link_message(
    index: int,
    name: str,
    flags: int,
    carrier: int | None,
    *,
    gone: bool = False,
    family: int = 0,
    sequence: int = 0,
) -> bytes:
    body = LINK.pack(family, 1, index, flags, 0) + attribute(3, name.encode() + b"\0")
    if carrier is not None:
        body += attribute(33, bytes([carrier]))
    return message(17 if gone else 16, body, sequence)


def address_message(
    index: int,
    address: Address,
    *,
    local: Address | None = None,
    gone: bool = False,
    sequence: int = 0,
    flags: int = 0,
) -> bytes:
    body = ADDRESS.pack(2 if address.version == 4 else 10, 24, 0, 0, index)
    body += attribute(1, address.packed)
    if local is not None:
        body += attribute(2, local.packed)
    return message(21 if gone else 20, body, sequence, flags)


def end_message(sequence: int) -> bytes:
    return message(DONE, b"\0" * 4, sequence)


def answer_message(sequence: int, errno: int = 0) -> bytes:
    """What the kernel says to a request for a change: 0 where it was made."""
    return message(ERROR, (-errno).to_bytes(4, byteorder, signed=True), sequence)
