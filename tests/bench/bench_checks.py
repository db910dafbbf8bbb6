"""1 000 real servers, a TCP check each every 2 s: pulse beside keepalived, in the guest.

Both run in turn, in the same namespace, on the same real servers. Measured are the time from
exec to the full table, and then, over a window of steady checking, CPU time and memory of all
processes of each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.bench import processes
from tests.bench.configurations import Plan, keepalived_conf, lvs_cf
from tests.bench.directors import Machine, Started, a_machine
from tests.bench.figures import Goal, Options, Row, Section

PLAN = Plan(virtuals=250, reals=4, interval_s=2)
SETTLE_S = 10.0  # every check on its beat; with the window, all results that are kept are there
STEPS = {
    "the Python interpreter alone": "pass",
    "and our own modules": "import lvsengine.engine, lvsengine.ipvs.kernel, lvsengine.vip.netlink",
    "and pyroute2": "import lvsengine.engine, lvsengine.ipvs.kernel, pyroute2",
}


@dataclass
class Seen:
    """What the runs of one side showed."""

    full_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    resident_mib: list[float] = field(default_factory=list)
    checks_per_s: list[float] = field(default_factory=list)


def run(options: Options) -> list[Section]:
    ours, peer, cautious = Seen(), Seen(), Seen()
    steps: dict[str, list[float]] = {step: [] for step in STEPS}
    configuration = lvs_cf(PLAN)
    unchecked, checked = (keepalived_conf(PLAN, checked_first=first) for first in (False, True))
    with a_machine("bench-checks", PLAN.port) as machine:
        for _ in range(options.runs):
            for step, code in STEPS.items():
                steps[step].append(processes.timed([sys.executable, "-c", code]))
            with machine.pulse(configuration, PLAN.total) as started:
                _watch(machine, started, ours, options.window_s)
            with machine.keepalived(unchecked, PLAN.total) as started:
                _watch(machine, started, peer, options.window_s)
            with machine.keepalived(checked, PLAN.total) as (_, full_s):
                cautious.full_s.append(full_s)
    return [
        Section(
            f"1 000 real servers, TCP check every {PLAN.interval_s} s (in the guest)",
            [
                *_steady(ours, peer, options.window_s),
                *_start(ours, peer, cautious),
                *(Row(f"  of it, {step}", "s", seen) for step, seen in steps.items()),
            ],
        )
    ]


def _steady(ours: Seen, peer: Seen, window_s: float) -> Iterator[Row]:
    name = "keepalived"
    label = f"CPU time per {window_s:g} s"
    yield Row(label, "s", ours.cpu_s, peer.cpu_s, name, Goal(1.5, of_ratio=True))
    yield Row("  checks made in it", "per s", ours.checks_per_s, peer.checks_per_s, name)
    yield Row("memory resident", "MiB", ours.resident_mib, peer.resident_mib, name, Goal(48))


def _start(ours: Seen, peer: Seen, cautious: Seen) -> Iterator[Row]:
    label = "start to full table"
    goal = Goal(1.0, of_ratio=True)
    yield Row(label, "s", ours.full_s, peer.full_s, "keepalived, nothing checked", goal)
    yield Row(label, "s", ours.full_s, cautious.full_s, "keepalived, each checked first")


def _watch(machine: Machine, started: Started, seen: Seen, window_s: float) -> None:
    """Measure steady checking, once it is steady."""
    process, full_s = started
    time.sleep(SETTLE_S)
    before, checks_before = processes.usage(process.pid), machine.accepted()
    time.sleep(window_s)
    after, checks_after = processes.usage(process.pid), machine.accepted()
    seen.full_s.append(full_s)
    seen.cpu_s.append(after.cpu_s - before.cpu_s)
    seen.resident_mib.append(after.resident_mib)
    seen.checks_per_s.append((checks_after - checks_before) / window_s)
