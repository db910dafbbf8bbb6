"""Tell the peer's sync daemon of this director's connections, at the moment of a handover.

The kernel's own sender tells of a connection when it is established, and up to 2 s later. A
handover takes milliseconds, and must not lose those that are opening, or are younger than that.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from lvsengine.ipvs.connections import connection_of, open_rows
from lvsengine.ipvs.owners import told_of
from lvsengine.ipvs.sync_message import datagrams
from lvsengine.ipvs.syncd import SyncDaemon
from lvsengine.ipvs.table import Table
from lvsengine.net import Address

# thread-self: the list is that of the network namespace of whoever reads it.
LISTING = Path("/proc/thread-self/net/ip_vs_conn")
GROUP = "224.0.0.81"
PORT = 8848
PIECE = 65536  # bytes asked for; the kernel gives what it likes
LONGEST = 1400  # bytes in a datagram
# The receiver's buffer takes some 200 kB; it is given time to empty it.
BURST, PAUSE_S = 32, 0.001
MOST_PASSES, QUIET_PASSES, BETWEEN_PASSES_S = 8, 2, 0.01


class Wire(Protocol):
    """Takes datagrams to the peer's sync daemon."""

    def send(self, datagram: bytes) -> None:
        """Send one, or raise OSError."""

    def close(self) -> None:
        """Let go of the interface."""


class MulticastWire:
    """A `Wire` to the group where sync daemons meet.

    Raises:
        OSError: No such interface, or no address on it.
    """

    def __init__(self, daemon: SyncDaemon) -> None:
        group: Address | str = daemon.group or GROUP
        self._to = (str(group), daemon.port or PORT)
        is_v6 = daemon.group is not None and daemon.group.version == 6
        index = socket.if_nametoindex(daemon.interface)
        self._socket = socket.socket(
            socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM
        )
        try:
            _aim(self._socket, index, daemon.ttl or 1, is_v6=is_v6)
        except OSError:
            self._socket.close()
            raise

    def send(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._to)

    def close(self) -> None:
        self._socket.close()


def _aim(wire: socket.socket, index: int, ttl: int, *, is_v6: bool) -> None:
    """Send multicasts by this interface, so far, and none back to ourselves."""
    if is_v6:
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        return
    any_address = struct.pack("4s4si", bytes(4), bytes(4), index)  # struct ip_mreqn
    wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, any_address)
    wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
    wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)


def read_listing() -> str:
    """Read the kernel's list in large pieces: each costs a walk over all that came before."""
    with LISTING.open("rb", buffering=0) as file:
        return b"".join(iter(lambda: file.read(PIECE), b"")).decode("ascii")


class Telling:
    """What has been told in one handover; make one for each."""

    def __init__(
        self,
        daemon: SyncDaemon,
        *,
        open_wire: Callable[[SyncDaemon], Wire] = MulticastWire,
        listing: Callable[[], str] = read_listing,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._daemon = daemon
        self._open_wire = open_wire
        self._listing = listing
        self._sleep = sleep
        self._told: set[str] = set()

    async def tell(self, table: Table) -> int:
        """Tell of every connection that is not told of yet, or has changed; answer how many.

        Takes as long as the kernel needs for its list: about 1 ms for 1 000 connections, which
        grows with their square (before Linux 6.8), so the first call should come early.

        Raises:
            OSError: The list cannot be read, or the interface does not send.
        """
        return await asyncio.to_thread(self._tell, table)

    async def tell_the_rest(self, table: Table) -> int:
        """Tell until nothing more is found, some 20 ms; for when no new connections come.

        The kernel's list is read in pieces and leaves one out, now and then, where another ends
        meanwhile. So it is read until it has twice shown nothing new, at most 8 times.
        """
        told = quiet = 0
        for _ in range(MOST_PASSES):
            found = await self.tell(table)
            told += found
            quiet = 0 if found else quiet + 1
            if quiet == QUIET_PASSES:
                break
            await self._sleep(BETWEEN_PASSES_S)
        return told

    def _tell(self, table: Table) -> int:
        rows = [row for row in open_rows(self._listing()) if row not in self._told]
        told = list(told_of(table, map(connection_of, rows)))
        wire = self._open_wire(self._daemon)
        try:
            for number, datagram in enumerate(datagrams(told, self._daemon.sync_id, LONGEST), 1):
                wire.send(datagram)
                if number % BURST == 0:
                    time.sleep(PAUSE_S)
        finally:
            wire.close()
        self._told.update(rows)
        return len(told)
