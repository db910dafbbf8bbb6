"""Run the kernel tests: one guest, pytest inside it on `tests/kernel/guest`.

    .venv/bin/python -m tests.kernel [--limit S] [--coverage] [--drills] [pytest arguments ...]

The drills, marked so, put a pair of directors through its faults under load, and are run by
themselves, without coverage: the guest has one CPU, and a director that starves misses deadtime.

The exit status is pytest's, 124 past the limit, 125 if no guest could be booted: never is the
suite skipped in silence. `.build/kernel/`, for the drills `.build/drills/`, then has `junit.xml`
and, with `--coverage`, data files to be combined with those of the other tests.
"""

from __future__ import annotations

import argparse
import compileall
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.deploy import wheels
from tests.kernel.lab.boot import (
    CHECKOUT,
    NOT_BOOTED,
    OUT,
    TIMED_OUT,
    LabError,
    boot,
    end_guest_on_sigterm,
)

GUEST_TESTS = "tests/kernel/guest"
LIMIT_S, DRILLS_LIMIT_S = 900.0, 1800.0
DRILLS_OUT = OUT.with_name("drills")


def main(arguments: Sequence[str] | None = None) -> int:
    options, pytest_arguments = _parser().parse_known_args(arguments)
    end_guest_on_sigterm()
    out = (options.out or (DRILLS_OUT if options.drills else OUT)).resolve()
    limit_s = options.limit or (DRILLS_LIMIT_S if options.drills else LIMIT_S)
    _forget_earlier_results(out)
    _compile_once()
    if options.drills:
        wheels.gathered()  # two of its machines are installed without internet
    try:
        status = boot(
            _command(
                ["-m", "drill" if options.drills else "not drill", *pytest_arguments],
                out,
                coverage=options.coverage,
            ),
            out,
            limit_s,
            _environment(out, coverage=options.coverage),
        )
    except LabError as error:
        print(f"the kernel tests could not run: {error}", file=sys.stderr)
        return NOT_BOOTED
    if status == TIMED_OUT:
        print(f"the kernel tests did not end within {limit_s:g} s", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.kernel", description=__doc__)
    parser.add_argument("--limit", type=float, metavar="S")
    parser.add_argument("--out", type=Path, metavar="FOLDER")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--drills", action="store_true")
    return parser


def _forget_earlier_results(out: Path) -> None:
    for result in (*out.glob("junit.xml"), *out.glob(".coverage*")):
        result.unlink(missing_ok=True)


def _compile_once() -> None:
    """Leave byte code for the guest, which is slow and forgets what it compiled."""
    for folder in ("lvsengine", GUEST_TESTS, "tests/kernel/lab"):
        compileall.compile_dir(CHECKOUT / folder, quiet=2)


def _command(pytest_arguments: Sequence[str], out: Path, *, coverage: bool) -> list[str]:
    paths = [word for word in pytest_arguments if GUEST_TESTS in word]
    return [
        sys.executable,
        *(["-m", "coverage", "run"] if coverage else []),
        *["-m", "pytest", "-p", "no:cacheprovider", f"--junit-xml={out}/junit.xml"],
        *([] if sys.stdout.isatty() else ["--color=no"]),
        *pytest_arguments,
        *([] if paths else [GUEST_TESTS]),
    ]


def _environment(out: Path, *, coverage: bool) -> dict[str, str]:
    if not coverage:
        return {}
    return {
        "COVERAGE_FILE": f"{out}/.coverage",
        "COVERAGE_PROCESS_START": str(CHECKOUT / "pyproject.toml"),
    }


if __name__ == "__main__":
    sys.exit(main())
