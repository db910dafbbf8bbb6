"""Programs started for a benchmark: time them, read what they use, and end them all."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent  # not resolved: the console scripts lie beside the venv's python
PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOP_S = 15.0
PROGRAM_S = 60.0

_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and all below it have used so far.

    Attributes:
        cpu_s: User and system time, with that of children that have ended.
        resident_mib: Sum of each one's resident set; shared pages count in each.
    """

    cpu_s: float
    resident_mib: float


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program beside the block; what it says goes to `log`. It ends with the block."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=CHECKOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    try:
        yield process
    finally:
        _end(process)


def wait_until(
    condition: Callable[[], object],
    process: subprocess.Popen[bytes],
    log: Path,
    within_s: float,
    poll_s: float,
) -> None:
    """Wait for what `process` is to bring about.

    Raises:
        RuntimeError: It ended, or took longer than `within_s`; with the end of its log.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        late = time.monotonic() > deadline
        if late or process.poll() is not None:
            told = f"did not get there within {within_s:g} s" if late else "ended too early"
            raise RuntimeError(f"{process.args!r} {told}:\n{log.read_text()[-2000:]}")
        time.sleep(poll_s)


def timed(command: Sequence[str]) -> float:
    """Run a program to its end and give the seconds from its start.

    Raises:
        RuntimeError: It failed; with what it said.
    """
    began = time.perf_counter()
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROGRAM_S, cwd=CHECKOUT
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError(f"{command!r} failed: {done.stderr.decode(errors='replace')}")
    return seconds


def usage(pid: int) -> Usage:
    parents = _parents()
    tree = {pid}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    cpu_s = resident_mib = 0.0
    for one in tree:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            cpu_s += sum(map(int, _stat(one)[11:15])) / TICKS_PER_S
            resident_mib += _resident_kib(one) / 1024
    return Usage(cpu_s, resident_mib)


def _parents() -> dict[int, int]:
    parents = {}
    for entry in PROC.iterdir():
        with suppress(ValueError, FileNotFoundError, ProcessLookupError):
            parents[int(entry.name)] = int(_stat(int(entry.name))[1])
    return parents


def _stat(pid: int) -> list[str]:
    """Give the fields of proc(5)'s `stat` from the third (state) on: a name may hold blanks."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _resident_kib(pid: int) -> int:
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
