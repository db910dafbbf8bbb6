"""One weight changed among 1 000 virtual servers x 4: from `lvsctl reload` to the kernel.

Each run edits one weight in the file, as an admin would, and reloads: once by the command, once
by asking the socket from here, so that what the command's own start costs is seen apart. That
exactly one destination changed is asserted, in the reply and in the kernel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from lvsengine.control import client, messages
from tests.bench import processes
from tests.bench.configurations import Plan, lvs_cf
from tests.bench.directors import a_machine
from tests.bench.figures import Goal, Options, Row, Section

# Checks so rare that none of them falls into what is measured.
PLAN = Plan(virtuals=1000, reals=4, interval_s=3000)
EDITED = (500, 2)
SETTLE_S = 3.0
RELOAD_S = 60.0
GOAL_MS = Goal(100)


def run(options: Options) -> list[Section]:
    """Measure in the guest, with the kernel plane."""
    with (
        a_machine("bench-reload", PLAN.port) as machine,
        machine.pulse(lvs_cf(PLAN), PLAN.total),
    ):
        time.sleep(SETTLE_S)
        rows = list(measured(PLAN, machine.lvs_cf, machine.socket, machine.ipvsadm_lines, options))
    return [Section("one weight changed among 1 000 x 4 (in the guest, kernel plane)", rows)]


def measured(
    plan: Plan, path: Path, socket: Path, table: Callable[[], list[str]], options: Options
) -> Iterator[Row]:
    """Measure with a pulse that runs `plan`.

    Args:
        table: Gives the table's lines; of these exactly one must change with each reload.
    """
    weights = count(2)
    command, asked = [], []
    for _ in range(options.runs):
        path.write_text(_edited(plan, next(weights)))
        command.append(_changing_one(table, lambda: _by_command(socket)))
        path.write_text(_edited(plan, next(weights)))
        asked.append(_changing_one(table, lambda: _by_socket(socket)))
    yield Row("lvsctl reload, from a shell", "ms", command, goal=GOAL_MS)
    yield Row("  of it, the engine: request to reply", "ms", asked, goal=GOAL_MS)


def _edited(plan: Plan, weight: int) -> str:
    return lvs_cf(plan, lambda *place: weight if place == EDITED else 1)


def _changing_one(table: Callable[[], list[str]], reload: Callable[[], None]) -> float:
    """Reload and give the milliseconds that took."""
    before = table()
    began = time.perf_counter()
    reload()
    seconds = time.perf_counter() - began
    after = table()
    if len(set(after) - set(before)) != 1 or len(after) != len(before):
        raise AssertionError(f"not one line of the table changed: {set(after) ^ set(before)}")
    return 1000 * seconds


def _by_command(socket: Path) -> None:
    processes.timed([str(processes.BIN / "lvsctl"), "--socket", str(socket), "reload"])


def _by_socket(socket: Path) -> None:
    reply = client.ask(socket, messages.Reload(), messages.Reloaded, RELOAD_S)
    if len(reply.changes) != 1 or reply.failures:
        raise AssertionError(f"not one change but {reply}")
