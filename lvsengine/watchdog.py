"""Tell systemd that this director moves, twice within its patience, and only while it does.

A loop that is blocked says nothing by itself. Here is for the other way to hang: a part that
waits for something that never comes, on a loop that goes on. systemd then ends the process and
starts it anew, and the kernel forwards meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lvsengine.notify import notify
from lvsengine.pair import Pair

if TYPE_CHECKING:
    from lvsengine.engine import Engine

log = logging.getLogger("pulse")

# A part is at work at the latest so many seconds after it was the last time. Table and checks
# wake at least every 30 and 60 s; a reload of thousands of entries takes seconds.
LONGEST_S = {"lvs": 90.0, "nanny": 90.0, "heartbeat": 20.0}


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Who wants to be told, and within how many seconds; 0: nobody does."""

    patience_s: float = 0.0
    tell: Callable[[], object] = lambda: None


def asked(environ: Mapping[str, str], pid: int) -> Watchdog:
    """Read what systemd asks of the process `pid` (sd_watchdog_enabled(3))."""
    microseconds, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(pid))
    if not (microseconds.isascii() and microseconds.isdigit()) or whose != str(pid):
        return Watchdog()
    return Watchdog(int(microseconds) / 1e6, partial(notify, dict(environ), WATCHDOG="1"))


async def run(engine: Engine) -> None:
    """Tell it until cancelled, at half of its patience."""
    watchdog = engine.parts.watchdog
    if not watchdog.patience_s:
        return
    told: tuple[str, ...] = ()
    while True:
        still = tuple(standing_still(engine))
        if not still:
            watchdog.tell()
        elif still != told:
            log.error("systemd is not told that all is well: %s stands still", ", ".join(still))
        told = still
        await asyncio.sleep(watchdog.patience_s / 2)


def standing_still(engine: Engine) -> Iterator[str]:
    """Name the parts that should have moved and have not."""
    now = engine.parts.clock()
    idle_s = {"lvs": now - engine.reconciled_at, "nanny": now - engine.nanny.woke_at}
    if isinstance(engine.role, Pair):
        idle_s["heartbeat"] = engine.role.overdue_s
    for part, seconds in idle_s.items():
        if seconds > LONGEST_S[part]:
            yield part
