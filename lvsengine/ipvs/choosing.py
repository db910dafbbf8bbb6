"""Who gets the next connection: the kernel's schedulers that look at weights and counts.

Each chooser is one service's scheduler with its own state; it knows no clock and no socket.
`hashing.py` and `locality.py` hold the choosers that look at addresses.

Sources: net/netfilter/ipvs/ip_vs_{rr,wrr,lc,wlc,sed,nq,fo,ovf}.c of Linux 6.1 for the rules,
`tests/kernel/guest/test_schedulers_match_kernel.py` for the proof.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import gcd

from lvsengine.ipvs.table import Destination, DestinationKey
from lvsengine.net import Address


@dataclass(frozen=True, slots=True)
class Call:
    """A client that wants in.

    Attributes:
        address: What the client asked for: the virtual IP.
        now_s: Any clock that only goes forward, in seconds.
    """

    client: Address
    client_port: int
    address: Address
    now_s: float = 0.0


@dataclass(slots=True, eq=False)
class Candidate:
    """One destination as a scheduler sees it, with its connections counted.

    Attributes:
        overloaded: Gets nothing new: it reached its upper threshold and has not yet come
            down to the lower one (without one: to below three quarters of the upper).
    """

    key: DestinationKey
    weight: int = 1
    upper: int = 0
    lower: int = 0
    active: int = 0
    inactive: int = 0
    overloaded: bool = False

    @property
    def usable(self) -> bool:
        return self.weight > 0 and not self.overloaded

    def edited(self, value: Destination) -> None:
        if value.upper == 0 or value.upper > self.upper:
            self.overloaded = False
        self.weight, self.upper, self.lower = value.weight, value.upper, value.lower

    def opened(self, *, active: bool) -> None:
        self._count(1, active=active)
        if self.upper and self.active + self.inactive >= self.upper:
            self.overloaded = True

    def faded(self) -> None:
        """Count one active connection as inactive: it is still there, but on its way out."""
        self.active -= 1
        self.inactive += 1

    def closed(self, *, active: bool) -> None:
        self._count(-1, active=active)
        total = self.active + self.inactive
        if self.lower:
            still = self.overloaded and total >= self.lower
        else:
            still = self.overloaded and total * 4 >= self.upper * 3 > 0
        self.overloaded = still

    def _count(self, by: int, *, active: bool) -> None:
        if active:
            self.active += by
        else:
            self.inactive += by


class Chooser(ABC):
    """One service's scheduler.

    `line` is in the kernel's order, which decides between equals: the last added comes first.
    """

    def __init__(self, line: Iterable[Candidate] = (), flags: int = 0) -> None:
        self.line = list(line)
        self.flags = flags
        self._start()

    def add(self, candidate: Candidate) -> None:
        self.line.insert(0, candidate)
        self._changed()

    def remove(self, candidate: Candidate) -> None:
        self.line.remove(candidate)
        self._changed()

    def edited(self) -> None:
        """Take note that some candidate's weight or threshold is another now."""
        self._changed()

    @abstractmethod
    def pick(self, call: Call) -> Candidate | None:
        """Choose for one call; None where nobody can take it."""

    def _start(self) -> None:  # noqa: B027  most choosers have no state of their own
        """Set up the state of a scheduler that has chosen nothing yet."""

    def _changed(self) -> None:  # noqa: B027
        """Adapt the state to a changed line."""


class RoundRobin(Chooser):
    _last: Candidate | None = None  # None: begin at the head of the line

    def remove(self, candidate: Candidate) -> None:
        if candidate is self._last:
            place = self.line.index(candidate)
            self._last = self.line[place - 1] if place else None
        super().remove(candidate)

    def pick(self, call: Call) -> Candidate | None:
        after = 0 if self._last is None else self.line.index(self._last) + 1
        for candidate in self.line[after:] + self.line[:after]:
            if candidate.usable:
                self._last = candidate
                return candidate
        return None


class WeightedRoundRobin(Chooser):
    """Round after round through the line; in each, only those of at least the round's level.

    The level falls from the highest weight to 1 by the weights' greatest common divisor.
    """

    _last: Candidate | None
    _level: int

    def _start(self) -> None:
        self._level = 0
        self._changed()

    def _changed(self) -> None:
        weights = [candidate.weight for candidate in self.line if candidate.weight > 0]
        self._last = None
        self._step = gcd(*weights) or 1
        self._highest = max(weights, default=0) - (self._step - 1)
        if not 0 < self._level <= self._highest:
            self._level = self._highest
        elif self._step > 1:
            self._level = self._level // self._step * self._step + 1

    def pick(self, call: Call) -> Candidate | None:
        if not any(candidate.usable for candidate in self.line):
            self._give_up()
            return None
        while True:
            after = 0 if self._last is None else self.line.index(self._last) + 1
            for candidate in self.line[after:]:
                if candidate.usable and candidate.weight >= self._level:
                    self._last = candidate
                    return candidate
            self._next_round()

    def _next_round(self) -> None:
        self._last = None
        self._level -= self._step
        if self._level <= 0:
            self._level = self._highest

    def _give_up(self) -> None:
        """Stand where the kernel's search ends when it finds every candidate overloaded."""
        if self._last is None or self._level > self._step:
            self._last, self._level = None, self._highest
        else:
            self._level = 1 if self._highest else 0


def least(line: Iterable[Candidate], load: Callable[[Candidate], int]) -> Candidate | None:
    """Return the usable candidate of least load for its weight; of equals the first."""
    best: Candidate | None = None
    for candidate in line:
        if candidate.usable and (
            best is None or load(best) * candidate.weight > load(candidate) * best.weight
        ):
            best = candidate
    return best


def overhead(candidate: Candidate) -> int:
    """Weigh the counts: an active connection costs as much as 256 inactive ones."""
    return candidate.active * 256 + candidate.inactive


def expected_delay(candidate: Candidate) -> int:
    return candidate.active + 1


class LeastConnections(Chooser):
    def pick(self, call: Call) -> Candidate | None:
        usable = (candidate for candidate in self.line if candidate.usable)
        return min(usable, key=overhead, default=None)


class WeightedLeastConnections(Chooser):
    def pick(self, call: Call) -> Candidate | None:
        return least(self.line, overhead)


class ShortestExpectedDelay(Chooser):
    def pick(self, call: Call) -> Candidate | None:
        return least(self.line, expected_delay)


class NeverQueue(Chooser):
    def pick(self, call: Call) -> Candidate | None:
        for candidate in self.line:
            if candidate.usable and not candidate.active:
                return candidate
        return least(self.line, expected_delay)


class WeightedFailover(Chooser):
    def pick(self, call: Call) -> Candidate | None:
        return _heaviest(candidate for candidate in self.line if candidate.usable)


class WeightedOverflow(Chooser):
    def pick(self, call: Call) -> Candidate | None:
        return _heaviest(
            candidate
            for candidate in self.line
            if candidate.usable and candidate.active <= candidate.weight
        )


def _heaviest(line: Iterable[Candidate]) -> Candidate | None:
    return max(line, key=lambda candidate: candidate.weight, default=None)
