"""Tell the neighbours that addresses live here now, several times, for one packet may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address

from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.frames import gratuitous_arp, neighbour_advertisement
from lvsengine.vip.wire import PacketWire, Wire, why

TIMES = 5
PAUSE_S = 1.0


async def announce(
    addresses: Sequence[HeldAddress],
    *,
    times: int = TIMES,
    pause_s: float = PAUSE_S,
    open_wire: Callable[[str], Wire] = PacketWire,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[str]:
    """Announce all addresses in rounds; takes (times - 1) * pause_s seconds.

    Addresses on an interface without an Ethernet address, such as `lo`, have no neighbours and
    are passed over.

    Returns:
        A sentence for each address of which not one announcement went out.
    """
    wires = _Wires(open_wire)
    reasons: dict[HeldAddress, str] = {}
    announced: set[HeldAddress] = set()
    try:
        for number in range(times):
            if number:
                await sleep(pause_s)
            failed = wires.announce(addresses)
            announced |= set(addresses) - set(failed)
            reasons |= failed
    finally:
        wires.close()
    return [
        f"cannot announce {held}: {reason}"
        for held, reason in reasons.items()
        if held not in announced
    ]


class _Wires:
    """At most one wire for each interface, opened when first needed."""

    def __init__(self, open_wire: Callable[[str], Wire]) -> None:
        self._open_wire = open_wire
        self._wires: dict[str, Wire] = {}

    def announce(self, addresses: Iterable[HeldAddress]) -> dict[HeldAddress, str]:
        """Announce each address once; answer those that failed, with the reason."""
        failed = {}
        unusable: dict[str, str] = {}
        for held in addresses:
            if held.interface not in unusable:
                try:
                    self._send(held)
                    continue
                except OSError as error:
                    unusable[held.interface] = why(held.interface, error)
                    self._drop(held.interface)
            failed[held] = unusable[held.interface]
        return failed

    def close(self) -> None:
        for interface in list(self._wires):
            self._drop(interface)

    def _send(self, held: HeldAddress) -> None:
        wire = self._wires.get(held.interface)
        if wire is None:
            wire = self._wires[held.interface] = self._open_wire(held.interface)
        if wire.mac is not None:
            wire.send(_frame(wire.mac, held))

    def _drop(self, interface: str) -> None:
        wire = self._wires.pop(interface, None)
        if wire is not None:
            wire.close()


def _frame(mac: bytes, held: HeldAddress) -> bytes:
    if isinstance(held.address, IPv4Address):
        return gratuitous_arp(mac, held.address)
    return neighbour_advertisement(mac, held.address)
