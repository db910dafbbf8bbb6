"""The last hour of one figure as a small SVG: zero-based, gaps left open, readable in grey.

All graphs have the same time axis, so those under one another can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

SAMPLES = 120  # the axis: one hour of samples of 30 s
STEP = 2
WIDTH, HEIGHT = SAMPLES * STEP, 40
BASE, TOP = HEIGHT - 2, 3

Values = Sequence[float | None]


def svg(values: Values, told: str) -> SafeString:
    """Draw values, the newest at the right edge; `told` says the same in words."""
    lines = "".join(f'<polyline points="{points}"/>' for points in _lines(values[-SAMPLES:]))
    return format_html(
        '<svg class="graph" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><path d="M0 {}H{}"/>{}</svg>',
        WIDTH,
        HEIGHT,
        told,
        BASE,
        WIDTH,
        mark_safe(lines),  # noqa: S308 - numbers of ours alone
    )


def last(values: Values) -> float | None:
    """Give the newest value; None where there is none."""
    return values[-1] if values else None


def most(values: Values) -> float:
    return max((value for value in values if value is not None), default=0.0)


def both(one: Values, other: Values) -> tuple[float | None, ...]:
    """Add two lines up; a gap in either is a gap."""
    pairs = zip(one, other, strict=True)
    return tuple(None if a is None or b is None else a + b for a, b in pairs)


def _lines(values: Values) -> Iterator[str]:
    """Yield the points of each stretch without a gap; a point on a level line is left out."""
    highest = most(values) or 1.0
    stretch: list[tuple[int, int]] = []
    for number, value in enumerate(values):
        if value is None:
            if stretch:
                yield _points(stretch)
            stretch = []
            continue
        x = WIDTH - (len(values) - 1 - number) * STEP
        y = BASE - round(value / highest * (BASE - TOP))
        if len(stretch) > 1 and stretch[-1][1] == stretch[-2][1] == y:
            stretch.pop()
        stretch.append((x, y))
    if stretch:
        yield _points(stretch)


def _points(stretch: list[tuple[int, int]]) -> str:
    (x, y), *_rest = stretch
    alone = [(x - STEP, y)] if len(stretch) == 1 else []  # one point draws nothing
    return " ".join(f"{x},{y}" for x, y in [*alone, *stretch])
