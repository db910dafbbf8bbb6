"""Two directors in one process: a network in memory, with the weather of a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from random import Random

from lvsengine.heartbeat.transport import Receive
from lvsengine.heartbeat.words import Link
from lvsengine.net import Address


@dataclass(frozen=True, slots=True)
class Weather:
    """What becomes of datagrams on one link in one direction.

    Attributes:
        loss, doubled: Shares, 0 to 1.
        delay_s: At least. `jitter_s`: up to so much more, by chance; so they overtake.
    """

    loss: float = 0.0
    delay_s: float = 0.001
    jitter_s: float = 0.0
    doubled: float = 0.0


FAIR = Weather()
CUT = Weather(loss=1.0)


def _later(delay_s: float, call: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(delay_s, call)


@dataclass(slots=True)
class MemoryNetwork:
    """Both links between two directors. The same seed gives the same losses and delays.

    Attributes:
        on_carry: Sees each datagram that is let loose, as an eavesdropper would.
    """

    seed: int = 0
    later: Callable[[float, Callable[[], None]], object] = _later
    on_carry: Callable[[bytes], object] = len
    _random: Random = field(init=False)
    _weather: dict[tuple[Link, Address], Weather] = field(default_factory=dict)
    _unplugged: set[tuple[Link, Address]] = field(default_factory=set)
    _ends: dict[tuple[Link, Address], MemoryTransport] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - weather, no secret

    def change(self, weather: Weather, link: Link | None = None, to: str | None = None) -> None:
        """Set the weather: of one link or of both, towards one director or both.

        Args:
            to: `primary` or `backup`.
        """
        for one in (link,) if link is not None else tuple(Link):
            for who in (to,) if to is not None else tuple(ADDRESSES):
                self._weather[one, ADDRESSES[who][one]] = weather

    def unplug(self, link: Link, who: str, *, out: bool) -> None:
        """Pull or put back a cable of `primary` or `backup`, whatever the weather."""
        plug = link, ADDRESSES[who][link]
        if out:
            self._unplugged.add(plug)
        else:
            self._unplugged.discard(plug)

    def join(self, who: str) -> MemoryTransport:
        """Give `primary` or `backup` its transport; a restarted one replaces the former."""
        return MemoryTransport(self, who)

    def attach(self, transport: MemoryTransport) -> None:
        for link, address in ADDRESSES[transport.who].items():
            self._ends[link, address] = transport

    def detach(self, transport: MemoryTransport) -> None:
        for place, end in tuple(self._ends.items()):
            if end is transport:
                del self._ends[place]

    def carry(self, link: Link, source: Address, to: Address, data: bytes) -> None:
        """Let a datagram loose; it may be forged by a test."""
        self.on_carry(data)
        weather = self._weather.get((link, to), FAIR)
        for _ in range(2 if self._random.random() < weather.doubled else 1):
            if self._random.random() >= weather.loss:
                delay_s = weather.delay_s + self._random.random() * weather.jitter_s
                self.later(delay_s, lambda: self._arrive(link, source, to, data))

    def _arrive(self, link: Link, source: Address, to: Address, data: bytes) -> None:
        end = self._ends.get((link, to))
        if end is not None and not self._unplugged & {(link, source), (link, to)}:
            end.arrive(data, source, link)


ADDRESSES: dict[str, dict[Link, Address]] = {
    "primary": {
        Link.PUBLIC: ip_address("192.168.26.9"),
        Link.PRIVATE: ip_address("10.11.12.9"),
    },
    "backup": {
        Link.PUBLIC: ip_address("192.168.26.8"),
        Link.PRIVATE: ip_address("10.11.12.8"),
    },
}


class MemoryTransport:
    """A `Transport` of one of the two."""

    def __init__(self, network: MemoryNetwork, who: str) -> None:
        self.who = who
        self._network = network
        self._peer = ADDRESSES["backup" if who == "primary" else "primary"]
        self._receive: Receive | None = None

    @property
    def sources(self) -> frozenset[Address]:
        return frozenset(self._peer.values())

    def open(self, receive: Receive) -> None:
        self._receive = receive
        self._network.attach(self)

    def send(self, link: Link, data: bytes) -> str:
        if self._receive is None:
            return "there is no such link"
        self._network.carry(link, ADDRESSES[self.who][link], self._peer[link], data)
        return ""

    def close(self) -> None:
        self._receive = None
        self._network.detach(self)

    def arrive(self, data: bytes, source: Address, link: Link) -> None:
        if self._receive is not None:
            self._receive(data, source, link)
