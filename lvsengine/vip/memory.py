"""Addresses and links in memory, as strict as the kernel: for tests, and to set nothing."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_network

from lvsengine.net import Address
from lvsengine.vip.addresses import AddressFailure, refused
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb
from lvsengine.vip.interfaces import LinkState, Trouble
from lvsengine.vip.links import OnChange

LONGEST_LABEL = 15  # IFNAMSIZ - 1, linux/if.h
HOST_SCOPE = 254  # RT_SCOPE_HOST, linux/rtnetlink.h


class MemoryAddresses:
    """An `AddressPlane` of a machine that has only the interfaces named.

    Attributes:
        applied: Every change that was made, in order.
    """

    def __init__(
        self,
        interfaces: Iterable[str] = ("lo", "eth0", "eth1"),
        present: Iterable[PresentAddress] = (),
    ) -> None:
        self.interfaces = tuple(interfaces)
        self.applied: list[AddressChange] = []
        self._present = list(present)

    async def read(self) -> tuple[PresentAddress, ...]:
        before: list[PresentAddress] = []
        for entry in self._present:
            secondary = any(_shares_network(entry, other) for other in before)
            before.append(replace(entry, secondary=secondary))
        return tuple(before)

    async def apply(self, changes: Sequence[AddressChange]) -> list[AddressFailure]:
        failures = []
        for change in changes:
            errno_of_refusal = self._try(change)
            if errno_of_refusal:
                failures.append(refused(change, errno_of_refusal, interfaces=self.interfaces))
            else:
                self.applied.append(change)
        return failures

    async def close(self) -> None:
        """Hold nothing that would have to be let go."""

    def _try(self, change: AddressChange) -> int:
        """Make one change; answer 0, or the errno with which the kernel would refuse it."""
        held = change.address
        if held.interface not in self.interfaces:
            return errno.ENODEV
        if change.verb is Verb.REMOVE:
            return self._remove(held)
        return self._add(held)

    def _add(self, held: HeldAddress) -> int:
        if held.prefix > held.address.max_prefixlen:
            return errno.EINVAL
        if len(held.label) > LONGEST_LABEL:
            return errno.ERANGE
        if any(_same_place(entry, held) for entry in self._present):
            return errno.EEXIST
        self._present.append(_as_kept(held))
        return 0

    def _remove(self, held: HeldAddress) -> int:
        found = [
            entry
            for entry in self._present
            if _same_place(entry, held)
            and entry.prefix == held.prefix
            and held.label in ("", entry.label)
        ]
        for entry in found:
            self._present.remove(entry)
        return 0 if found else errno.EADDRNOTAVAIL


class MemoryLinks:
    """A `LinkWatch` of a machine whose cables a test pulls; each address has its own, plugged in.

    Attributes:
        is_open: Whether it would hear of changes; nothing is reported before and after.
    """

    def __init__(self, on_change: OnChange) -> None:
        self.is_open = False
        self._on_change = on_change
        self._pulled: set[Address] = set()
        self._watched: tuple[Address, ...] = ()

    def open(self) -> None:
        self.is_open = True

    def watch(self, addresses: Iterable[Address]) -> None:
        self._watched = tuple(addresses)

    def states(self) -> dict[str, bool]:
        return {str(address): self.look(address).is_up for address in self._watched}

    def look(self, address: Address) -> LinkState:
        trouble = Trouble.NO_CARRIER if address in self._pulled else Trouble.NONE
        return LinkState(address, "eth0", trouble)

    async def run(self) -> None:
        self.open()
        try:
            await asyncio.Event().wait()
        finally:
            self.close()

    def close(self) -> None:
        self.is_open = False

    def pull(self, address: Address) -> None:
        """Pull the cable of an address."""
        if address not in self._pulled:
            self._pulled.add(address)
            self._tell(address)

    def plug(self, address: Address) -> None:
        if address in self._pulled:
            self._pulled.remove(address)
            self._tell(address)

    def _tell(self, address: Address) -> None:
        if self.is_open and address in self._watched:
            self._on_change(self.look(address))


def _as_kept(held: HeldAddress) -> PresentAddress:
    label = "" if held.address.version == 6 else held.label or held.interface
    scope = HOST_SCOPE if held.address.is_loopback else 0
    return PresentAddress(
        held.address, held.prefix, held.interface, label, held.broadcast, scope=scope
    )


def _same_place(entry: PresentAddress, held: HeldAddress) -> bool:
    same = (entry.address, entry.interface) == (held.address, held.interface)
    return same and (held.address.version == 6 or entry.prefix == held.prefix)


def _shares_network(entry: PresentAddress, primary: PresentAddress) -> bool:
    if entry.address.version == 6 or primary.secondary:
        return False
    if (primary.interface, primary.prefix) != (entry.interface, entry.prefix):
        return False
    return primary.address in ip_network((entry.address, entry.prefix), strict=False)
