"""Bound a computation that may not come back, such as a regular expression that backtracks.

All checks, and the heartbeat, share one loop: a search of an hour would be an hour of silence.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 0.1


class TooLongError(Exception):
    """It took longer than it may."""


def bounded(act: Callable[[], T], limit_s: float = LIMIT_S) -> T:
    """Do `act`, which must leave nothing half done, and break it off after `limit_s`.

    The timer's signal reaches Python's main thread alone; in another one nothing is bounded.

    Raises:
        TooLongError: It was broken off.
    """
    if threading.current_thread() is not threading.main_thread():
        return act()
    before = signal.signal(signal.SIGALRM, _break_off)
    try:
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            return act()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)


def _break_off(number: int, frame: FrameType | None) -> None:
    raise TooLongError
