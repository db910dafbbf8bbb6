"""When each check is due: spread over its interval, the same way at every start.

Times are seconds of one steady clock. After a quick first try each check keeps to its own
beat, `anchor + n * interval`, so that a thousand checks never fall due in one instant.
"""

from __future__ import annotations

from math import floor
from zlib import crc32

from lvsengine.nanny.check import Definition

FIRST_WITHIN_S = 0.2  # all first tries begin this soon; a slow start costs clients requests


def share(definition: Definition) -> float:
    """Where in its interval a check belongs, 0 to 1: the same in every run of the program."""
    return crc32(repr(definition).encode("utf-8", "surrogateescape")) / 2**32


def first_due(now: float, part: float, interval_s: float) -> float:
    return now + part * min(interval_s, FIRST_WITHIN_S)


def next_due(anchor: float, interval_s: float, after: float) -> float:
    """Find the first beat later than `after`.

    A try that outlasts its interval is followed at once by the next, never overlapped by it.
    """
    beats = (after - anchor) / interval_s
    # `after` may be a beat itself, a rounding error short of it.
    return anchor + interval_s * (floor(beats + 1e-6) + 1)
