"""Ethernet frames that tell neighbours where an address lives, or ask them. Bytes, no socket."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

from lvsengine.net import Address, internet_checksum

BROADCAST = b"\xff" * 6
UNKNOWN = b"\x00" * 6
ALL_NODES = IPv6Address("ff02::1")
SHORTEST_FRAME = 60  # Ethernet's minimum without its checksum
REQUEST, REPLY = 1, 2
ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0806, 0x86DD
ICMPV6, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 58, 135, 136
NOBODY = IPv4Address(0)
UNSPECIFIED = IPv6Address(0)
SOLICITED_NODE = int(IPv6Address("ff02::1:ff00:0"))  # RFC 4291, section 2.7.1
OVERRIDE = 0x20000000
TARGET_LINK_LAYER_ADDRESS = 2


def gratuitous_arp(mac: bytes, address: IPv4Address) -> bytes:
    """Announce an IPv4 address in the request form (RFC 5227, section 3: ARP announcement).

    The reply form of the original, with the target's address all ones, is ignored by Linux for
    an entry that it learnt less than a second ago; this one is not.
    """
    return _arp(BROADCAST, REQUEST, (mac, address), (UNKNOWN, address))


def gratuitous_reply(destination: bytes, mac: bytes, address: IPv4Address) -> bytes:
    """Announce an IPv4 address as the original's send_arp does: a reply, to and from itself."""
    return _arp(destination, REPLY, (mac, address), (mac, address))


def neighbour_advertisement(mac: bytes, address: IPv6Address) -> bytes:
    """Announce an IPv6 address to all nodes of the link (RFC 4861, section 7.2.6).

    Unsolicited, with the Override flag, so that neighbours replace what they remember. The
    Router flag is not set: nobody learns a default router from a virtual IP.
    """
    option = struct.pack("!BB6s", TARGET_LINK_LAYER_ADDRESS, 1, mac)
    body = struct.pack("!I16s", OVERRIDE, address.packed) + option
    return _icmpv6(mac, (address, ALL_NODES), NEIGHBOUR_ADVERTISEMENT, body)


def arp_probe(mac: bytes, address: IPv4Address) -> bytes:
    """Ask who has an IPv4 address, without claiming it (RFC 5227, section 2.1.1)."""
    return _arp(BROADCAST, REQUEST, (mac, NOBODY), (UNKNOWN, address))


def duplicate_solicitation(mac: bytes, address: IPv6Address) -> bytes:
    """Ask who has an IPv6 address, as one that would like to have it (RFC 4862, section 5.4)."""
    group = IPv6Address(SOLICITED_NODE | int(address) & 0xFFFFFF)
    body = struct.pack("!I16s", 0, address.packed)
    return _icmpv6(mac, (UNSPECIFIED, group), NEIGHBOUR_SOLICITATION, body)


def claim(frame: bytes) -> tuple[Address, bytes] | None:
    """Read which address a frame claims for which hardware address; None where it claims none.

    Any ARP packet claims its sender's address, an advertisement its target.
    """
    if len(frame) >= 42 and frame[12:20] == _ARP_OF_IPV4:
        address = IPv4Address(frame[28:32])
        return None if address == NOBODY else (address, frame[22:28])
    head = frame[12:14], frame[20:21], frame[54:55]
    if len(frame) >= 78 and head == _ADVERTISEMENT:
        return IPv6Address(frame[62:78]), frame[6:12]
    return None


_ARP_OF_IPV4 = struct.pack("!HHHBB", ETHERTYPE_ARP, 1, 0x0800, 6, 4)
_ADVERTISEMENT = (
    struct.pack("!H", ETHERTYPE_IPV6),
    bytes([ICMPV6]),
    bytes([NEIGHBOUR_ADVERTISEMENT]),
)


def _icmpv6(mac: bytes, ends: tuple[IPv6Address, IPv6Address], kind: int, body: bytes) -> bytes:
    """Write a message of neighbour discovery from one address to a multicast group."""
    source, group = ends
    addresses = source.packed + group.packed
    pseudo_header = addresses + struct.pack("!I3xB", 4 + len(body), ICMPV6)
    checksum = internet_checksum(pseudo_header + struct.pack("!BBH", kind, 0, 0) + body)
    message = struct.pack("!BBH", kind, 0, checksum) + body
    # Hop limit 255 proves that no router passed it on; receivers drop anything else.
    header = struct.pack("!IHBB", 6 << 28, len(message), ICMPV6, 255) + addresses
    destination = b"\x33\x33" + group.packed[-4:]  # RFC 2464, section 7
    return _ethernet(destination, mac, ETHERTYPE_IPV6) + header + message


def _arp(
    destination: bytes,
    operation: int,
    sender: tuple[bytes, IPv4Address],
    target: tuple[bytes, IPv4Address],
) -> bytes:
    packet = struct.pack(
        "!HHBBH6s4s6s4s",
        1,  # hardware: Ethernet
        0x0800,  # protocol: IPv4
        6,
        4,
        operation,
        sender[0],
        sender[1].packed,
        target[0],
        target[1].packed,
    )
    frame = _ethernet(destination, sender[0], ETHERTYPE_ARP) + packet
    return frame.ljust(SHORTEST_FRAME, b"\x00")


def _ethernet(destination: bytes, source: bytes, ethertype: int) -> bytes:
    return struct.pack("!6s6sH", destination, source, ethertype)
