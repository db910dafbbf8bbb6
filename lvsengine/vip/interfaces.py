"""Which interface holds an address, and whether it can carry packets: kept from news.

What the kernel says of the interface that holds the address counts: of a bond or a VLAN it
knows by itself whether anything below is still there. News are states, not events: a cable that
was out and in again within 0.3 s may come as one message.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum

from lvsengine.net import Address
from lvsengine.vip.rtnetlink import AddressNews, LinkNews, News


class Trouble(Enum):
    """Why a link is down; the value follows the interface's name."""

    NONE = "can carry packets"
    OFF = "is switched off"
    NO_CARRIER = "has no carrier"


@dataclass(frozen=True, slots=True)
class LinkState:
    """The link of one address.

    Attributes:
        interface: What holds the address; empty where nothing does, and that link is down.
    """

    address: Address
    interface: str = ""
    trouble: Trouble = Trouble.NONE

    @property
    def is_up(self) -> bool:
        return bool(self.interface) and self.trouble is Trouble.NONE

    def __str__(self) -> str:
        if not self.interface:
            return f"no interface holds {self.address}"
        return f"{self.interface}, which holds {self.address}, {self.trouble.value}"


class Interfaces:
    """What is known of this machine's interfaces."""

    def __init__(self) -> None:
        self._links: dict[int, LinkNews] = {}
        self._holders: defaultdict[Address, set[int]] = defaultdict(set)

    def learn(self, said: News) -> None:
        if isinstance(said, LinkNews):
            if said.gone:
                self._links.pop(said.index, None)
            else:
                self._links[said.index] = said
        elif isinstance(said, AddressNews):
            if not said.gone:
                self._holders[said.address].add(said.index)
            elif said.address in self._holders:
                self._holders[said.address].discard(said.index)

    def look(self, address: Address) -> LinkState:
        """Say how the link of an address is; where several hold it, one that works counts."""
        holders = [self._links[index] for index in self._held_by(address) if index in self._links]
        states = [LinkState(address, link.name, _trouble(link)) for link in holders]
        return max(states, key=lambda state: state.is_up, default=LinkState(address))

    def _held_by(self, address: Address) -> list[int]:
        return sorted(self._holders.get(address, ()))


def _trouble(link: LinkNews) -> Trouble:
    if not link.is_on:
        return Trouble.OFF
    return Trouble.NONE if link.has_carrier else Trouble.NO_CARRIER
