"""Every scheduler of the kernel, one row each, and the model of how it chooses."""

from __future__ import annotations

from dataclasses import dataclass

from lvsengine.ipvs.choosing import (
    Chooser,
    LeastConnections,
    NeverQueue,
    RoundRobin,
    ShortestExpectedDelay,
    WeightedFailover,
    WeightedLeastConnections,
    WeightedOverflow,
    WeightedRoundRobin,
)
from lvsengine.ipvs.hashing import DestinationHash, SourceHash
from lvsengine.ipvs.locality import LocalityLeastConnections, ReplicatedLocality


@dataclass(frozen=True, slots=True)
class Scheduler:
    """One row.

    Attributes:
        name: The kernel's and lvs.cf's name.
        label: The manual's name, as the web shows it.
        does: One sentence for operators.
        model: How it chooses, for the userspace plane; None where only the kernel can.
    """

    name: str
    label: str
    does: str
    model: type[Chooser] | None = None


# The manual's eight first, in its order; then the kernel's others.
SCHEDULERS: dict[str, Scheduler] = {
    row.name: row
    for row in (
        Scheduler(
            "rr", "Round robin", "Each real server in turn, whatever its weight.", RoundRobin
        ),
        Scheduler(
            "wrr", "Weighted round robin", "In turn, more often by weight.", WeightedRoundRobin
        ),
        Scheduler(
            "lc",
            "Least-connection",
            "The real server with the fewest connections.",
            LeastConnections,
        ),
        Scheduler(
            "wlc",
            "Weighted least-connections",
            "The fewest connections for its weight.",
            WeightedLeastConnections,
        ),
        Scheduler(
            "lblc",
            "Locality-Based Least-Connection Scheduling",
            "One destination address stays at one real server until that is overloaded.",
            LocalityLeastConnections,
        ),
        Scheduler(
            "lblcr",
            "Locality-Based Least-Connection Scheduling (R)",
            "As lblc, but a set of real servers for each destination address.",
            ReplicatedLocality,
        ),
        Scheduler(
            "dh",
            "Destination Hash Scheduling",
            "By a hash of the destination address.",
            DestinationHash,
        ),
        Scheduler(
            "sh", "Source Hash Scheduling", "By a hash of the client's address.", SourceHash
        ),
        Scheduler(
            "sed",
            "Shortest expected delay",
            "Least (connections + 1) for its weight.",
            ShortestExpectedDelay,
        ),
        Scheduler("nq", "Never queue", "An idle real server first, otherwise as sed.", NeverQueue),
        Scheduler(
            "fo",
            "Weighted failover",
            "The real server of the highest weight takes all.",
            WeightedFailover,
        ),
        Scheduler(
            "ovf",
            "Weighted overflow",
            "The highest weight until it holds that many.",
            WeightedOverflow,
        ),
        Scheduler("mh", "Maglev hash", "By the client's address, the same on every director."),
    )
}
