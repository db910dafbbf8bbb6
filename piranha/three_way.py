"""Three lvs.cf files for a page: what both directors last had, and what each made of it.

The serial number, which every save raises, is left out: it differs wherever two people saved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import dedent

from lvsengine.sync.syncer import ThreeWay
from lvsengine.sync.threeway import Changed, Chunk
from piranha.numbered import shown

MOST_SHOWN = 2000  # lines: more nobody reads, and a page has an end
SERIAL = "serial_no"
LOST_THERE = (Changed.THEIRS, Changed.BOTH, Changed.UNKNOWN)  # when ours is taken
LOST_HERE = (Changed.OURS, Changed.BOTH, Changed.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the files says at a place.

    Attributes:
        line: Number of its first line, from 1.
        differs: Whether it was changed since `base`.
    """

    line: int
    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Lines that belong together and are not the same in all three.

    Attributes:
        place: The block that it begins in; empty: global.
        base: None where what both last had is not known.
    """

    who: Changed
    place: str
    base: Side | None
    ours: Side
    theirs: Side


@dataclass(frozen=True, slots=True)
class Shown:
    """The comparison as a page shows it.

    Attributes:
        places: At most `MOST_SHOWN` lines of them; `left_out` counts the other places.
        here, there, both: How many places were changed on this director alone, on the peer
            alone, and on both differently; where there is no base, `both` counts what differs.
        lost_here, lost_there: Places whose text goes when theirs, or ours, is taken.
    """

    places: tuple[Place, ...]
    left_out: int
    here: int
    there: int
    both: int
    lost_here: int
    lost_there: int


def laid_out(compared: ThreeWay) -> Shown:
    """Choose what of a comparison a page shows."""
    changed = [
        one for one in compared.chunks if one.who is not Changed.NOBODY and not _is_serial(one)
    ]
    fitting = list(_fitting(changed))
    return Shown(
        tuple(_place(one, has_base=compared.base is not None) for one in fitting),
        len(changed) - len(fitting),
        _count(changed, Changed.OURS),
        _count(changed, Changed.THEIRS),
        _count(changed, Changed.BOTH, Changed.UNKNOWN),
        _count(changed, *LOST_HERE),
        _count(changed, *LOST_THERE),
    )


def _count(chunks: Iterable[Chunk], *who: Changed) -> int:
    return sum(one.who in who for one in chunks)


def _is_serial(chunk: Chunk) -> bool:
    lines = (*chunk.base, *chunk.ours, *chunk.theirs)
    return not chunk.place and all(line.split("=")[0].strip() == SERIAL for line in lines)


def _fitting(chunks: Iterable[Chunk]) -> Iterable[Chunk]:
    room = MOST_SHOWN
    for chunk in chunks:
        room -= len(chunk.base) + len(chunk.ours) + len(chunk.theirs)
        if room < 0:
            return
        yield chunk


def _place(chunk: Chunk, *, has_base: bool) -> Place:
    return Place(
        chunk.who,
        shown(chunk.place),
        _side(chunk.base_line, chunk.base, differs=False) if has_base else None,
        _side(chunk.ours_line, chunk.ours, differs=not has_base or chunk.ours != chunk.base),
        _side(chunk.theirs_line, chunk.theirs, differs=not has_base or chunk.theirs != chunk.base),
    )


def _side(line: int, lines: tuple[str, ...], *, differs: bool) -> Side:
    return Side(line, shown(dedent("\n".join(lines))), differs)
