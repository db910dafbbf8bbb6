"""ICMP echo requests and their replies, as bytes.

A reply is known by the random token that it brings back: a late one, one for another program
and a made-up one do not have it. So the identifier is of no account, which the kernel chooses
anyway where the request goes out by an unprivileged socket.

Sources: RFC 792, RFC 4443; icmp(7), raw(7).
"""

from __future__ import annotations

import struct

from lvsengine.net import internet_checksum

TOKEN_LENGTH = 16  # bytes
_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_LONGEST_SEQUENCE = 0xFFFF


def request(family: int, token: bytes, sequence: int) -> bytes:
    """Write an echo request for IPv4 or IPv6 (`family` 4 or 6).

    That of IPv6 has no checksum, which the kernel writes: it alone knows the sender's address.
    """
    kind, identifier = _REQUEST[family], int.from_bytes(token[:2], "big")
    sequence &= _LONGEST_SEQUENCE
    plain = _HEADER.pack(kind, 0, 0, identifier, sequence) + token
    checksum = internet_checksum(plain) if family == 4 else 0
    return _HEADER.pack(kind, 0, checksum, identifier, sequence) + token


def is_reply(family: int, packet: bytes, token: bytes) -> bool:
    """Whether a packet is the reply to a request with this token; see `without_ip_header`."""
    if len(packet) < _HEADER.size:
        return False
    kind, code, *_ = _HEADER.unpack_from(packet)
    return (kind, code) == (_REPLY[family], 0) and packet[_HEADER.size :] == token


def without_ip_header(packet: bytes) -> bytes:
    """Take the IPv4 header off, which raw sockets leave on what they hear."""
    words = packet[0] & 0x0F if packet else 0
    return packet[4 * words :]
