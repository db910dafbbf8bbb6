"""The few network words that every room shares: addresses, protocols, ways of forwarding."""

from __future__ import annotations

import struct
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address


class Protocol(Enum):
    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


class Forwarding(Enum):
    """How a packet reaches the real server; the values are lvs.cf's words for `network`."""

    NAT = "nat"
    DIRECT = "direct"
    TUNNEL = "tunnel"


def endpoint(address: Address, port: int) -> str:
    """Write `10.0.0.1:80` or `[2001:db8::1]:80`."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def internet_checksum(data: bytes) -> int:
    """Sum an even number of bytes as the internet does (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
