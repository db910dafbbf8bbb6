"""Judge the combined coverage: pure rooms 100 % of branches, the rest 85 % in all.

Which modules are pure is said once, by the lint contract in pyproject.toml.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = "Pure modules touch no clock, socket, file, thread, process or log"
PURE_GOAL = 100.0
REST_GOAL = 85.0


def main() -> int:
    files = _measured()
    pure = {name: summary for name, summary in files.items() if name in _pure_files()}
    rest = {name: summary for name, summary in files.items() if name not in pure}
    short = {name: _percent([one]) for name, one in pure.items() if _percent([one]) < PURE_GOAL}
    for name, percent in sorted(short.items()):
        print(f"{name}: {percent:.1f} %, and a pure module must reach {PURE_GOAL:.0f} %")
    for name, one in sorted(rest.items(), key=lambda item: _percent([item[1]]))[:10]:
        print(f"  {_percent([one]):5.1f} %  {name}")
    reached = _percent(list(rest.values()))
    print(f"coverage: {len(pure) - len(short)} of {len(pure)} pure modules whole, ", end="")
    print(f"the other {len(rest)} at {reached:.1f} % (goal {REST_GOAL:.0f} %)")
    return 1 if short or reached < REST_GOAL else 0


def _measured() -> dict[str, dict[str, Any]]:
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", report.name]
        subprocess.run(command, cwd=ROOT, check=True)
        files = json.load(report)["files"]
    return {name: entry["summary"] for name, entry in files.items()}


def _pure_files() -> set[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (pure,) = [one for one in contracts if one["name"] == CONTRACT]
    return {f"{module.replace('.', '/')}.py" for module in pure["source_modules"]}


def _percent(summaries: list[dict[str, Any]]) -> float:
    """Statements and branches taken, of all that there are."""
    taken = sum(one["covered_lines"] + one.get("covered_branches", 0) for one in summaries)
    there = sum(one["num_statements"] + one.get("num_branches", 0) for one in summaries)
    return 100.0 * taken / there if there else 100.0


if __name__ == "__main__":
    sys.exit(main())
