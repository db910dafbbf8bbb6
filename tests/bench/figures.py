"""What a benchmark found, as values, and the one table that shows all of it. Measures nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

HEADER = ("what was measured", "ours", "peer", "ratio", "goal", "")
GAP = "  "


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure: `runs` of everything, `window_s` seconds of steady checking each."""

    runs: int = 5
    window_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Goal:
    """What to stay at or under: a figure of ours, or its ratio to the peer's."""

    limit: float
    of_ratio: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: every run's figure, ours and, where there is one, the peer's."""

    label: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float] = ()
    peer_name: str = ""
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        return median(self.ours) / median(self.peer) if self.peer and median(self.peer) else None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is; None where none is set."""
        if self.goal is None:
            return None
        figure = self.ratio if self.goal.of_ratio else median(self.ours)
        return figure is not None and figure <= self.goal.limit


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one benchmark, under a line that says where and how they were found."""

    title: str
    rows: Sequence[Row]


def table(sections: Iterable[Section]) -> str:
    """Lay all sections out in columns of one width."""
    sections = tuple(sections)
    cells = [HEADER, *(_cells(row) for section in sections for row in section.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(HEADER, widths)]
    for section in sections:
        lines += ["", section.title, *(_line(_cells(row), widths) for row in section.rows)]
    return "\n".join(lines)


def encoded(sections: Iterable[Section]) -> str:
    return json.dumps([asdict(section) for section in sections])


def decoded(text: str) -> list[Section]:
    return [
        Section(
            section["title"],
            [
                Row(**{**row, "goal": Goal(**row["goal"]) if row["goal"] else None})
                for row in section["rows"]
            ],
        )
        for section in json.loads(text)
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return GAP.join(padded).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    peer = f"{_spread(row.peer, row.unit)}  {row.peer_name}" if row.peer else ""
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    verdict = {True: "reached", False: "FALLS SHORT", None: ""}[row.reached]
    return ("  " + row.label, _spread(row.ours, row.unit), peer, ratio, _goal(row), verdict)


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    unit = "x" if row.goal.of_ratio else row.unit
    return f"<= {row.goal.limit:g} {unit}"


def _spread(figures: Sequence[float], unit: str) -> str:
    """Write `median unit (least .. most)`; where all are the same, just the one."""
    middle, least, most = map(_short, (median(figures), min(figures), max(figures)))
    return f"{middle} {unit}" + (f" ({least} .. {most})" if least != most else "")


def _short(figure: float) -> str:
    if figure == round(figure):
        return f"{figure:.0f}"
    digits = 0 if abs(figure) >= 100 else 1 if abs(figure) >= 10 else 2 if abs(figure) >= 1 else 3
    return f"{figure:.{digits}f}"
