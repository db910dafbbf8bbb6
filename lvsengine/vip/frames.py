"""Ethernet frames that tell neighbours where an address lives now. Bytes only, no socket."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

from lvsengine.net import internet_checksum

BROADCAST = b"\xff" * 6
UNKNOWN = b"\x00" * 6
ALL_NODES = IPv6Address("ff02::1")
ALL_NODES_MAC = bytes.fromhex("333300000001")  # RFC 2464, section 7
SHORTEST_FRAME = 60  # Ethernet's minimum without its checksum
REQUEST, REPLY = 1, 2
ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0806, 0x86DD
ICMPV6, NEIGHBOUR_ADVERTISEMENT = 58, 136
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
    pseudo_header = struct.pack(
        "!16s16sI3xB", address.packed, ALL_NODES.packed, 4 + len(body), ICMPV6
    )
    head = struct.pack("!BBH", NEIGHBOUR_ADVERTISEMENT, 0, 0)
    checksum = internet_checksum(pseudo_header + head + body)
    message = struct.pack("!BBH", NEIGHBOUR_ADVERTISEMENT, 0, checksum) + body
    # Hop limit 255 proves that no router passed it on; receivers drop anything else.
    header = struct.pack(
        "!IHBB16s16s", 6 << 28, len(message), ICMPV6, 255, address.packed, ALL_NODES.packed
    )
    return _ethernet(ALL_NODES_MAC, mac, ETHERTYPE_IPV6) + header + message


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
