"""Measure ours beside the peers and print one table.

    .venv/bin/python -m tests.bench [--runs N] [--window S] [NAME ...]

Every figure is the median of the runs, with the least and the most; ours and the peer's runs
take turns. Goals are shown, never enforced: the exit status is 0 when all was measured. The
guest is user-mode Linux, in which every system call and page fault is dear; compare its figures
only with each other.
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bench import (
    bench_commands,
    bench_heartbeat,
    bench_lvscf,
    bench_start,
    bench_userspace,
    bench_web,
)
from tests.bench.figures import Options, Section, decoded, table
from tests.bench.processes import CHECKOUT
from tests.kernel.lab.boot import LabError, boot, check_programs, end_guest_on_sigterm

ON_HOST: Mapping[str, Callable[[Options], list[Section]]] = {
    "lvscf": bench_lvscf.run,
    "commands": bench_commands.run,
    "start": bench_start.run,
    "userspace": bench_userspace.run,
    "heartbeat": bench_heartbeat.run,
    "web": bench_web.run,
}
IN_GUEST = ("table", "reload", "checks", "pair")
OUT = CHECKOUT / ".build" / "bench"
ROWS = "rows.json"
GUEST_LIMIT_S = 600.0  # beside the windows of steady checking, and the pairs
PAIRS_RUN_S = 300.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of everything (5)")
    parser.add_argument(
        "--window", type=float, default=30, metavar="S", help="seconds of steady checking (30)"
    )
    names = (*ON_HOST, *IN_GUEST)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(names)}")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(names):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    end_guest_on_sigterm()
    try:
        return _measure(given.names or names, Options(given.runs, given.window))
    except KeyboardInterrupt:
        return 130


def _measure(names: Sequence[str], options: Options) -> int:
    inside = [name for name in IN_GUEST if name in names]
    missing = _missing() if inside else ""
    sections: list[Section] = []
    for name, bench in ON_HOST.items():
        if name in names:
            _say(f"{name}, on the host")
            sections += bench(options)
    failed = bool(missing)
    if inside and not missing:
        try:
            sections += _in_guest(inside, options)
        except LabError as error:
            failed, missing = True, str(error)
    print(table(sections))
    if failed:
        print(f"bench: not measured: {', '.join(inside)}: {missing}", file=sys.stderr)
    return int(failed)


def _missing() -> str:
    """Say what the guest's benchmarks lack here; empty if nothing."""
    try:
        check_programs()
    except LabError as error:
        return str(error)
    if shutil.which("keepalived", path="/usr/sbin:/usr/local/sbin:/sbin") is None:
        return "they need the peer, keepalived. As root on Debian: apt-get install keepalived"
    return ""


def _in_guest(names: Sequence[str], options: Options) -> list[Section]:
    """Boot a guest, let it measure, and read what it found.

    Raises:
        LabError: It could not be booted, or did not get to the end.
    """
    for folder in ("lvsengine", "tests"):
        compileall.compile_dir(CHECKOUT / folder, quiet=2)  # the guest forgets what it compiles
    words = ["--runs", str(options.runs), "--window", str(options.window_s), *names]
    limit_s = GUEST_LIMIT_S + options.runs * (2 * options.window_s + PAIRS_RUN_S)
    with _folder(OUT) as out:
        command = [sys.executable, "-m", "tests.bench.guest", *words]
        status = boot(command, out, limit_s, output=_to_stderr)
        if status != 0:
            raise LabError(f"the guest ended with status {status}; what it said stands above")
        return decoded((out / ROWS).read_text())


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        shutil.rmtree(path)
        with suppress(OSError):  # not empty: something else is kept there
            path.parent.rmdir()


def _to_stderr(chunk: bytes) -> None:
    sys.stderr.buffer.write(chunk)
    sys.stderr.buffer.flush()


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
