"""The userspace plane: forwards TCP and UDP by the same table as the kernel, without root.

It is for trial, and where the kernel has no IPVS: each packet passes through Python, the real
servers see the director's address instead of the client's, and what is open ends with the engine.

Like the kernel, a change of the table is for the connections to come: weight 0 and a new
scheduler leave open ones alone. Where the kernel falls silent, this plane resets, so that both
ends know: when a destination or a service is removed, its open connections are cut.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import time
from collections.abc import Collection, Sequence
from types import MappingProxyType

from lvsengine.ipvs.choosing import Chooser
from lvsengine.ipvs.datagrams import DatagramListener
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.doors import open_door, why_not
from lvsengine.ipvs.limits import Clock, Limits, Refused, affordable
from lvsengine.ipvs.live import RATE_EVERY_S, LiveService
from lvsengine.ipvs.plane import Failure, Timeouts, Usage
from lvsengine.ipvs.refusals import refusal
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.streams import StreamListener
from lvsengine.ipvs.table import (
    AddressKey,
    Destination,
    DestinationKey,
    Service,
    ServiceKey,
    Table,
)
from lvsengine.net import Protocol

Listener = StreamListener | DatagramListener


class UserspacePlane:
    """Forwards on the loop in which `apply` is first called, until `close`.

    Args:
        most: Connections at once. This process's limit of open files is raised for them; where
            it cannot be raised that far, they are fewer, so that the rest of the engine never
            runs out of files.
        connect_s: How long a real server has to accept a connection.
    """

    def __init__(
        self, *, most: int = 10_000, connect_s: float = 5.0, clock: Clock = time.monotonic
    ) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most, soft = affordable(most, soft, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self._limits = Limits(clock, most, connect_s)
        self._services: dict[ServiceKey, LiveService] = {}
        self._listeners: dict[ServiceKey, Listener] = {}
        self._ticking: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> UserspacePlane:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def name(self) -> str:
        return "userspace"

    @property
    def refused(self) -> Refused:
        """How many connections got nowhere since the start, by why."""
        return self._limits.refused

    async def read(self, only: Collection[ServiceKey] | None = None) -> Table:
        services = {
            key: live for key, live in self._services.items() if only is None or key in only
        }
        return Table(
            MappingProxyType({key: live.value for key, live in services.items()}),
            MappingProxyType(
                {
                    key: destination.value
                    for live in services.values()
                    for key, destination in live.destinations.items()
                }
            ),
        )

    async def apply(self, changes: Sequence[Change]) -> list[Failure]:
        failures = (self._apply(change) for change in changes)
        return [failure for failure in failures if failure]

    async def counters(self) -> Usage:
        return Usage(
            {key: live.counters() for key, live in self._services.items()},
            {
                key: destination.counters()
                for live in self._services.values()
                for key, destination in live.destinations.items()
            },
        )

    async def set_timeouts(self, timeouts: Timeouts) -> None:
        self._limits.set_timeouts(timeouts)

    async def close(self) -> None:
        for key in list(self._services):
            self._remove_service(key)
        if self._ticking:
            self._ticking.cancel()
            self._ticking = None

    def tick(self) -> None:
        """Bring rates up to date and end what was idle too long. The loop calls it every 2 s."""
        now_s = self._limits.clock()
        for live in self._services.values():
            live.tick(now_s)
        for listener in self._listeners.values():
            listener.sweep(now_s)

    def _apply(self, change: Change) -> Failure | None:
        refused = refusal(change, self._services)
        if refused:
            return Failure(change, *refused)
        match change:
            case Change(Verb.ADD, AddressKey() as key, Service() as service):
                return self._add_service(change, key, service)
            case Change(Verb.SET, AddressKey() as key, Service() as service):
                self._services[key].edit(service, _model(service))
            case Change(Verb.REMOVE, AddressKey() as key):
                self._remove_service(key)
            case Change(verb, DestinationKey() as key, value):
                _change_destination(self._services[key.service], verb, key, value)
        return None

    def _add_service(self, change: Change, key: AddressKey, value: Service) -> Failure | None:
        try:
            door = open_door(key)
        except OSError as error:
            return Failure(change, error.errno or errno.EIO, why_not(key, error))
        loop = asyncio.get_running_loop()
        live = LiveService(value, _model(value))
        kind = StreamListener if key.protocol is Protocol.TCP else DatagramListener
        self._services[key] = live
        self._listeners[key] = kind(loop, key, live, door, self._limits)
        if self._ticking is None:
            self._ticking = loop.call_later(RATE_EVERY_S, self._tick_on)
        return None

    def _remove_service(self, key: ServiceKey) -> None:
        self._listeners.pop(key).close()
        self._services.pop(key)

    def _tick_on(self) -> None:
        self._ticking = asyncio.get_running_loop().call_later(RATE_EVERY_S, self._tick_on)
        self.tick()


def _model(service: Service) -> type[Chooser]:
    model = SCHEDULERS[service.scheduler].model
    if model is None:
        raise LookupError(service.scheduler)  # `refusal` has let it pass
    return model


def _change_destination(
    live: LiveService, verb: Verb, key: DestinationKey, value: Service | Destination | None
) -> None:
    match verb, value:
        case Verb.REMOVE, _:
            live.remove(key)
        case Verb.ADD, Destination() as added:
            live.add(key, added)
        case Verb.SET, Destination() as changed:
            live.set(key, changed)
