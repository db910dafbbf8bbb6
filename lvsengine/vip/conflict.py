"""See, after a takeover, whether somebody else still answers for the addresses.

Asks the wire as RFC 5227 and RFC 4862 ask before an address is taken, which disturbs nobody's
memory of it. A takeover never waits for this: it runs beside, and what it finds is told.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from ipaddress import IPv4Address

from lvsengine.net import Address
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.frames import arp_probe, claim, duplicate_solicitation
from lvsengine.vip.wire import ClaimWire, HearingWire, why

TIMES = 3
PAUSE_S = 0.35
AT_ONCE = 100  # frames read in one turn of the loop

Open = Callable[[str, int], HearingWire]
Place = tuple[str, int]  # interface, family


async def conflicts(
    addresses: Sequence[HeldAddress],
    own_macs: Collection[bytes] = (),
    *,
    times: int = TIMES,
    pause_s: float = PAUSE_S,
    open_wire: Open = ClaimWire,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[str]:
    """Ask `times` times who else has the addresses; takes times * pause_s seconds.

    An answer to the first question alone is no conflict: a peer that is just letting go may
    still give one. Interfaces without an Ethernet address, such as `lo`, are passed over.

    Args:
        own_macs: Hardware addresses that are ours too, beside that of each interface.

    Returns:
        A sentence for each address and other machine that claims it, and for each interface
        where nobody could be asked.
    """
    asking = _Asking(addresses, own_macs, open_wire)
    try:
        for number in range(times):
            if number < 2:
                asking.claims.clear()
            asking.ask()
            await sleep(pause_s)
            asking.hear_all()
    finally:
        asking.close()
    return asking.sentences()


class _Asking:
    """What is asked on which wire, and who claims what.

    Attributes:
        claims: Address and interface -> the hardware addresses of others.
    """

    def __init__(
        self, addresses: Iterable[HeldAddress], own_macs: Collection[bytes], open_wire: Open
    ) -> None:
        self.claims: defaultdict[tuple[Address, str], set[bytes]] = defaultdict(set)
        self._own = set(own_macs)
        self._asked: defaultdict[Place, set[Address]] = defaultdict(set)
        self._wires: dict[Place, HearingWire] = {}
        self._failed: dict[str, str] = {}
        for held in addresses:
            self._asked[held.interface, held.address.version].add(held.address)
        for place in self._asked:
            self._open(place, open_wire)

    def _open(self, place: Place, open_wire: Open) -> None:
        interface, family = place
        try:
            wire = open_wire(interface, family)
        except OSError as error:
            self._failed[interface] = why(interface, error)
            return
        self._wires[place] = wire
        if wire.mac is not None:
            self._own.add(wire.mac)
        asyncio.get_running_loop().add_reader(wire.fileno(), self._hear, place)

    def ask(self) -> None:
        for (interface, family), wire in self._wires.items():
            try:
                for address in self._asked[interface, family]:
                    if wire.mac is not None:
                        wire.send(_question(wire.mac, address))
            except OSError as error:
                self._failed[interface] = why(interface, error)

    def hear_all(self) -> None:
        for place in self._wires:
            self._hear(place)

    def _hear(self, place: Place) -> None:
        try:
            for _ in range(AT_ONCE):
                self._note(place, self._wires[place].receive())
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed[place[0]] = why(place[0], error)

    def _note(self, place: Place, frame: bytes) -> None:
        claimed = claim(frame)
        if claimed is None:
            return
        address, mac = claimed
        if address in self._asked[place] and mac not in self._own:
            self.claims[address, place[0]].add(mac)

    def close(self) -> None:
        for wire in self._wires.values():
            asyncio.get_running_loop().remove_reader(wire.fileno())
            wire.close()

    def sentences(self) -> list[str]:
        told = [
            f"somebody else still answers for {address} on {interface}: {mac.hex(':')}. While it"
            " does, some clients reach it and not this director; find that machine and take the"
            " address from it"
            for (address, interface), macs in self.claims.items()
            for mac in sorted(macs)
        ]
        return told + [
            f"cannot see whether somebody else answers for the addresses on {interface}: {reason}"
            for interface, reason in self._failed.items()
        ]


def _question(mac: bytes, address: Address) -> bytes:
    if isinstance(address, IPv4Address):
        return arp_probe(mac, address)
    return duplicate_solicitation(mac, address)
