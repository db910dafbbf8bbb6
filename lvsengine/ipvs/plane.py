"""What every plane promises: the kernel's, the userspace one, and the one in memory.

A plane holds a table and forwards by it. It never decides: the reconciler reads it, computes
the changes and applies them. `tests/lvsengine/ipvs/plane_contract.py` is this promise as tests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lvsengine.ipvs.diff import Change
from lvsengine.ipvs.table import DestinationKey, ServiceKey, Table


@dataclass(frozen=True, slots=True)
class Failure:
    """One change that was refused: the kernel's errno, and a sentence for people."""

    change: Change
    errno: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Counters:
    """What has gone through since the entry was made, the rates now, and who is connected.

    `active`, `inactive` and `persistent` are connections and are 0 for a service of the
    kernel plane, which counts them by destination only.
    """

    connections: int = 0
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    connections_per_s: int = 0
    packets_in_per_s: int = 0
    packets_out_per_s: int = 0
    bytes_in_per_s: int = 0
    bytes_out_per_s: int = 0
    active: int = 0
    inactive: int = 0
    persistent: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    services: Mapping[ServiceKey, Counters] = field(default_factory=dict)
    destinations: Mapping[DestinationKey, Counters] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Idle seconds until a connection is forgotten; 0 leaves the plane's value (ipvsadm --set)."""

    tcp_s: int = 0
    tcpfin_s: int = 0
    udp_s: int = 0


class Plane(Protocol):
    """Holds a table and forwards by it.

    Every method may raise `EngineError` when the plane as a whole cannot be reached; each
    answers within a deadline of its own. Methods may be called one at a time only.
    """

    @property
    def name(self) -> str:
        """`kernel`, `userspace` or `memory`."""

    async def read(self, only: Collection[ServiceKey] | None = None) -> Table:
        """Read the whole table, foreign entries too; or what is there of `only`."""

    async def apply(self, changes: Sequence[Change]) -> list[Failure]:
        """Make the changes in order. One that fails does not keep the rest from being made.

        ADD of what is there fails with EEXIST; SET or REMOVE of a missing service (or of a
        destination whose service is missing) with ESRCH, of a missing destination with ENOENT;
        a weight out of range or lower > upper with ERANGE; values that make no sense with
        EINVAL. Removing a service removes its destinations.
        """

    async def counters(self) -> Usage:
        """Read all counters."""

    async def set_timeouts(self, timeouts: Timeouts) -> None:
        """Set the idle timeouts that are not 0."""

    async def close(self) -> None:
        """Let go of sockets. What the kernel holds stays; the userspace plane stops forwarding."""
