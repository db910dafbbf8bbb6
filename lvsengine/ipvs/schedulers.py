"""Every scheduler of the kernel, one row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scheduler:
    """One row.

    Attributes:
        name: The kernel's and lvs.cf's name.
        label: The manual's name, as the web shows it.
        does: One sentence for operators.
    """

    name: str
    label: str
    does: str


# The manual's eight first, in its order; then the kernel's others.
SCHEDULERS: dict[str, Scheduler] = {
    row.name: row
    for row in (
        Scheduler("rr", "Round robin", "Each real server in turn, whatever its weight."),
        Scheduler("wrr", "Weighted round robin", "In turn, more often by weight."),
        Scheduler("lc", "Least-connection", "The real server with the fewest connections."),
        Scheduler("wlc", "Weighted least-connections", "The fewest connections for its weight."),
        Scheduler(
            "lblc",
            "Locality-Based Least-Connection Scheduling",
            "One destination address stays at one real server until that is overloaded.",
        ),
        Scheduler(
            "lblcr",
            "Locality-Based Least-Connection Scheduling (R)",
            "As lblc, but a set of real servers for each destination address.",
        ),
        Scheduler("dh", "Destination Hash Scheduling", "By a hash of the destination address."),
        Scheduler("sh", "Source Hash Scheduling", "By a hash of the client's address."),
        Scheduler("sed", "Shortest expected delay", "Least (connections + 1) for its weight."),
        Scheduler("nq", "Never queue", "An idle real server first, otherwise as sed."),
        Scheduler("fo", "Weighted failover", "The real server of the highest weight takes all."),
        Scheduler("ovf", "Weighted overflow", "The highest weight until it holds that many."),
        Scheduler("mh", "Maglev hash", "By the client's address, the same on every director."),
    )
}
