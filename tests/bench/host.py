"""Our director on this machine: real servers on 127/8, and a plane that needs no root."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from lvsengine.control import client, messages
from lvsengine.errors import EngineError
from tests.bench import processes
from tests.bench.configurations import HOST_NETWORK, HOST_VIRTUAL_IP, Plan, lvs_cf
from tests.bench.directors import REAL_SERVERS

UP_WITHIN_S = 30.0
POLL_S = 0.05


def on_host(plan: Plan) -> Plan:
    return replace(plan, network=HOST_NETWORK, virtual_ip=HOST_VIRTUAL_IP)


@contextmanager
def real_servers(plan: Plan, answer: str = "") -> Iterator[Path]:
    """Run all real servers of a plan; gives a folder for the files of who asks them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        command = [sys.executable, str(REAL_SERVERS), str(plan.port), answer]
        stack.enter_context(processes.running(command, folder / "real_servers.log"))
        yield folder


@contextmanager
def remembering(plan: Plan) -> Iterator[tuple[Path, Path]]:
    """Run pulse on the memory plane until all is up; gives its lvs.cf and its socket."""
    with real_servers(plan) as folder:
        path, socket, log = folder / "lvs.cf", folder / "pulse.sock", folder / "log"
        path.write_text(lvs_cf(plan))
        command = [str(processes.BIN / "pulse"), "-c", str(path), "--plane", "memory"]
        command += ["--socket", str(socket), "--state", str(folder / "state")]
        with processes.running(command, log) as pulse:
            processes.wait_until(
                lambda: len(table(socket)) >= plan.total, pulse, log, UP_WITHIN_S, POLL_S
            )
            yield path, socket


def table(socket: Path) -> list[str]:
    """Give the lines of `lvsctl table`; none while pulse is not there yet."""
    try:
        return client.ask(socket, messages.ShowTable(), messages.Text).text.splitlines()
    except EngineError:
        return []
