"""The userspace plane's books: who is connected where, what went through, who stays with whom.

Pure: the time is passed in, sockets are elsewhere (`streams.py`, `datagrams.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lvsengine.ipvs.choosing import Call, Candidate, Chooser
from lvsengine.ipvs.plane import Counters
from lvsengine.ipvs.table import Destination, DestinationKey, Service
from lvsengine.net import Address

MOST_CLIENTS = 65536  # remembered by one persistent service; beyond, the longest unseen go
RATE_EVERY_S = 2.0
RATE_SHARE = 0.25  # of the newest interval in the average, as in the kernel's estimator

Flows = tuple[int, int, int, int, int]  # connections, packets in, out, bytes in, out


@dataclass(slots=True, eq=False)
class Tally:
    connections: int = 0
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    _before: Flows = (0, 0, 0, 0, 0)
    _rates: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def estimate(self) -> None:
        """Bring the rates up to date; to be called every `RATE_EVERY_S`."""
        now = self._flows()
        self._rates = tuple(
            rate + ((new - old) / RATE_EVERY_S - rate) * RATE_SHARE
            for rate, new, old in zip(self._rates, now, self._before, strict=True)
        )
        self._before = now

    def counters(self, active: int, inactive: int, persistent: int) -> Counters:
        cps, pps_in, pps_out, bps_in, bps_out = (round(rate) for rate in self._rates)
        rates = (cps, pps_in, pps_out, bps_in, bps_out)
        return Counters(*self._flows(), *rates, active, inactive, persistent)

    def _flows(self) -> Flows:
        return (
            self.connections,
            self.packets_in,
            self.packets_out,
            self.bytes_in,
            self.bytes_out,
        )


@dataclass(slots=True, eq=False)
class LiveDestination:
    key: DestinationKey
    value: Destination
    candidate: Candidate
    tally: Tally = field(default_factory=Tally)
    seats: set[Seat] = field(default_factory=set)
    persistent: int = 0

    def counters(self) -> Counters:
        counted = self.candidate
        return self.tally.counters(counted.active, counted.inactive, self.persistent)


@dataclass(slots=True, eq=False)
class Template:
    """One client's (or client network's) bond to a destination."""

    destination: LiveDestination
    used_s: float
    seats: int = 0


@dataclass(slots=True, eq=False)
class Seat:
    """One connection's place at a destination, counted from here to `leave`.

    Attributes:
        cut: Ends the connection at once; called when the destination goes.
    """

    service: LiveService
    destination: LiveDestination
    cut: Callable[[], None]
    active: bool
    template: Template | None
    taken: bool = True

    def inward(self, size: int) -> None:
        """Count what a client sent: a chunk of a stream, or a datagram."""
        for tally in (self.destination.tally, self.service.tally):
            tally.packets_in += 1
            tally.bytes_in += size

    def outward(self, size: int) -> None:
        for tally in (self.destination.tally, self.service.tally):
            tally.packets_out += 1
            tally.bytes_out += size

    def fade(self) -> None:
        """Count the connection as inactive: one side has ended it."""
        if self.taken and self.active:
            self.active = False
            self.destination.candidate.faded()

    def leave(self, now_s: float) -> None:
        if not self.taken:
            return
        self.taken = False
        self.destination.seats.discard(self)
        self.destination.candidate.closed(active=self.active)
        if self.template:
            self.template.seats -= 1
            self.template.used_s = now_s


class Bonds:
    """Which client stays with which destination: the persistence of one service.

    A bond ends `timeout_s` after the last connection that used it began or ended, as the kernel's
    template does, and lasts while such a connection is open. It holds at weight 0 too (as with
    the kernel's expire_quiescent_template = 0).
    """

    def __init__(self, service: Service) -> None:
        self.timeout_s = service.persistence_s
        self.prefix = service.persistence_prefix
        self._templates: dict[int, Template] = {}

    def find(self, client: Address, now_s: float) -> Template | None:
        group = self._group(client)
        template = self._templates.pop(group, None)
        if template is None:
            return None
        if self._stale(template, now_s):
            template.destination.persistent -= 1
            return None
        template.used_s = now_s
        self._templates[group] = template  # last in the dict: the most recently seen
        return template

    def bind(self, client: Address, destination: LiveDestination, now_s: float) -> Template:
        if len(self._templates) >= MOST_CLIENTS:
            unseen = next(iter(self._templates))
            self._templates.pop(unseen).destination.persistent -= 1
        template = Template(destination, now_s)
        self._templates[self._group(client)] = template
        destination.persistent += 1
        return template

    def expire(self, now_s: float) -> None:
        self._keep(lambda template: not self._stale(template, now_s))

    def forget(self, destination: LiveDestination) -> None:
        self._keep(lambda template: template.destination is not destination)

    def clear(self) -> None:
        self._keep(lambda _: False)

    def _keep(self, wanted: Callable[[Template], bool]) -> None:
        for group, template in list(self._templates.items()):
            if not wanted(template):
                del self._templates[group]
                template.destination.persistent -= 1

    def _stale(self, template: Template, now_s: float) -> bool:
        return not template.seats and now_s - template.used_s >= self.timeout_s

    def _group(self, client: Address) -> int:
        return int(client) >> max(client.max_prefixlen - self.prefix, 0)


class LiveService:
    """One service at work: its destinations, its chooser, its persistent clients."""

    def __init__(self, value: Service, model: type[Chooser]) -> None:
        self.value = value
        self.chooser = model(flags=value.scheduler_flags)
        self.bonds = Bonds(value)
        self.tally = Tally()
        self.destinations: dict[DestinationKey, LiveDestination] = {}

    def edit(self, value: Service, model: type[Chooser]) -> None:
        """Take new values for the connections to come; those that are open stay where they are.

        The chooser keeps its place in the round where scheduler and flags stay the same.
        """
        before, self.value = self.value, value
        if (value.scheduler, value.scheduler_flags) != (before.scheduler, before.scheduler_flags):
            self.chooser = model(self.chooser.line, value.scheduler_flags)
        self.bonds.timeout_s = value.persistence_s
        if value.persistence_prefix != before.persistence_prefix or not value.persistence_s:
            self.bonds.clear()
            self.bonds.prefix = value.persistence_prefix

    def add(self, key: DestinationKey, value: Destination) -> None:
        candidate = Candidate(key, value.weight, value.upper, value.lower)
        self.destinations[key] = LiveDestination(key, value, candidate)
        self.chooser.add(candidate)

    def set(self, key: DestinationKey, value: Destination) -> None:
        destination = self.destinations[key]
        destination.value = value
        destination.candidate.edited(value)
        self.chooser.edited()

    def remove(self, key: DestinationKey) -> None:
        """Take a destination out and cut its connections."""
        destination = self.destinations.pop(key)
        self.chooser.remove(destination.candidate)
        self.bonds.forget(destination)
        for seat in list(destination.seats):
            seat.cut()

    def admit(self, call: Call, cut: Callable[[], None], *, active: bool) -> Seat | None:
        """Give a new connection its place; None where nobody takes it."""
        template = self.bonds.find(call.client, call.now_s) if self.value.persistence_s else None
        destination = template.destination if template else self._chosen(call)
        if destination is None:
            return None
        if self.value.persistence_s and template is None:
            template = self.bonds.bind(call.client, destination, call.now_s)
        return self._seat(destination, template, cut, active=active)

    def tick(self, now_s: float) -> None:
        """Bring rates and bonds up to date; to be called every `RATE_EVERY_S`."""
        self.tally.estimate()
        for destination in self.destinations.values():
            destination.tally.estimate()
        self.bonds.expire(now_s)

    def counters(self) -> Counters:
        counted = [destination.counters() for destination in self.destinations.values()]
        return self.tally.counters(
            sum(counters.active for counters in counted),
            sum(counters.inactive for counters in counted),
            sum(counters.persistent for counters in counted),
        )

    def _chosen(self, call: Call) -> LiveDestination | None:
        candidate = self.chooser.pick(call)
        return self.destinations[candidate.key] if candidate else None

    def _seat(
        self,
        destination: LiveDestination,
        template: Template | None,
        cut: Callable[[], None],
        *,
        active: bool,
    ) -> Seat:
        seat = Seat(self, destination, cut, active, template)
        destination.seats.add(seat)
        destination.candidate.opened(active=active)
        destination.tally.connections += 1
        self.tally.connections += 1
        if template:
            template.seats += 1
        return seat
