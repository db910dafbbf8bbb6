"""Three lvs.cf files line by line: what both directors last had, what each made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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
    raise NotImplementedError
