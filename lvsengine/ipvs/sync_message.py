"""What connection-sync daemons say to one another: version 1 of their datagrams. Bytes only.

The kernel's own sender tells of a connection when it is established, and up to 2 s later. What
is written here can be told at any moment, of any connection; the kernel's receiver takes it in
the same way.

Source: the protocol as ip_vs_sync.c defines it, version 1 (Linux 2.6.39 and later).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lvsengine.ipvs.connections import Connection
from lvsengine.net import Forwarding, Protocol

VERSION = 1
IPV6 = 1  # the type of an entry with IPv6 addresses
HEAD = struct.Struct("!BBHBbxx")  # always 0, sync id, bytes in all, entries, version
ENTRY = struct.Struct("!BBHIHHHHII")  # type, protocol, bytes, flags, state, ports, mark, timeout
MOST_ENTRIES = 255
SHORTEST = 512  # bytes of a datagram that any path takes and that any entry fits into

NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17}
# IP_VS_CONN_F_*, linux/ip_vs.h
METHODS = {Forwarding.NAT: 0, Forwarding.TUNNEL: 2, Forwarding.DIRECT: 3}
INACTIVE = 0x0100
# IP_VS_TCP_S_* and IP_VS_UDP_S_NORMAL, net/ip_vs.h; not those of what is over.
STATES = {
    "ESTABLISHED": 1,
    "SYN_SENT": 2,
    "SYN_RECV": 3,
    "FIN_WAIT": 4,
    "CLOSE_WAIT": 7,
    "LAST_ACK": 8,
    "SYNACK": 10,
    "UDP": 0,
}
ACTIVE_STATES = frozenset({"ESTABLISHED", "SYN_SENT", "SYN_RECV", "SYNACK", "UDP"})


@dataclass(frozen=True, slots=True)
class Told:
    """One connection as it is told.

    Attributes:
        forwarding: How its packets reach the real server.
        mark: The firewall mark of the service it belongs to; 0 where it is known by address.
    """

    connection: Connection
    forwarding: Forwarding
    mark: int = 0


def datagrams(told: Iterable[Told], sync_id: int, longest: int) -> Iterator[bytes]:
    """Write datagrams of at most `longest` bytes that tell of these connections, in order."""
    entries: list[bytes] = []
    room = max(longest, SHORTEST) - HEAD.size
    used = 0
    for one in told:
        entry = _entry(one)
        if used + len(entry) > room or len(entries) == MOST_ENTRIES:
            yield _datagram(entries, sync_id)
            entries, used = [], 0
        entries.append(entry)
        used += len(entry)
    if entries:
        yield _datagram(entries, sync_id)


def _datagram(entries: list[bytes], sync_id: int) -> bytes:
    body = b"".join(entries)
    return HEAD.pack(0, sync_id, HEAD.size + len(body), len(entries), VERSION) + body


def _entry(told: Told) -> bytes:
    """Write one entry; a timeout of 0 leaves the receiver's own for that state."""
    one = told.connection
    addresses = one.client.packed + one.virtual.packed + one.real.packed
    return (
        ENTRY.pack(
            IPV6 if one.client.version == 6 else 0,
            NUMBERS[one.protocol],
            ENTRY.size + len(addresses),
            METHODS[told.forwarding] | (0 if one.state in ACTIVE_STATES else INACTIVE),
            STATES[one.state],
            one.client_port,
            one.virtual_port,
            one.real_port,
            told.mark,
            0,
        )
        + addresses
    )
