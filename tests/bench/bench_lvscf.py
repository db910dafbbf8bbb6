"""How long lvs.cf takes: read, judge, change, write and store, for small and very large files.

Each figure is CPU time of this process, but for the start of Python. The very large are measured
once. Alone: `.venv/bin/python -m tests.bench lvscf`.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lvsengine.lvscf import edits, reading, store, syntax, writing
from tests.bench import processes
from tests.bench.figures import Goal, Options, Row, Section

OF = "1 000 x 4"
IMPORT_STORE = (sys.executable, "-c", "import lvsengine.lvscf.store")


def run(options: Options) -> list[Section]:
    start = [processes.timed(IMPORT_STORE) for _ in range(options.runs)]
    return [
        Section(
            "lvs.cf, CPU time (on the host)",
            [
                *_usual(options.runs),
                *_very_large(),
                *_hostile(),
                Row("start Python and import the store, wall time", "s", start),
            ],
        )
    ]


def _usual(runs: int) -> list[Row]:
    text = sample(1000, 4)
    tree = syntax.parse(text, "lvs.cf")
    config = reading.read(tree).config
    assert config is not None
    read = _cpu(lambda: reading.read_text(text, "lvs.cf"), runs)
    parse = _cpu(lambda: syntax.parse(text, "lvs.cf"), runs)
    change = _cpu(lambda: edits.with_weight(tree, "v999", "r3", 9), runs)
    return [
        Row(f"{OF} read and checked", "s", read, goal=Goal(0.5)),
        Row(f"  of it, lines and blocks ({len(tree.lines)} lines)", "s", parse),
        Row(f"one weight changed among {OF}", "s", change),
        Row(f"{OF} written", "s", _cpu(lambda: writing.write(config), runs)),
        Row(f"{OF} loaded and saved", "s", _stored(text, runs)),
    ]


def _very_large() -> list[Row]:
    text = sample(100_000, 1)
    label = f"100 000 x 1 read and checked ({len(text) / 1e6:.0f} MB)"
    return [Row(label, "s", _cpu(lambda: reading.read_text(text, "lvs.cf"), runs=1))]


def _hostile() -> list[Row]:
    ten = 10_000_000
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(ten // 32))
    files = {
        "random bytes": noise.decode("utf-8", "surrogateescape"),
        "one line": "a = " + "b" * ten,
        "one line of blanks": "a" + " " * ten + "b",
        "one line of quotes": "a = " + '"' * ten,
        "nothing but line ends": "\n" * ten,
        "headers that are never closed": "virtual v {\n" * (ten // 12),
        "servers outside of any block": "server s {\n" * (ten // 11),
        "keys that nobody knows": "".join(f"weihgt{number} = 1\n" for number in range(ten // 18)),
    }
    return [
        Row(f"10 MB read: {name}", "s", _cpu(partial(reading.read_text, text, "f"), runs=1))
        for name, text in files.items()
    ]


def _stored(text: str, runs: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lvs.cf"
        path.write_text(text)

        def turn() -> None:
            loaded = store.load(path)
            tree = edits.with_next_serial(loaded.tree)
            store.save(path, str(tree), expected=loaded.revision)

        return _cpu(turn, runs)


def _cpu(work: Callable[[], object], runs: int) -> list[float]:
    seconds = []
    for _ in range(runs):
        before = time.process_time()
        work()
        seconds.append(time.process_time() - before)
    return seconds


def sample(virtuals: int, reals: int) -> str:
    """Write a sound file of so many virtual servers with so many real servers each."""
    lines = [
        "serial_no = 1",
        "primary = 192.0.2.1",
        "network = nat",
        "nat_router = 10.0.0.254 eth1:1",
    ]
    for number in range(virtuals):
        network = f"{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        lines += [
            f"virtual v{number} {{",
            "     active = 1",
            f"     address = 11.{network} eth0:{number}",
            "     vip_nmask = 255.255.255.255",
            f"     port = {80 + number % 7}",
            r'     send = "GET / HTTP/1.0\r\n\r\n"',
            '     expect = "HTTP"',
            "     use_regex = 0",
            "     load_monitor = none",
            "     scheduler = wlc",
            "     protocol = tcp",
            "     timeout = 6",
            "     reentry = 15",
            "     quiesce_server = 0",
        ]
        for real in range(reals):
            lines += [
                f"     server r{real} {{",
                f"         address = {12 + real}.{network}",
                "         active = 1",
                f"         weight = {real + 1}",
                "     }",
            ]
        lines.append("}")
    return "\n".join([*lines, ""])
