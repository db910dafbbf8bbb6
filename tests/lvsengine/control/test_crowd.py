from __future__ import annotations

from lvsengine.control.crowd import (
    ANSWERED_AT_ONCE,
    HELD_BYTES,
    Caller,
    asks_too_much,
    one_to_go,
    too_heavy,
)


def test_of_the_user_with_most_callers_the_one_that_came_first_goes() -> None:
    operator, first, second = Caller(0), Caller(1000), Caller(1000)
    assert one_to_go([operator, first, second]) is first


def test_nobody_is_cut_off_amid_an_answer() -> None:
    answered, waiting = Caller(1000, answered=True), Caller(0)
    assert one_to_go([answered, answered, waiting]) is waiting
    assert one_to_go([answered]) is None


def test_for_memory_the_one_that_holds_most_goes() -> None:
    small, large = Caller(0, held=HELD_BYTES // 4), Caller(0, held=HELD_BYTES)
    assert too_heavy([small, large]) is large
    assert too_heavy([small, small]) is None
    assert too_heavy([Caller(0, answered=True, held=2 * HELD_BYTES)]) is None


def test_what_one_user_asks_is_no_other_users_limit() -> None:
    callers = [Caller(1000, answered=True)] * ANSWERED_AT_ONCE
    assert asks_too_much(callers, 1000)
    assert not asks_too_much(callers, 0)
