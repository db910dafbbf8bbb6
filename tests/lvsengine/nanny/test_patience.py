from __future__ import annotations

import re
import signal
import threading
import time

import pytest

from lvsengine.nanny.patience import TooLongError, bounded


def test_what_is_quick_gives_its_answer() -> None:
    assert bounded(lambda: 6 * 7) == 42


def test_a_search_that_backtracks_without_end_is_broken_off() -> None:
    before = signal.getsignal(signal.SIGALRM)
    started = time.monotonic()
    with pytest.raises(TooLongError):
        bounded(lambda: re.search(rb"(a+)+$", b"a" * 60 + b"!"), limit_s=0.02)
    assert time.monotonic() - started < 2
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_error_of_its_own_comes_through_and_ends_the_timer() -> None:
    with pytest.raises(ZeroDivisionError):
        bounded(lambda: 1 // 0)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_in_another_thread_it_is_only_done() -> None:
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(bounded(lambda: 42)))
    thread.start()
    thread.join()
    assert answers == [42]
