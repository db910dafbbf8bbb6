"""From starting pulse to the first request answered through its userspace plane. On the host."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from pathlib import Path

from tests.bench import host, processes
from tests.bench.configurations import FIRST_PORT, HOST_VIRTUAL_IP, Plan, lvs_cf
from tests.bench.figures import Goal, Options, Row, Section

PLAN = host.on_host(Plan(virtuals=1, reals=3, interval_s=2))
ANSWER = r"HTTP/1.0 200 OK\r\n\r\nhello"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
WITHIN_S = 15.0
POLL_S = 0.005


def run(options: Options) -> list[Section]:
    with host.real_servers(PLAN, ANSWER) as folder:
        (folder / "lvs.cf").write_text(lvs_cf(PLAN))
        seconds = [_start(folder) for _ in range(options.runs)]
    interpreter = [processes.timed([sys.executable, "-c", "pass"]) for _ in range(options.runs)]
    return [
        Section(
            "start of pulse (on the host, userspace plane, 1 x 3)",
            [
                Row("start to first request answered", "s", seconds, goal=Goal(1)),
                Row("  of it, the Python interpreter alone", "s", interpreter),
            ],
        )
    ]


def _start(folder: Path) -> float:
    log, state = folder / "log", folder / "state"
    shutil.rmtree(state, ignore_errors=True)
    command = [str(processes.BIN / "pulse"), "-c", str(folder / "lvs.cf"), "--plane", "userspace"]
    command += ["--socket", str(folder / "pulse.sock"), "--state", str(state)]
    began = time.monotonic()
    with processes.running(command, log) as pulse:
        processes.wait_until(_answered, pulse, log, WITHIN_S, POLL_S)
        return time.monotonic() - began


def _answered() -> bool:
    try:
        with socket.create_connection((HOST_VIRTUAL_IP, FIRST_PORT), timeout=1) as client:
            client.sendall(REQUEST)
            return client.recv(100).startswith(b"HTTP/1.0 200")
    except OSError:
        return False
