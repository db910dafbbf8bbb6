"""How long a person waits for the commands, from a shell to the last line. On the host."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench import bench_reload, host, processes
from tests.bench.configurations import Plan
from tests.bench.figures import Goal, Options, Row, Section

LARGE = host.on_host(Plan(virtuals=200, reals=4, interval_s=6))
SMALL = host.on_host(Plan(virtuals=1, reals=3, interval_s=6))
THOUSAND = host.on_host(bench_reload.PLAN)
ANSWER_MS, START_MS = Goal(200), Goal(150)


def run(options: Options) -> list[Section]:
    return [
        Section(
            "commands, from a shell (on the host, memory plane)",
            [
                *_answers(LARGE, "200 x 4", options),
                *_answers(SMALL, "1 x 3", options),
                _row("lvsctl --help", ("lvsctl", "--help"), START_MS, options),
                _row("send_arp --help", ("send_arp", "--help"), START_MS, options),
                _row("nanny --help", ("nanny", "--help"), START_MS, options),
                _row("pulse --version", ("pulse", "--version"), START_MS, options),
            ],
        ),
        Section(
            "one weight changed among 1 000 x 4 (on the host, memory plane)", _reload(options)
        ),
    ]


def _answers(plan: Plan, size: str, options: Options) -> list[Row]:
    with host.remembering(plan) as (path, socket):
        status = ("lvsctl", "--socket", str(socket), "status")
        return [
            _row(f"lvsctl status, {size}", status, ANSWER_MS, options),
            _row(f"lvsctl check, {size}", ("lvsctl", "check", str(path)), ANSWER_MS, options),
        ]


def _reload(options: Options) -> list[Row]:
    with host.remembering(THOUSAND) as (path, socket):
        return list(
            bench_reload.measured(THOUSAND, path, socket, lambda: host.table(socket), options)
        )


def _row(label: str, command: Sequence[str], goal: Goal, options: Options) -> Row:
    words = (str(processes.BIN / command[0]), *command[1:])
    processes.timed(words)  # what is read for the first time comes from the disk
    figures = [1000 * processes.timed(words) for _ in range(options.runs)]
    return Row(label, "ms", figures, goal=goal)
