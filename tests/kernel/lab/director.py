"""A director that really runs: `pulse` as a process in a namespace, and `lvsctl` beside it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kernel.lab import unprivileged
from tests.kernel.lab.namespaces import in_namespace, run
from tests.kernel.lab.table import Rows, read_table
from tests.kernel.lab.waiting import wait_until

READY_WITHIN_S = 20.0
ENDED_WITHIN_S = 15.0


class Director:
    """One `pulse`, its lvs.cf, its log; may be started again after it has ended.

    Args:
        namespace: `dirA` or `dirB`.
        folder: For its files; a path short enough for a unix socket.
        as_root: Instead of as user pulse, with three capabilities, as its unit starts it.
    """

    def __init__(self, namespace: str, folder: Path, *, as_root: bool = False) -> None:
        self.namespace = namespace
        self._as_root = as_root
        self.config = folder / "lvs.cf"
        self.socket = folder / "run" / "pulse.sock"
        self.lacks: tuple[str, ...] = ()  # capabilities that the next start leaves out
        self.state = folder / "state"
        self._log = folder / "pulse.log"
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, lvs_cf: str) -> None:
        self.config.write_text(lvs_cf)

    def start(self, lvs_cf: str | None = None, *arguments: str) -> None:
        """Start pulse and wait until it says, as to systemd, that it is ready."""
        if lvs_cf is not None:
            self.write(lvs_cf)
        notify = self.config.with_name("notify.sock")
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as readiness:
            readiness.bind(str(notify))
            notify.chmod(0o666)
            self._launch(arguments, notify)
            readiness.setblocking(False)
            wait_until(lambda: self._has_said_ready(readiness), "pulse is ready", READY_WITHIN_S)

    def reload(self, lvs_cf: str) -> None:
        """Write a new lvs.cf and send SIGHUP. Wait for what should come of it yourself."""
        self.write(lvs_cf)
        self._running.send_signal(signal.SIGHUP)

    def terminate(self) -> int:
        """Stop by SIGTERM and return the exit status."""
        self._running.terminate()
        return self._end()

    def kill(self) -> None:
        """SIGKILL: it has no time to tidy up."""
        self._running.kill()
        self._end()

    def freeze(self) -> None:
        """SIGSTOP: it does nothing, while its kernel goes on with what it was told."""
        self._running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT, after `freeze`."""
        self._running.send_signal(signal.SIGCONT)

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def thaw_if_running(self) -> None:
        if self.is_running:
            self.thaw()

    def kill_if_running(self) -> None:
        """End it even if it is frozen."""
        if self.is_running:
            self.kill()

    def stop(self) -> None:
        """End it in whatever way works, if it runs."""
        if not self.is_running:
            return
        try:
            self.terminate()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def release(self) -> str:
        """Run `pulse --release` as root and return what it printed."""
        command = (sys.executable, "-m", "lvsengine.cli.pulse", "--release", *self._places)
        return run(self.namespace, *command)

    def lvsctl(self, *arguments: str, check: bool = True) -> str:
        """Run lvsctl on it and return what it printed."""
        command = (sys.executable, "-m", "lvsengine.cli.lvsctl", "--socket", str(self.socket))
        return run(self.namespace, *command, *arguments, check=check)

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def rows(self, service: str) -> Rows:
        """The destinations of one service in the kernel; none if there is no such service."""
        return read_table(self.namespace).get(service, {})

    def wait_for_rows(
        self, service: str, weights: dict[str, int], within_s: float = 10.0
    ) -> float:
        """Wait until the kernel has exactly these destinations and weights; return the seconds."""

        def settled() -> bool:
            return {key: row.weight for key, row in self.rows(service).items()} == weights

        try:
            return wait_until(settled, f"{service} is {weights}", within_s)
        except AssertionError as error:
            error.add_note(f"it is {self.rows(service)}; the log ends:\n{self.log[-3000:]}")
            raise

    @property
    def _places(self) -> list[str]:
        paths = {"-c": self.config, "--socket": self.socket, "--state": self.state}
        return [word for option, path in paths.items() for word in (option, str(path))]

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "pulse has not been started"
        return self._process

    def _launch(self, arguments: tuple[str, ...], notify: Path) -> None:
        command = [sys.executable, "-m", "lvsengine.cli.pulse"]
        command += [*self._places, "--plane", "kernel", "-v", *arguments]
        if not self._as_root:
            command = unprivileged.as_pulse(command, without=self.lacks)
        # Its measurements of coverage go where it may write; `a_director` brings them home.
        measured = {"COVERAGE_FILE": str(self.config.with_name(".coverage"))}
        environment = {**os.environ, **measured, "NOTIFY_SOCKET": str(notify)}
        with self._log.open("ab") as log, in_namespace(self.namespace):
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def _has_said_ready(self, readiness: socket.socket) -> bool:
        status = self._running.poll()
        assert status is None, f"pulse ended with {status} before it was ready:\n{self.log}"
        try:
            return b"READY=1" in readiness.recv(4096)
        except BlockingIOError:
            return False

    def _end(self) -> int:
        status = self._running.wait(ENDED_WITHIN_S)
        self._process = None
        return status


@contextmanager
def a_director(namespace: str, *, as_root: bool = False) -> Iterator[Director]:
    """A director that is not started yet, with a folder of its own; stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"{namespace}-"))
    if not as_root:
        unprivileged.prepare()
        unprivileged.give(folder)
    director = Director(namespace, folder, as_root=as_root)
    try:
        yield director
    finally:
        director.stop()
        _bring_coverage_home(folder)
        shutil.rmtree(folder)


def _bring_coverage_home(folder: Path) -> None:
    for measured in folder.glob(".coverage.*"):
        shutil.copy(measured, Path(os.environ["COVERAGE_FILE"]).with_name(measured.name))


def without_pulse(namespace: str, *ipvsadm_rules: str) -> None:
    """Put services into a namespace's table as somebody else would."""
    run(namespace, "ipvsadm", "-R", stdin="\n".join(ipvsadm_rules) + "\n")
