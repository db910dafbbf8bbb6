"""The last hour of each virtual server's traffic, one sample every 30 s, for graphs.

A sample is the mean over its 30 s, from the plane's totals, so a burst between two looks counts.
Kept by the virtual server's name: a reload keeps it. At 1 000 virtual servers it takes about
2 MiB. No clock in here: the caller says when it looked.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan, nan

STEP_S = 30.0
SAMPLES = 120  # one hour
LATE_S = 2 * STEP_S  # over a longer time a mean says nothing about one sample's


@dataclass(frozen=True, slots=True)
class Totals:
    """What has gone through a virtual server since the plane made it."""

    connections: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


@dataclass(frozen=True, slots=True)
class Hour:
    """Means per second, the oldest first; None where nobody looked or nothing was there yet."""

    connections_per_s: tuple[float | None, ...] = ()
    bytes_in_per_s: tuple[float | None, ...] = ()
    bytes_out_per_s: tuple[float | None, ...] = ()


class _Rings:
    """The samples of one virtual server, and its totals at the last look."""

    __slots__ = ("connections", "incoming", "outgoing", "totals")

    def __init__(self) -> None:
        self.connections, self.incoming, self.outgoing = (
            array("f", [nan]) * SAMPLES for _ in range(3)
        )
        self.totals: Totals | None = None

    def put(self, slot: int, means: tuple[float, float, float]) -> None:
        self.connections[slot], self.incoming[slot], self.outgoing[slot] = means


class TrafficHistory:
    """Samples by virtual server. Slots are shared by all, so their time axes are the same.

    Attributes:
        at: When the newest sample ended, in the caller's seconds; None before the first look.
    """

    def __init__(self) -> None:
        self.at: float | None = None
        self._slot = 0
        self._filled = 0
        self._rings: dict[str, _Rings] = {}

    def look(self, at: float, totals: Mapping[str, Totals]) -> None:
        """Take a sample; who is not in `totals` any more is forgotten.

        After a pause, or when the clock was set, the sample is a gap.
        """
        elapsed = 0.0 if self.at is None else at - self.at
        counts = 0 < elapsed <= LATE_S
        if self.at is not None:
            self._slot = (self._slot + 1) % SAMPLES
            self._filled = min(self._filled + 1, SAMPLES)
        self.at = at
        self._rings = {name: self._rings.get(name) or _Rings() for name in totals}
        for name, now in totals.items():
            ring = self._rings[name]
            before, ring.totals = ring.totals, now
            ring.put(self._slot, _means(before, now, elapsed) if counts and before else _GAP)

    def hour(self, name: str) -> Hour:
        """Give a virtual server's samples; nothing of one that is not known."""
        ring = self._rings.get(name)
        if ring is None:
            return Hour()
        return Hour(
            tuple(self._in_order(ring.connections, 2)),
            tuple(self._in_order(ring.incoming, 0)),
            tuple(self._in_order(ring.outgoing, 0)),
        )

    def names(self) -> tuple[str, ...]:
        return tuple(self._rings)

    def _in_order(self, ring: array[float], digits: int) -> Iterator[float | None]:
        for back in range(self._filled - 1, -1, -1):
            value = ring[(self._slot - back) % SAMPLES]
            yield None if isnan(value) else round(value, digits)


_GAP = (nan, nan, nan)


def _means(before: Totals, now: Totals, elapsed_s: float) -> tuple[float, float, float]:
    """Divide what was added; totals that went back are of an entry that was made anew."""
    if now.connections < before.connections or now.bytes_in < before.bytes_in:
        before = Totals()
    return (
        (now.connections - before.connections) / elapsed_s,
        (now.bytes_in - before.bytes_in) / elapsed_s,
        max(0, now.bytes_out - before.bytes_out) / elapsed_s,
    )
