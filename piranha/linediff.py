"""Two lvs.cf files line by line: which lines came, which went, which stayed around them.

Lines are first paired by what they say and the block that they stand in, which is nearly always
unique in an lvs.cf, so that a weight of one real server is never paired with another's. What
that leaves open is compared by text alone, where it is short enough. So the work grows with the
length of the files, whatever is in them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from lvsengine.lvscf.syntax import Block, parse
from piranha.numbered import shown

CONTEXT = 3  # unchanged lines shown around what changed
SHORT = 400  # lines: more of them are not compared by text alone

Step = tuple[str, int, int, int, int]  # as SequenceMatcher tells one
Keyed = tuple[str, str]  # the block that a line stands in, and the line


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
    places = [""] * len(tree.lines)
    _mark(tree.root, "", places)
    return [
        (place, shown(line.text) + ("␍" if "\r" in line.end else ""))
        for place, line in zip(places, tree.lines, strict=True)
    ]


def _mark(block: Block, place: str, places: list[str]) -> None:
    if place:
        end = min(block.last + 1, len(places))
        places[block.first : end] = [place] * (end - block.first)
    for inner in block.blocks:
        _mark(inner, f"{place} {inner.kind} {shown(inner.name)}".strip(), places)


def _lines(old: Sequence[Keyed], new: Sequence[Keyed]) -> Iterator[DiffLine]:
    at_old = at_new = 0
    for one, other in (*_anchors(old, new), (len(old), len(new))):
        yield from _between(old, new, (at_old, one), (at_new, other))
        if one < len(old):
            yield DiffLine(" ", one + 1, other + 1, new[other][1])
        at_old, at_new = one + 1, other + 1


def _anchors(old: Sequence[Keyed], new: Sequence[Keyed]) -> list[tuple[int, int]]:
    """Pair lines that both files have once, as many as keep their order."""
    once_old, once_new = _once(old), _once(new)
    pairs = [(index, once_new[key]) for key, index in once_old.items() if key in once_new]
    return _longest_rising(pairs)


def _once(lines: Sequence[Keyed]) -> dict[Keyed, int]:
    counts = Counter(lines)
    return {key: index for index, key in enumerate(lines) if counts[key] == 1}


def _longest_rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out as few pairs as possible, so that the second numbers rise too."""
    tails: list[int] = []  # the lowest end of a rising row of each length
    ends: list[int] = []  # whose end it is
    before: list[int] = []
    for index, (_old, new) in enumerate(pairs):
        length = bisect_left(tails, new)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [new]
        ends[length : length + 1] = [index]
    found = []
    index = ends[-1] if ends else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]


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
