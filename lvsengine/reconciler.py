"""Make the kernel hold what it should: read, diff, apply, read back, report what failed.

Foreign services and addresses, that is those that we did not make, are never touched.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lvsengine.ipvs.diff import Change, Verb, diff
from lvsengine.ipvs.listing import change_line
from lvsengine.ipvs.plane import Failure, Plane
from lvsengine.ipvs.table import EMPTY, DestinationKey, ServiceKey, Table
from lvsengine.net import Address
from lvsengine.vip.addresses import AddressFailure, AddressPlane
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, Holding, PresentAddress, holdings
from lvsengine.vip.diff import Verb as AddressVerb
from lvsengine.vip.diff import diff as address_diff


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one turn did: the changes it made, and those that were refused.

    Attributes:
        addresses: Virtual IPs that were added or removed.
    """

    changes: tuple[Change, ...] = ()
    failures: tuple[Failure, ...] = ()
    addresses: tuple[AddressChange, ...] = ()

    @property
    def made(self) -> tuple[Change, ...]:
        refused = {failure.change for failure in self.failures}
        return tuple(change for change in self.changes if change not in refused)


class Reconciler:
    """Keeps one plane's table equal to the desired one.

    Attributes:
        table: What the plane held when it was last read, foreign services too.
    """

    def __init__(self, plane: Plane) -> None:
        self.table = EMPTY
        self._plane = plane

    async def refresh(self) -> None:
        """Read the whole table again, so that drift is seen."""
        self.table = await self._plane.read()

    async def reconcile(self, desired: Table, owned: Collection[ServiceKey]) -> Outcome:
        """Apply what differs, then read back the services that were touched."""
        changes = self.changes(desired, owned)
        if not changes:
            return Outcome()
        failures = await self._plane.apply(changes)
        touched = {_service(change) for change in changes}
        held = await self._plane.read(touched)
        self.table = _merged(self.table, held, touched)
        refused = {failure.change.key for failure in failures}
        failures += [
            _not_held(change)
            for change in diff(held, _part(desired, touched))
            if change.key not in refused and _service(change) not in refused
        ]
        return Outcome(tuple(changes), tuple(failures))

    def changes(self, desired: Table, owned: Collection[ServiceKey]) -> list[Change]:
        """List what would have to change, by the table as last read."""
        return diff(ours(self.table, desired, owned), desired)


def ours(table: Table, desired: Table, owned: Collection[ServiceKey]) -> Table:
    """Leave out the foreign services."""
    services = {
        key: service
        for key, service in table.services.items()
        if key in desired.services or key in owned
    }
    if len(services) == len(table.services):
        return table
    destinations = {
        key: destination
        for key, destination in table.destinations.items()
        if key.service in services
    }
    return Table(services, destinations)


def _service(change: Change) -> ServiceKey:
    return change.key.service if isinstance(change.key, DestinationKey) else change.key


def _merged(table: Table, fresh: Table, touched: Collection[ServiceKey]) -> Table:
    services = {key: value for key, value in table.services.items() if key not in touched}
    destinations = {
        key: value for key, value in table.destinations.items() if key.service not in touched
    }
    return Table({**services, **fresh.services}, {**destinations, **fresh.destinations})


def _part(table: Table, services: Collection[ServiceKey]) -> Table:
    """Leave out all but some services."""
    destinations = table.destinations.items()
    return Table(
        {key: service for key, service in table.services.items() if key in services},
        {key: value for key, value in destinations if key.service in services},
    )


def _not_held(change: Change) -> Failure:
    told = "was accepted, but the table read back does not show it"
    if change.verb is Verb.SET:
        told = "was accepted, but the table read back shows other values"
    return Failure(change, errno.EIO, f"{change_line(change)} {told}")


class AddressReconciler:
    """Keeps this machine's virtual IPs equal to the desired ones.

    Attributes:
        holdings: Of each desired address, whether it is held and whose it is, as last read; what
            has been added since is ours.
        failures: What the last turn could not do.
    """

    def __init__(self, plane: AddressPlane) -> None:
        self.holdings: dict[HeldAddress, Holding] = {}
        self.failures: tuple[AddressFailure, ...] = ()
        self._plane = plane
        self._present: tuple[PresentAddress, ...] = ()

    async def refresh(self, desired: Sequence[HeldAddress], owned: Collection[Address]) -> None:
        self._present = await self._plane.read()
        self.holdings = holdings(self._present, desired, owned)

    def claimable(self) -> frozenset[Address]:
        """The desired addresses that are ours already, or that nobody holds."""
        return frozenset(
            held.address
            for held, holding in self.holdings.items()
            if holding is not Holding.FOREIGN
        )

    def ours(self, claimed: Collection[Address]) -> frozenset[Address]:
        """Of the addresses claimed, those that are to be put away one day: held, or still held.

        One that was removed is forgotten, for it may come back as somebody else's.
        """
        held = {one.address for one, holding in self.holdings.items() if holding is Holding.OURS}
        stuck = {failure.change.address.address for failure in self.failures}
        return frozenset(address for address in claimed if address in held | stuck)

    def changes(
        self, desired: Sequence[HeldAddress], owned: Collection[Address]
    ) -> list[AddressChange]:
        """List what would have to change, by the addresses as last read."""
        found = holdings(self._present, desired, owned)
        claimed = {held.address for held, whose in found.items() if whose is not Holding.FOREIGN}
        return address_diff(self._present, desired, claimed.union(owned))

    async def hold(
        self, desired: Sequence[HeldAddress], owned: Collection[Address]
    ) -> tuple[AddressChange, ...]:
        """Make the changes that `refresh` showed to be due; `refresh` then, to read back.

        Returns:
            The changes made.
        """
        changes = address_diff(self._present, desired, owned)
        refused = await self._plane.apply(changes) if changes else []
        self.failures = tuple(refused)
        failed = {failure.change for failure in refused}
        made = tuple(change for change in changes if change not in failed)
        added = (change.address for change in made if change.verb is AddressVerb.ADD)
        self.holdings |= dict.fromkeys(added, Holding.OURS)
        return made
