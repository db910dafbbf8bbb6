"""What all services of one userspace plane share: its bounds, its clock, what it turned away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lvsengine.ipvs.plane import Timeouts

# The kernel's own (ipvsadm --list --timeout).
KERNEL_TIMEOUTS = Timeouts(tcp_s=900, tcpfin_s=120, udp_s=300)

RESERVED_FILES = 256  # for checks, the control socket and whatever else the engine opens

Clock = Callable[[], float]


@dataclass(slots=True)
class Refused:
    """Connections (and datagrams) that got nowhere, by why."""

    no_real_server: int = 0  # none takes new connections
    not_connected: int = 0  # the chosen one refused, or did not answer in time
    no_room: int = 0  # datagrams of new clients beyond the bound


@dataclass(eq=False)
class Limits:
    """One plane's bounds.

    Attributes:
        most: Connections at once, TCP and UDP together. Further TCP clients wait in the kernel's
            backlog until one ends; datagrams of further UDP clients are dropped.
        connect_s: How long a real server has to accept.
    """

    clock: Clock
    most: int = 10_000
    connect_s: float = 5.0
    timeouts: Timeouts = KERNEL_TIMEOUTS
    refused: Refused = field(default_factory=Refused)
    open: int = field(default=0, init=False)
    _waiting: list[Callable[[], None]] = field(default_factory=list, init=False)

    @property
    def full(self) -> bool:
        return self.open >= self.most

    def enter(self) -> None:
        self.open += 1

    def leave(self) -> None:
        self.open -= 1
        waiting, self._waiting = self._waiting, []
        for resume in waiting:
            resume()

    def wait(self, resume: Callable[[], None]) -> None:
        """Call `resume` once there is room again."""
        self._waiting.append(resume)

    def no_longer_waiting(self, resume: Callable[[], None]) -> None:
        self._waiting = [waiting for waiting in self._waiting if waiting != resume]

    def set_timeouts(self, timeouts: Timeouts) -> None:
        """Take the timeouts that are not 0, for the connections to come."""
        self.timeouts = replace(
            self.timeouts,
            tcp_s=timeouts.tcp_s or self.timeouts.tcp_s,
            tcpfin_s=timeouts.tcpfin_s or self.timeouts.tcpfin_s,
            udp_s=timeouts.udp_s or self.timeouts.udp_s,
        )


def affordable(most: int, soft: int, hard: int) -> tuple[int, int]:
    """Fit connections into the open files that this process may have, two for each.

    Args:
        soft, hard: RLIMIT_NOFILE; -1 is no limit.

    Returns:
        How many connections at once, and the soft limit to set for them.
    """
    wanted = 2 * most + RESERVED_FILES
    if soft == -1 or soft >= wanted:
        return most, soft
    soft = wanted if hard == -1 else min(wanted, hard)
    return max(1, min(most, (soft - RESERVED_FILES) // 2)), soft
