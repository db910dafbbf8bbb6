"""The clients of a pair: a request every 10 ms, and 30 downloads that must arrive whole."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from itertools import pairwise
from types import TracebackType
from typing import Self

from tests.kernel.lab.clients import Downloads, Load
from tests.kernel.lab.namespaces import proc_net
from tests.kernel.lab.network import VIRTUAL_IP
from tests.kernel.lab.waiting import wait_until

DOWNLOADS = 30
# TCP waits twice as long before each try: what fell silent for 4 s may take as long again.
LAST_BLOCK_WITHIN_S = 15.0
PROTOCOL, PORT, STATE = 0, 2, 7  # columns of /proc/net/ip_vs_conn
SHARED_WITHIN_S = 8.0  # the kernel's sharing waits up to 2 s for more


def shared_ports(director: str) -> set[int]:
    """Client ports of the established TCP connections that a director's kernel knows of."""
    lines = [line.split() for line in proc_net(director, "ip_vs_conn").splitlines()[1:]]
    return {
        int(words[PORT], 16)
        for words in lines
        if (words[PROTOCOL], words[STATE]) == ("TCP", "ESTABLISHED")
    }


def outage_s(load: Load, since: float = 0.0, until: float = float("inf")) -> float:
    """The longest time between two good answers; 0.01 to 0.03 s where nothing happens.

    Args:
        since: A fault (monotonic seconds): what was over before was not its doing.
        until: What began later was not either.
    """
    answered = sorted(o.began + o.seconds for o in load.outcomes if o.server)
    waited = (b - a for a, b in pairwise(answered) if b >= since and a <= until)
    return max(waited, default=float("inf"))


def slowest_s(load: Load) -> float:
    """The longest that a client waited for its good answer."""
    return max((o.seconds for o in load.outcomes if o.server), default=float("inf"))


class Crowd:
    """All these clients, as a context manager: inside it they are well under way.

    Args:
        standby: A director that must know of every download before the block begins, which
            takes about 3 s. Without one no director is meant to take them over.
    """

    def __init__(self, standby: str = "", address: str = VIRTUAL_IP, port: int = 80) -> None:
        self.load = Load(address, port)
        self.downloads = Downloads()
        self._standby = standby
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.downloads)
            self.downloads.open(self.load.address, DOWNLOADS, self.load.port)
            if self._standby:
                self._wait_until_shared()
            stack.enter_context(self.load)
            self.go_on()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _wait_until_shared(self) -> None:
        ports = {d.connection.getsockname()[1] for d in self.downloads.all}
        wait_until(
            lambda: ports <= shared_ports(self._standby),
            f"{self._standby} knows of all downloads",
            SHARED_WITHIN_S,
        )

    def go_on(self, count: int = 30) -> None:
        """Wait until so many requests that begin from now on are answered."""
        now = time.monotonic()
        wait_until(
            lambda: sum(self.load.servers_since(now).values()) >= count, "requests are answered"
        )

    def finish(self) -> None:
        """End every download: up to its last block it must have arrived byte for byte."""
        if self.incomplete():
            broken = {d.broken for d in self.downloads.all} - {""}
            counts = sorted(d.blocks for d in self.downloads.all if not d.complete)
            raise AssertionError(f"downloads broke off after {counts} blocks: {broken}")

    def incomplete(self) -> int:
        """End every download, and say how many have not arrived whole, given time enough."""
        self.downloads.finish()
        with suppress(AssertionError):
            wait_until(
                lambda: self.downloads.complete().total() == DOWNLOADS,
                "all downloads are complete",
                LAST_BLOCK_WITHIN_S,
            )
        return DOWNLOADS - self.downloads.complete().total()
