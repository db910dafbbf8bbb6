"""Hold the virtual IPs while this director serves, and announce what was raised."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from lvsengine.chronicle import Chronicle
from lvsengine.reconciler import AddressReconciler
from lvsengine.state import Keeper
from lvsengine.vip.addresses import AddressPlane
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, Verb
from lvsengine.vip.diff import Holding as Held

log = logging.getLogger("pulse")

TIMES = 5
PAUSE_S = 1.0


class Announce(Protocol):
    """Tell the neighbours where addresses are now; answer what went wrong."""

    async def __call__(
        self, addresses: Sequence[HeldAddress], /, *, times: int
    ) -> Sequence[str]: ...


class Holding:
    """This machine's virtual IPs.

    Attributes:
        addresses: What is held, and what could not be changed.
    """

    def __init__(
        self, plane: AddressPlane, announce: Announce, chronicle: Chronicle, keeper: Keeper
    ) -> None:
        self.addresses = AddressReconciler(plane)
        self._announce = announce
        self._chronicle = chronicle
        self._keeper = keeper
        self._turn = asyncio.Lock()
        self._due: set[HeldAddress] = set()
        self._wanted: Sequence[HeldAddress] = ()
        self._unrecorded: tuple[AddressChange, ...] | None = None
        self._some_due = asyncio.Event()

    async def hold(self, wanted: Sequence[HeldAddress]) -> tuple[AddressChange, ...]:
        """Hold just these; what is raised is announced five times, the first time now.

        Returns:
            The changes made.
        """
        made = await self.change(wanted)
        await self.record()
        return made

    async def change(self, wanted: Sequence[HeldAddress]) -> tuple[AddressChange, ...]:
        """Do what is urgent of `hold`: what clients wait for. `record` must follow soon."""
        async with self._turn:
            await self._record()
            made = await self._changed(wanted)
            self._wanted, self._unrecorded = wanted, made
            raised = tuple(change.address for change in made if change.verb is Verb.ADD)
            if raised:
                await self._announce_first(raised)
            return made

    async def record(self) -> None:
        """Do the rest: read back, tell the operators, and forget on disk what is let go of."""
        async with self._turn:
            await self._record()

    async def announce_again(self) -> None:
        """Announce all that is held as ours."""
        await self._announce_first(self.held())

    async def run(self) -> None:
        """Announce the second to the fifth time what `hold` has announced the first."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._some_due.wait()
                self._some_due.clear()
                # Each set by itself: none waits for the rounds of the one before.
                group.create_task(self._announce_rest(tuple(self._due)))
                self._due.clear()

    async def _changed(self, wanted: Sequence[HeldAddress]) -> tuple[AddressChange, ...]:
        addresses, kept = self.addresses, self._keeper.kept
        await addresses.refresh(wanted, kept.addresses)
        claimed = kept.addresses | addresses.claimable()
        self._keeper.change(addresses=claimed)
        return await addresses.hold(wanted, claimed)

    async def _record(self) -> None:
        if self._unrecorded is None:
            return
        made, self._unrecorded = self._unrecorded, None
        addresses, claimed = self.addresses, self._keeper.kept.addresses
        await addresses.refresh(self._wanted, claimed)
        self._chronicle.addresses(made)
        self._keeper.change(addresses=addresses.ours(claimed))

    def held(self) -> tuple[HeldAddress, ...]:
        """The virtual IPs that this director holds as its own."""
        return tuple(held for held, whose in self.addresses.holdings.items() if whose is Held.OURS)

    async def _announce_first(self, raised: Sequence[HeldAddress]) -> None:
        for sentence in await self._announce(raised, times=1):
            log.warning("%s", sentence)
        self._due.update(raised)
        self._some_due.set()

    async def _announce_rest(self, raised: Sequence[HeldAddress]) -> None:
        for _ in range(TIMES - 1):
            await asyncio.sleep(PAUSE_S)
            ours = self.held()  # by now another director may hold what was ours a second ago
            await self._announce([one for one in raised if one in ours], times=1)
        log.info("gratuitous lvs arps finished")
