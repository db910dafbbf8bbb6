"""Run the stand-in for an original director (see peer4), with a table that it did not make."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kernel.lab.configuration import Virtual, real_address
from tests.kernel.lab.director import without_pulse
from tests.kernel.lab.faults import cables_of, cut
from tests.kernel.lab.namespaces import in_namespace, run
from tests.kernel.lab.peer4 import DIRECTOR

ENDED_WITHIN_S = 5.0


class Original:
    """One director of the original kind, in the namespace that goes with its role."""

    def __init__(
        self, role: str, keepalive_s: float, deadtime_s: float, folder: Path, share: str
    ) -> None:
        self.namespace = DIRECTOR[role]
        self._log = folder / "peer4.log"
        self._command = [sys.executable, "-m", "tests.kernel.lab.peer4", "--role", role]
        self._command += [f"--keepalive={keepalive_s:g}", f"--deadtime={deadtime_s:g}"]
        self._command += [f"--share={share}"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *virtuals: Virtual) -> None:
        """Fill its table for these virtual servers, by NAT, and start it."""
        without_pulse(self.namespace, *_rules(virtuals))
        with self._log.open("ab") as log, in_namespace(self.namespace):
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def crash(self) -> None:
        """Cut it off and kill it within a moment."""
        assert self._process
        cut(*cables_of(self.namespace))
        self._process.kill()
        self._process.wait(ENDED_WITHIN_S)

    def terminate(self) -> None:
        """SIGTERM: it lets go, and says nothing to its peer."""
        assert self._process
        self._process.terminate()
        self._process.wait(ENDED_WITHIN_S)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(ENDED_WITHIN_S)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def said(self, line: str) -> bool:
        return line in self.log


def _rules(virtuals: Sequence[Virtual]) -> Iterator[str]:
    for virtual in virtuals:
        yield f"-A -t {virtual.address}:{virtual.port} -s {virtual.scheduler}"
        for name, weight in virtual.servers.items():
            real = f"{real_address(name, 'nat')}:{virtual.port}"
            yield f"-a -t {virtual.address}:{virtual.port} -r {real} -m -w {weight}"


@contextmanager
def an_original(
    role: str, keepalive_s: float, deadtime_s: float, share: str = ""
) -> Iterator[Original]:
    """A director that is not started yet; killed at the end.

    Args:
        share: The interface over which it shares its connections; it does not without one.
    """
    with TemporaryDirectory(prefix=f"original-{role}-") as folder:
        original = Original(role, keepalive_s, deadtime_s, Path(folder), share)
        try:
            yield original
        finally:
            original.end()
            if share:
                for daemon in ("master", "backup"):
                    run(original.namespace, "ipvsadm", "--stop-daemon", daemon, check=False)
