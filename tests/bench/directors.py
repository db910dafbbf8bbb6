"""Our director and the peer's, started in turn on the same real servers in one namespace."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from subprocess import Popen

from tests.bench import processes
from tests.bench.configurations import GUEST_NETWORK
from tests.kernel.lab.namespaces import (
    in_namespace,
    ip_batch,
    make_namespace,
    proc_net,
    remove_namespace,
)
from tests.kernel.lab.namespaces import run as run_in

FULL_WITHIN_S = 60.0
POLL_S = 0.01
HEADER_ROWS = 1  # `  -> RemoteAddress:Port ...`

Started = tuple[Popen[bytes], float]
REAL_SERVERS = Path(__file__).with_name("real_servers.py")


class Machine:
    """A namespace with all real servers in it; directors may run there one after the other.

    Args:
        folder: For configurations, logs and state; short enough for a unix socket's path.
    """

    def __init__(self, namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self.folder = folder
        self.lvs_cf = folder / "lvs.cf"
        self.socket = folder / "pulse.sock"
        self._table = self._open_table()

    @contextmanager
    def pulse(self, text: str, rows: int) -> Iterator[Started]:
        """Run pulse; gives it once it holds `rows` real servers, and the seconds that took."""
        self.lvs_cf.write_text(text)
        state = self.folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        command = [str(processes.BIN / "pulse"), "-c", str(self.lvs_cf), "--plane", "kernel"]
        command += ["--socket", str(self.socket), "--state", str(state)]
        with self._director(command, rows) as started:
            yield started

    @contextmanager
    def keepalived(self, text: str, rows: int) -> Iterator[Started]:
        """Run keepalived's checker, as `pulse` runs pulse."""
        configuration = self.folder / "keepalived.conf"
        configuration.write_text(text)
        command = ["keepalived", "--dont-fork", "--check", "--log-console", "--no-syslog"]
        command += ["-f", str(configuration), "-p", str(self.folder / "keepalived.pid")]
        command += ["-c", str(self.folder / "checkers.pid")]
        with self._director(command, rows) as started:
            yield started

    def ipvsadm_lines(self) -> list[str]:
        """List the kernel's table as `ipvsadm -Sn` does, in one order."""
        return sorted(run_in(self.namespace, "ipvsadm", "-Sn").splitlines())

    def accepted(self) -> int:
        """Count the connections that the real servers have accepted so far (RFC 1213)."""
        names, values = (
            line.split()
            for line in proc_net(self.namespace, "snmp").splitlines()
            if line.startswith("Tcp:")
        )
        return int(values[names.index("PassiveOpens")])

    def close(self) -> None:
        self._table.close()

    def _open_table(self) -> FileIO:
        with in_namespace(self.namespace):
            # It stays this namespace's, whoever reads it.
            return Path("/proc/thread-self/net/ip_vs").open("rb", buffering=0)

    def _destinations(self) -> int:
        """Count the table's destinations, at little cost to what is measured."""
        self._table.seek(0)
        return self._table.read().count(b"\n  -> ") - HEADER_ROWS

    @contextmanager
    def _director(self, command: list[str], rows: int) -> Iterator[Started]:
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        try:
            with ExitStack() as stack:
                with in_namespace(self.namespace):
                    began = time.monotonic()
                    process = stack.enter_context(processes.running(command, log))
                processes.wait_until(
                    lambda: self._destinations() == rows, process, log, FULL_WITHIN_S, POLL_S
                )
                yield process, time.monotonic() - began
        finally:
            run_in(self.namespace, "ipvsadm", "-C")


@contextmanager
def a_machine(namespace: str, port: int) -> Iterator[Machine]:
    """Make a machine whose real servers all listen on `port`, and take it away again."""
    make_namespace(namespace)
    with ExitStack() as stack:
        stack.callback(remove_namespace, namespace)
        ip_batch(namespace, f"route add local {GUEST_NETWORK} dev lo")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        command = [sys.executable, str(REAL_SERVERS), str(port)]
        with in_namespace(namespace):
            stack.enter_context(processes.running(command, folder / "real_servers.log"))
        machine = Machine(namespace, folder)
        stack.callback(machine.close)
        yield machine
