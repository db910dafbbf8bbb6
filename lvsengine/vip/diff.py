"""Turn 'addresses that are there' and 'addresses that should be' into a list of changes.

An address is *ours* when the engine's state file says that we added it; of several entries
of it (a director that is a real server too has its virtual IP on `lo`), those under an alias
are. It is ours also when it carries exactly the alias (`eth0:1`) that lvs.cf gives it, for then
an earlier run of ours, or of the original, left it. Every other address is *foreign*: it is
never changed or removed, and where lvs.cf wants one that is there already, it serves as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network

from lvsengine.net import Address
from lvsengine.vip.desired import HeldAddress


@dataclass(frozen=True, slots=True)
class PresentAddress:
    """One address as the kernel shows it.

    Attributes:
        label: As in `HeldAddress`; the interface's name where IPv4 has no alias.
        scope: The kernel's number: 0 global, 253 link, 254 host.
        secondary: It shares its IPv4 network with an address that came before it, the primary.
            A kernel that does not promote secondaries drops them with their primary.
    """

    address: Address
    prefix: int
    interface: str
    label: str = ""
    broadcast: Address | None = None
    scope: int = 0
    secondary: bool = False

    @property
    def held(self) -> HeldAddress:
        return HeldAddress(self.address, self.prefix, self.interface, self.label, self.broadcast)


class Verb(Enum):
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class AddressChange:
    verb: Verb
    address: HeldAddress

    def __str__(self) -> str:
        return f"{self.verb.value} {self.address}"


class Holding(Enum):
    """Whether this machine holds an address that it should hold."""

    OURS = "ours"
    FOREIGN = "foreign"
    ABSENT = "absent"


def diff(
    present: Iterable[PresentAddress],
    desired: Iterable[HeldAddress],
    ours: Collection[Address],
) -> list[AddressChange]:
    """List the changes that turn `present` into `desired`, in a safe order.

    First goes what nobody wants any more and what stands in the way of its own replacement
    (the kernel keeps an IPv4 address once per interface and prefix, an IPv6 address once per
    interface); then the new come; then go old entries of addresses that are there twice now,
    so that such an address is never missing. Secondaries go before primaries, which would
    take them along.
    """
    entries = _by_address(present)
    wanted = {held.address: held for held in desired}
    first: list[PresentAddress] = []
    additions: list[HeldAddress] = []
    last: list[PresentAddress] = []
    for address, found in entries.items():
        if address in ours and address not in wanted:
            first += _under_alias(found) or found
    for held in wanted.values():
        found = entries.get(held.address, [])
        mine = _ours_of(found, held, ours)
        if any(entry not in mine and _in_the_way(entry, held) for entry in found):
            continue
        wrong = [entry for entry in mine if entry.held != held]
        first += (entry for entry in wrong if _in_the_way(entry, held))
        last += (entry for entry in wrong if not _in_the_way(entry, held))
        if len(wrong) == len(mine) and (mine or not found):
            additions.append(held)
    return [
        *_removals(first),
        *(AddressChange(Verb.ADD, held) for held in additions),
        *_removals(last),
    ]


def holdings(
    present: Iterable[PresentAddress],
    desired: Iterable[HeldAddress],
    ours: Collection[Address],
) -> dict[HeldAddress, Holding]:
    """Say of each desired address whether it is here, and whose it is.

    What is not foreign belongs into `ours` before the changes are made: an engine that is
    killed in between then still knows its own.
    """
    entries = _by_address(present)
    return {held: _holding(held, entries.get(held.address, ()), ours) for held in desired}


def dropped_along(present: Iterable[PresentAddress], held: HeldAddress) -> list[Address]:
    """List the addresses that a kernel without promotion drops when `held` is removed."""
    network = ip_network((held.address, held.prefix), strict=False)
    same = [
        entry
        for entry in present
        if (entry.interface, entry.prefix) == (held.interface, held.prefix)
        and entry.address in network
    ]
    primary = any(entry.address == held.address and not entry.secondary for entry in same)
    return [entry.address for entry in same if entry.secondary] if primary else []


def _by_address(present: Iterable[PresentAddress]) -> dict[Address, list[PresentAddress]]:
    entries: defaultdict[Address, list[PresentAddress]] = defaultdict(list)
    for entry in present:
        entries[entry.address].append(entry)
    return entries


def _holding(
    held: HeldAddress, found: Sequence[PresentAddress], ours: Collection[Address]
) -> Holding:
    if not found:
        return Holding.ABSENT
    return Holding.OURS if _ours_of(found, held, ours) else Holding.FOREIGN


def _ours_of(
    found: Sequence[PresentAddress], held: HeldAddress, ours: Collection[Address]
) -> Sequence[PresentAddress]:
    """Pick from the entries of one desired address those that are ours."""
    if held.address not in ours:
        place = (held.interface, held.label)
        return [entry for entry in _under_alias(found) if (entry.interface, entry.label) == place]
    certain = [*_under_alias(found), *(entry for entry in found if entry.held == held)]
    return certain or found


def _under_alias(found: Iterable[PresentAddress]) -> list[PresentAddress]:
    # A label without a colon is what the kernel gives to any address.
    return [entry for entry in found if ":" in entry.label]


def _in_the_way(entry: PresentAddress, held: HeldAddress) -> bool:
    same_place = held.address.version == 6 or entry.prefix == held.prefix
    return entry.interface == held.interface and same_place


def _removals(entries: Iterable[PresentAddress]) -> list[AddressChange]:
    ordered = sorted(entries, key=lambda entry: not entry.secondary)
    return [AddressChange(Verb.REMOVE, entry.held) for entry in ordered]
