"""Know within milliseconds when the link of a local address goes down or comes up.

The kernel says so by itself, on a netlink socket that the loop reads; nothing is polled. Where
its words are lost (the socket's buffer ran over), all is read again.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable
from typing import Protocol

from lvsengine.errors import EngineError
from lvsengine.net import Address
from lvsengine.vip.interfaces import Interfaces, LinkState
from lvsengine.vip.route_socket import NetlinkSocket, RouteSocket
from lvsengine.vip.rtnetlink import (
    ADDRESSES,
    GET_ADDRESS,
    GET_LINK,
    LINKS,
    EndOfAnswer,
    ask_all,
    news,
)

DEADLINE_S = 1.0  # of one reading of everything; the kernel needs a millisecond
TRIES = 3
AT_ONCE = 1000  # datagrams; the loop comes back for the rest

OnChange = Callable[[LinkState], None]


class LinkWatch(Protocol):
    """What watching links promises: the kernel's netlink, and the one in memory."""

    def open(self) -> None:
        """Begin to watch, inside a running loop. Raises EngineError where that cannot be."""

    def watch(self, addresses: Iterable[Address]) -> None:
        """Watch these addresses instead of those before.

        How they are is known at once; only later changes are reported.
        """

    def states(self) -> dict[str, bool]:
        """Tell of each watched address, as text, whether its link is up."""

    def look(self, address: Address) -> LinkState:
        """Tell how the link of any address is, and why."""

    async def run(self) -> None:
        """Go on until cancelled; raises EngineError when the kernel can be asked no more."""

    def close(self) -> None:
        """Let go of the kernel."""


def hearing() -> RouteSocket:
    """Open a socket that hears of links and addresses. Needs no privilege."""
    return NetlinkSocket(LINKS | ADDRESSES)


class Links:
    """A `LinkWatch` by netlink. `on_change` is called from the loop, once for each change."""

    def __init__(self, on_change: OnChange, connect: Callable[[], RouteSocket] = hearing) -> None:
        self._on_change = on_change
        self._connect = connect
        self._socket: RouteSocket | None = None
        self._interfaces = Interfaces()
        self._states: dict[Address, LinkState] = {}
        self._failed = asyncio.Event()
        self._error: Exception | None = None

    def open(self) -> None:
        if self._socket is None:
            self._renew()

    def watch(self, addresses: Iterable[Address]) -> None:
        self._states = {address: self.look(address) for address in addresses}

    def states(self) -> dict[str, bool]:
        return {str(address): state.is_up for address, state in self._states.items()}

    def look(self, address: Address) -> LinkState:
        return self._interfaces.look(address)

    async def run(self) -> None:
        try:
            self.open()
            await self._failed.wait()
        finally:
            self.close()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        route, self._socket = self._socket, None
        if route is not None:
            asyncio.get_running_loop().remove_reader(route.fileno())
            route.close()

    def _renew(self) -> None:
        """Listen on a new socket, where nothing stale waits, and read everything."""
        for remaining in reversed(range(TRIES)):
            self.close()
            try:
                self._listen()
            except OSError as error:
                self.close()
                if not remaining:
                    raise _unheard(error) from error
            else:
                return

    def _listen(self) -> None:
        self._socket = route = self._connect()
        self._interfaces = Interfaces()
        for sequence, kind in enumerate((GET_LINK, GET_ADDRESS), start=1):
            route.send(ask_all(kind, sequence))
            while not self._learn(route.receive(DEADLINE_S), sequence):
                pass
        asyncio.get_running_loop().add_reader(route.fileno(), self._on_readable, route)

    def _learn(self, datagram: bytes, sequence: int = 0) -> bool:
        """Take in news; answer whether they end the answer to request `sequence`."""
        ended = False
        for said in news(datagram):
            self._interfaces.learn(said)
            if isinstance(said, EndOfAnswer) and said.sequence == sequence:
                if said.errno:
                    raise OSError(said.errno, os.strerror(said.errno))
                ended = True
        return ended

    def _on_readable(self, route: RouteSocket) -> None:
        try:
            self._drain(route)
            self._tell()
        except Exception as error:  # whoever runs us must end: nobody else would hear of it
            self.close()
            self._error = error
            self._failed.set()

    def _drain(self, route: RouteSocket) -> None:
        """Read all that waits before anyone is told: only how it is now counts."""
        try:
            for _ in range(AT_ONCE):
                self._learn(route.receive(0))
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise _unheard(error) from error
            self._renew()

    def _tell(self) -> None:
        before = self._states
        self.watch(before)
        changed = [now for now in self._states.values() if now.is_up != before[now.address].is_up]
        for state in changed:
            self._on_change(state)


def _unheard(error: OSError) -> EngineError:
    return EngineError(
        "no-links",
        f"the kernel does not tell how the network links are: {error.strerror or error}",
        "pulse needs a netlink socket (AF_NETLINK)",
    )
