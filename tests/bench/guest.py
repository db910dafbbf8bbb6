"""Inside the guest: run the benchmarks that need a real IPVS kernel, and bring the rows out.

`tests/bench/__main__.py` boots the guest and runs this; the rows land in `$OUT/rows.json`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench import bench_checks, bench_kernel_table, bench_pair, bench_reload
from tests.bench.figures import Options, Section, encoded

ROWS = "rows.json"  # in the folder that the guest may write
BENCHES: Mapping[str, Callable[[Options], list[Section]]] = {
    "table": bench_kernel_table.run,
    "reload": bench_reload.run,
    "checks": bench_checks.run,
    "pair": bench_pair.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--window", type=float, required=True)
    parser.add_argument("names", nargs="+", choices=BENCHES)
    arguments = parser.parse_args()
    options = Options(arguments.runs, arguments.window)
    sections = []
    for name in arguments.names:
        print(f"bench: {name}, in the guest", flush=True)
        sections += BENCHES[name](options)
    (Path(os.environ["OUT"]) / ROWS).write_text(encoded(sections))
    return 0


if __name__ == "__main__":
    sys.exit(main())
