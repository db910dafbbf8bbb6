"""A plane in memory, as strict as the kernel: for tests, and to work out what would happen.

It forwards nothing. It differs from the kernel in one thing: it cannot know which addresses are
broadcast addresses on the machine.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.plane import Counters, Failure, Timeouts, Usage
from lvsengine.ipvs.rules import check_timeouts, explained, refusal
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import (
    EMPTY,
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    Table,
)

Key = ServiceKey | DestinationKey

# The kernel's own, until told otherwise (ipvsadm -L --timeout).
KERNEL_TIMEOUTS = Timeouts(tcp_s=900, tcpfin_s=120, udp_s=300)
ENGINES = ("", "sip")


class MemoryPlane:
    """A `Plane` that only remembers.

    Attributes:
        applied: Every change that was made, in order.
        refuse: What to refuse for no reason of its own: every change of that key, with that errno.
        usage: What `counters` answers, for the entries that are there.
        timeouts: As set last.
    """

    def __init__(self, table: Table = EMPTY, *, refuse: Mapping[Key, int] | None = None) -> None:
        self.applied: list[Change] = []
        self.refuse = dict(refuse or {})
        self.usage = Usage()
        self.timeouts = KERNEL_TIMEOUTS
        self._services = dict(table.services)
        self._destinations = dict(table.destinations)

    @property
    def name(self) -> str:
        return "memory"

    async def read(self, only: Collection[ServiceKey] | None = None) -> Table:
        wanted = self._services if only is None else set(only)
        services = {key: value for key, value in self._services.items() if key in wanted}
        destinations = {
            key: value for key, value in self._destinations.items() if key.service in wanted
        }
        return Table(MappingProxyType(services), MappingProxyType(destinations))

    async def apply(self, changes: Sequence[Change]) -> list[Failure]:
        failures = []
        for change in changes:
            refused = refusal(change)
            number = 0 if refused else self._refused_with(change)
            if number:
                refused = explained(change, number)
            if refused:
                failures.append(Failure(change, *refused))
            else:
                self._make(change)
        return failures

    async def counters(self) -> Usage:
        none = Counters()
        return Usage(
            {key: self.usage.services.get(key, none) for key in self._services},
            {key: self.usage.destinations.get(key, none) for key in self._destinations},
        )

    async def set_timeouts(self, timeouts: Timeouts) -> None:
        check_timeouts(timeouts)
        now = self.timeouts
        self.timeouts = replace(
            now,
            tcp_s=timeouts.tcp_s or now.tcp_s,
            tcpfin_s=timeouts.tcpfin_s or now.tcpfin_s,
            udp_s=timeouts.udp_s or now.udp_s,
        )

    async def close(self) -> None:
        """Hold nothing that would have to be let go."""

    def _refused_with(self, change: Change) -> int:
        """Answer 0, or the errno with which the kernel would refuse the change now."""
        key = change.key
        if key in self.refuse:
            return self.refuse[key]
        if isinstance(key, DestinationKey) and key.service not in self._services:
            return errno.ESRCH
        held = key in (self._destinations if isinstance(key, DestinationKey) else self._services)
        if change.verb is Verb.ADD and held:
            return errno.EEXIST
        if change.verb is not Verb.ADD and not held:
            return errno.ENOENT if isinstance(key, DestinationKey) else errno.ESRCH
        return errno.ENOENT if _unknown(change.value) else 0

    def _make(self, change: Change) -> None:
        match change.verb, change.key, change.value:
            case Verb.REMOVE, DestinationKey() as key, _:
                del self._destinations[key]
            case Verb.REMOVE, (AddressKey() | MarkKey()) as key, _:
                self._drop(key)
            case _, DestinationKey() as key, Destination() as value:
                self._destinations[key] = value
            case _, (AddressKey() | MarkKey()) as key, Service() as service:
                self._services[key] = service
        self.applied.append(change)

    def _drop(self, service: ServiceKey) -> None:
        del self._services[service]
        for key in [key for key in self._destinations if key.service == service]:
            del self._destinations[key]


def _unknown(value: Service | Destination | None) -> bool:
    """Whether a service names what the kernel does not have."""
    return isinstance(value, Service) and (
        value.scheduler not in SCHEDULERS or value.engine not in ENGINES
    )
