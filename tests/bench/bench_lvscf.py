"""How long lvs.cf takes: read, judge, change, write and store, for small and very large files.

Each figure is CPU time of this process, the median of five runs (one for the very large). Run it
from the root of the checkout: `python -m tests.bench.bench_lvscf`.
"""

from __future__ import annotations

import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lvsengine.lvscf import edits, reading, store, syntax, writing

Figure = tuple[str, float, str]
RUNS = 5


def run() -> list[Figure]:
    """Measure everything; label, value, unit."""
    return [*_usual(), *_very_large(), *_hostile(), _start()]


def main() -> None:
    for label, value, unit in run():
        print(f"{label:<62} {value:10.3f} {unit}")


def _usual() -> list[Figure]:
    text = sample(1000, 4)
    tree = syntax.parse(text, "lvs.cf")
    config = reading.read(tree).config
    assert config is not None
    of = "1 000 virtual servers x 4 real servers"
    parse = _cpu(lambda: syntax.parse(text, "lvs.cf"))
    change = _cpu(lambda: edits.with_weight(tree, "v999", "r3", 9))
    return [
        (f"read and check {of}", _cpu(lambda: reading.read_text(text, "lvs.cf")), "s"),
        (f"  of it, lines and blocks ({len(tree.lines)} lines)", parse, "s"),
        (f"change one weight among {of}", change, "s"),
        (f"write {of}", _cpu(lambda: writing.write(config)), "s"),
        (f"load and save {of}", _stored(text), "s"),
    ]  # fmt: skip


def _very_large() -> list[Figure]:
    text = sample(100_000, 1)
    label = f"read and check 100 000 virtual servers ({len(text) / 1e6:.0f} MB)"
    return [(label, _cpu(lambda: reading.read_text(text, "lvs.cf"), runs=1), "s")]


def _hostile() -> list[Figure]:
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
        (f"read 10 MB: {name}", _cpu(partial(reading.read_text, text, "f"), runs=1), "s")
        for name, text in files.items()
    ]


def _start() -> Figure:
    """Measure what importing the reader costs a command, interpreter included."""
    command = [sys.executable, "-c", "import lvsengine.lvscf.store"]
    before = time.perf_counter()
    for _ in range(RUNS):
        subprocess.run(command, check=True, cwd=Path(__file__).resolve().parents[2])
    return ("start Python and import the store", (time.perf_counter() - before) / RUNS, "s")


def _stored(text: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lvs.cf"
        path.write_text(text)

        def turn() -> None:
            loaded = store.load(path)
            tree = edits.with_next_serial(loaded.tree)
            store.save(path, str(tree), expected=loaded.revision)

        return _cpu(turn)


def _cpu(work: Callable[[], object], runs: int = RUNS) -> float:
    seconds = []
    for _ in range(runs):
        before = time.process_time()
        work()
        seconds.append(time.process_time() - before)
    return statistics.median(seconds)


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


if __name__ == "__main__":
    main()
