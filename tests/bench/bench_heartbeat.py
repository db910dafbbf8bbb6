"""What heartbeats cost: two directors in two network namespaces of their own, on the host.

Each director's CPU over a window with ten heartbeats a second, less what it needs with one. Their
plane is the one in memory and nothing is checked meanwhile, so that hardly anything else is done.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench import processes
from tests.bench.figures import Goal, Options, Row, Section
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.namespaces import in_namespace, ip_batch, make_namespace, remove_namespace
from tests.kernel.lab.network import DIRECTORS, cable
from tests.kernel.lab.pair import KEY, pair_lines

OFTEN_S, SELDOM_S = 0.1, 1.0
DEADTIMES = 3
WINDOW_S = 10.0
STARTED_S = 2.0  # with the interpreter's own start
UNCHECKED = Virtual("web", timeout_s=600, check=())
NETWORKS = ("public", "private")


def run(options: Options) -> list[Section]:
    try:
        with _two_machines() as machines:
            seldom = [_busy_s(machines, SELDOM_S) for _ in range(options.runs)]
            often = [_busy_s(machines, OFTEN_S) for _ in range(options.runs)]
    except PermissionError:
        print("bench: heartbeat: not measured: only root makes namespaces", file=sys.stderr)
        return []
    base, per_heartbeat = statistics.median(seldom), 1 - OFTEN_S / SELDOM_S
    shares = [100 * (busy_s - base) / WINDOW_S / per_heartbeat for busy_s in often]
    label = f"heartbeats every {OFTEN_S:g} s, two links, with a key"
    return [
        Section(
            "what heartbeats cost (on the host)",
            [Row(label, "% of a core", shares, goal=Goal(1))],
        )
    ]


@contextmanager
def _two_machines() -> Iterator[dict[str, str]]:
    """Namespaces by the director that they are for, joined by two cables."""
    names = {director: f"bench-{director}-{os.getpid()}" for director in DIRECTORS}
    with ExitStack() as stack:
        for name in names.values():
            make_namespace(name)
            stack.callback(remove_namespace, name)
        first, second = names.values()
        for network in NETWORKS:
            device = cable("dirA", network).device
            ip_batch(first, f"link add {device} type veth peer name {device} netns {second}")
        for director, name in names.items():
            for network in NETWORKS:
                one = cable(director, network)
                ip_batch(name, f"addr add {one.address}/24 dev {one.device}")
                ip_batch(name, f"link set {one.device} up")
        yield names


def _busy_s(machines: dict[str, str], keepalive_s: float) -> float:
    """The CPU seconds that the busier of the two used in a window."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        key_file = folder / "heartbeat.key"
        key_file.touch(0o600)
        key_file.write_text(KEY)
        pair = pair_lines(keepalive_s, DEADTIMES * keepalive_s, key_file, ())
        pids = []
        for director, name in machines.items():
            own = folder / director
            own.mkdir()
            (own / "lvs.cf").write_text(lvs_cf(UNCHECKED, redundancy=pair))
            command = [
                str(processes.BIN / "pulse"),
                "-c",
                str(own / "lvs.cf"),
                "--plane",
                "memory",
            ]
            command += ["--socket", str(own / "pulse.sock"), "--state", str(own / "state")]
            with in_namespace(name):
                pulse = stack.enter_context(processes.running(command, own / "log"))
            pids.append(pulse.pid)
        time.sleep(STARTED_S + DEADTIMES * keepalive_s)
        before = [processes.usage(pid).cpu_s for pid in pids]
        time.sleep(WINDOW_S)
        after = [processes.usage(pid).cpu_s for pid in pids]
        return max(now - then for now, then in zip(after, before, strict=True))
