"""Two lvs.cf files line by line: which lines came, which went, which stayed around them.

Lines are first paired by `lvscf.alignment`. What that leaves open is compared by text alone, where
it is short enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from lvsengine.lvscf import alignment
from lvsengine.lvscf.alignment import SHORT, Keyed
from lvsengine.lvscf.syntax import parse
from piranha.numbered import shown

CONTEXT = 3  # unchanged lines shown around what changed

Step = tuple[str, int, int, int, int]  # as SequenceMatcher tells one


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a difference; a number is None where that file has no such line.

    Attributes:
        sign: `+` came, `-` went, a blank for what stayed.
    """

    sign: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that stand together; `place` is the block that its first change is in."""

    place: str
    lines: tuple[DiffLine, ...]


def hunks(before: str, after: str, context: int = CONTEXT) -> tuple[Hunk, ...]:
    """List what differs, with some lines around it. Equal texts have no hunk."""
    old, new = _keyed(before), _keyed(after)
    lines = list(_lines(old, new))
    return tuple(_hunk(lines[first:end], old, new) for first, end in _spans(lines, context))


def _keyed(text: str) -> list[Keyed]:
    tree = parse(text, "")
    return [
        (shown(place), shown(line.text) + ("␍" if "\r" in line.end else ""))
        for place, line in zip(alignment.places(tree), tree.lines, strict=True)
    ]


def _lines(old: Sequence[Keyed], new: Sequence[Keyed]) -> Iterator[DiffLine]:
    at_old = at_new = 0
    for one, other in (*alignment.anchors(old, new), (len(old), len(new))):
        yield from _between(old, new, (at_old, one), (at_new, other))
        if one < len(old):
            yield DiffLine(" ", one + 1, other + 1, new[other][1])
        at_old, at_new = one + 1, other + 1


def _between(
    old: Sequence[Keyed],
    new: Sequence[Keyed],
    span_old: tuple[int, int],
    span_new: tuple[int, int],
) -> Iterator[DiffLine]:
    """Compare what stands between two pairs, by text alone."""
    texts_old = [text for _place, text in old[slice(*span_old)]]
    texts_new = [text for _place, text in new[slice(*span_new)]]
    steps: Sequence[Step] = [("replace", 0, len(texts_old), 0, len(texts_new))]
    if texts_old and texts_new and max(len(texts_old), len(texts_new)) <= SHORT:
        steps = SequenceMatcher(None, texts_old, texts_new, autojunk=False).get_opcodes()
    for step, first_old, end_old, first_new, end_new in steps:
        if step == "equal":
            for shift, text in enumerate(texts_new[first_new:end_new], 1):
                number = span_old[0] + first_old + shift
                yield DiffLine(" ", number, span_new[0] + first_new + shift, text)
            continue
        for shift, text in enumerate(texts_old[first_old:end_old], 1):
            yield DiffLine("-", span_old[0] + first_old + shift, None, text)
        for shift, text in enumerate(texts_new[first_new:end_new], 1):
            yield DiffLine("+", None, span_new[0] + first_new + shift, text)


def _spans(lines: Sequence[DiffLine], context: int) -> Iterator[tuple[int, int]]:
    """Find which lines belong together: changes whose surroundings touch."""
    first = end = -1
    for index, line in enumerate(lines):
        if line.sign == " ":
            continue
        if first >= 0 and index - context > end:
            yield first, min(end, len(lines))
            first = -1
        if first < 0:
            first = max(0, index - context)
        end = index + context + 1
    if first >= 0:
        yield first, min(end, len(lines))


def _hunk(lines: Sequence[DiffLine], old: Sequence[Keyed], new: Sequence[Keyed]) -> Hunk:
    first = next(line for line in lines if line.sign != " ")
    if first.new is not None:
        return Hunk(new[first.new - 1][0], tuple(lines))
    return Hunk(old[(first.old or 1) - 1][0], tuple(lines))
