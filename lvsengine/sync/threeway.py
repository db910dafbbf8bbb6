"""Three lvs.cf files line by line: what both directors last had, what each made of it.

Each of the two is paired with `base` (see `lvscf.alignment`); what that leaves open is compared by
text alone, where it is short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from lvsengine.lvscf import alignment
from lvsengine.lvscf.alignment import SHORT, Keyed
from lvsengine.lvscf.syntax import parse

Pairs = dict[int, int]  # line of base -> the same line of another file, both rising


class Changed(Enum):
    """Who changed some lines since `base`."""

    NOBODY = ""
    OURS = "ours"
    THEIRS = "theirs"
    BOTH_ALIKE = "both alike"
    BOTH = "both"  # differently: what a person must choose between
    UNKNOWN = "unknown"  # they differ, and there is no base to say who


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines that belong together.

    Attributes:
        place: The block that it begins in, such as `virtual web server one`; empty: global.
        base_line, ours_line, theirs_line: The number of its first line, from 1; where it has
            no lines in that file, of the line before which it would stand.
        base, ours, theirs: The lines without their ends.
    """

    who: Changed
    place: str
    base_line: int
    ours_line: int
    theirs_line: int
    base: tuple[str, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


def chunks(base: str | None, ours: str, theirs: str) -> tuple[Chunk, ...]:
    """Cut three files into chunks that, one after another, are each of the files whole.

    Args:
        base: None where it is not known; then whatever differs is UNKNOWN.
    """
    files = [_keyed(text) for text in (ours if base is None else base, ours, theirs)]
    lengths = [len(lines) for lines in files]
    spans = _spans(_pairs(files[0], files[1]), _pairs(files[0], files[2]), lengths)
    return tuple(_chunk(files, span, has_base=base is not None) for span in spans)


Span = tuple[tuple[int, int, int], tuple[int, int, int]]  # begin and end in each file


def _spans(ours: Pairs, theirs: Pairs, lengths: Sequence[int]) -> Iterator[Span]:
    """Cut where the files go together, and where they part."""
    at = begun = (0, 0, 0)
    for line in sorted(ours.keys() & theirs.keys()):
        here = (line, ours[line], theirs[line])
        if here != at:
            if begun != at:
                yield begun, at
            yield at, here
            begun = here
        at = (here[0] + 1, here[1] + 1, here[2] + 1)
    if begun != at:
        yield begun, at
    end = (lengths[0], lengths[1], lengths[2])
    if at != end:
        yield at, end


def _chunk(files: Sequence[Sequence[Keyed]], span: Span, *, has_base: bool) -> Chunk:
    first, end = span
    pieces = [
        tuple(text for _place, text in lines[begin:until])
        for lines, begin, until in zip(files, first, end, strict=True)
    ]
    places = [
        lines[begin][0]
        for lines, begin, until in zip(files[::-1], first[::-1], end[::-1], strict=True)
        if until > begin
    ]
    base, ours, theirs = pieces
    who = _who(base, ours, theirs)
    if not has_base:
        who = Changed.NOBODY if ours == theirs else Changed.UNKNOWN
    numbers = (first[0] + 1, first[1] + 1, first[2] + 1)
    return Chunk(who, places[0], *numbers, base if has_base else (), ours, theirs)


def _who(base: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...]) -> Changed:
    if ours == theirs:
        return Changed.NOBODY if ours == base else Changed.BOTH_ALIKE
    if ours == base:
        return Changed.THEIRS
    return Changed.OURS if theirs == base else Changed.BOTH


def _keyed(text: str) -> list[Keyed]:
    tree = parse(text, "")
    lines = zip(alignment.places(tree), tree.lines, strict=True)
    return [(place, line.text) for place, line in lines]


def _pairs(base: Sequence[Keyed], other: Sequence[Keyed]) -> Pairs:
    """Pair equal lines, in rising order on both sides."""
    pairs: Pairs = {}
    at_base = at_other = 0
    for one, two in (*alignment.anchors(base, other), (len(base), len(other))):
        pairs.update(_between(base, other, (at_base, one), (at_other, two)))
        if one < len(base):
            pairs[one] = two
        at_base, at_other = one + 1, two + 1
    return pairs


def _between(
    base: Sequence[Keyed],
    other: Sequence[Keyed],
    span_base: tuple[int, int],
    span_other: tuple[int, int],
) -> Iterator[tuple[int, int]]:
    texts = [text for _place, text in base[slice(*span_base)]]
    others = [text for _place, text in other[slice(*span_other)]]
    if not texts or not others or max(len(texts), len(others)) > SHORT:
        return
    for match in SequenceMatcher(None, texts, others, autojunk=False).get_matching_blocks():
        for shift in range(match.size):
            yield span_base[0] + match.a + shift, span_other[0] + match.b + shift
