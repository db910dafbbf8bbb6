"""Which lines of one lvs.cf are lines of another, whatever came or went around them.

Lines are paired by what they say and the block that they stand in, which is nearly always unique
in an lvs.cf, so that a weight of one real server is never paired with another's. So the work
grows with the length of the files, whatever is in them. What stands between two pairs may be
compared by text alone, where it is no longer than `SHORT`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from lvsengine.lvscf.syntax import Block, Tree

SHORT = 400  # lines: more of them are not compared by text alone

Keyed = tuple[str, str]  # the block that a line stands in, and the line


def places(tree: Tree) -> list[str]:
    """Say of each line in which block it stands: `virtual web server one`; empty: global."""
    found = [""] * len(tree.lines)
    _mark(tree.root, "", found)
    return found


def _mark(block: Block, place: str, found: list[str]) -> None:
    if place:
        end = min(block.last + 1, len(found))
        found[block.first : end] = [place] * (end - block.first)
    for inner in block.blocks:
        _mark(inner, f"{place} {inner.kind} {inner.name}".strip(), found)


def anchors(one: Sequence[Keyed], other: Sequence[Keyed]) -> list[tuple[int, int]]:
    """Pair lines that both files have once, as many as keep their order."""
    once, once_other = _once(one), _once(other)
    return _longest_rising(
        [(index, once_other[key]) for key, index in once.items() if key in once_other]
    )


def _once(lines: Sequence[Keyed]) -> dict[Keyed, int]:
    counts = Counter(lines)
    return {key: index for index, key in enumerate(lines) if counts[key] == 1}


def _longest_rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out as few pairs as possible, so that the second numbers rise too."""
    tails: list[int] = []  # the lowest end of a rising row of each length
    ends: list[int] = []  # whose end it is
    before: list[int] = []
    for index, (_one, other) in enumerate(pairs):
        length = bisect_left(tails, other)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [other]
        ends[length : length + 1] = [index]
    found = []
    index = ends[-1] if ends else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]
