"""Waiting for a condition, or while it holds: the only ways a kernel test waits."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_S = 0.02


def wait_until(condition: Callable[[], object], what: str, within_s: float = 10.0) -> float:
    """Wait until `condition` holds, and return how many seconds that took.

    Raises:
        AssertionError: It did not hold in time; `what` says what was waited for.
    """
    start = time.monotonic()
    while not condition():
        waited = time.monotonic() - start
        assert waited < within_s, f"not within {within_s:g} s: {what}"
        time.sleep(POLL_S)
    return time.monotonic() - start


def hold_while(
    lasts: Callable[[], object],
    condition: Callable[[], object],
    what: str,
    within_s: float = 60.0,
) -> None:
    """Look on while `lasts` and `condition` hold.

    Raises:
        AssertionError: `condition` ceased to hold, or `lasts` went on for too long.
    """
    start = time.monotonic()
    while lasts():
        lasted = time.monotonic() - start
        assert condition(), f"only for {lasted:.2f} s: {what}"
        assert lasted < within_s, f"no end after {within_s:g} s"
        time.sleep(POLL_S)


def hold_for(seconds: float, condition: Callable[[], object], what: str) -> None:
    """Look on for so long while `condition` holds.

    Raises:
        AssertionError: It ceased to hold; `what` says what should have lasted.
    """
    start = time.monotonic()
    while (lasted := time.monotonic() - start) < seconds:
        assert condition(), f"only for {lasted:.2f} of {seconds:g} s: {what}"
        time.sleep(POLL_S)
