"""How often a password may be tried: five times a user and address, then 15 minutes not.

`axes` counts, in the database, so that piranha-passwd can forget it. Passwords are checked one
at a time: a hash takes some memory and time of a machine that has better things to do.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

WAIT_S = 10.0  # for one's turn

_turn = threading.Lock()


@contextmanager
def turn() -> Iterator[bool]:
    """Wait for one's turn to have a password checked; False where it did not come in time."""
    ours = _turn.acquire(timeout=WAIT_S)
    try:
        if ours:
            _believe_clock()
        yield ours
    finally:
        if ours:
            _turn.release()


def _believe_clock() -> None:
    """Forget attempts of the future: a clock that was set back must keep nobody out for a year."""
    latest = timezone.now() + settings.AXES_COOLOFF_TIME
    future = AccessAttempt.objects.filter(attempt_time__gt=latest)
    if future.exists():
        future.delete()


def is_locked(request: HttpRequest) -> bool:
    """Tell whether the attempt just made was refused, or was the last one allowed."""
    return bool(getattr(request, "axes_locked_out", False))


def minutes_left(username: str, address: str) -> int:
    """Tell for how many minutes a user is kept out at an address; 0 where not at all."""
    attempts = AccessAttempt.objects.filter(username=username, ip_address=address)
    recent = attempts.filter(attempt_time__gt=timezone.now() - settings.AXES_COOLOFF_TIME)
    if sum(recent.values_list("failures_since_start", flat=True)) < settings.AXES_FAILURE_LIMIT:
        return 0
    left: timedelta = (
        recent.latest("attempt_time").attempt_time + settings.AXES_COOLOFF_TIME - timezone.now()
    )
    return max(1, math.ceil(left / timedelta(minutes=1)))


def forget(username: str) -> None:
    """Let a user try again from everywhere."""
    reset(username=username)


def address(request: HttpRequest) -> str:
    """Give axes the client's address, which the gate has put in place."""
    return str(request.META.get("REMOTE_ADDR", ""))


def answer(
    request: HttpRequest, response: HttpResponse, credentials: object = None
) -> HttpResponse:
    """Let axes leave the view's own answer as it is."""
    return response
