from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from lvsengine.health import Health
from lvsengine.nanny.check import Definition, Result, Tried
from lvsengine.nanny.machine import (
    KEPT,
    UNTRIED,
    Machine,
    Turn,
    adopted,
    asked_anew,
    not_tried,
    step,
)

OK = Result(ok=True, reason="connected")
BAD = Result(ok=False, reason="refused")


def rules(fall: int = 1, rise: int = 1) -> Definition:
    return Definition("tcp_connect", ip_address("10.0.0.1"), 80, fall=fall, rise=rise)


def after(machine: Machine, settings: Definition, *results: Result) -> Machine:
    for at, result in enumerate(results, start=1):
        machine, _ = step(settings, machine, result, float(at))
    return machine


def test_the_first_success_ever_admits_at_once() -> None:
    machine, turn = step(rules(rise=18), UNTRIED, OK, at=5.0)
    assert turn == Turn(Health.UNKNOWN, Health.UP, "connected", at=5.0)
    assert (machine.health, machine.reason, machine.since) == (Health.UP, "connected", 5.0)


def test_a_failure_as_first_result_is_down_whatever_fall_says() -> None:
    machine, turn = step(rules(fall=3), UNTRIED, BAD, at=5.0)
    assert turn == Turn(Health.UNKNOWN, Health.DOWN, "refused", at=5.0)
    assert machine.health is Health.DOWN


def test_one_that_never_was_up_is_admitted_by_its_first_success() -> None:
    assert after(UNTRIED, rules(rise=5), BAD, BAD, OK).health is Health.UP


def test_it_goes_down_after_fall_failures_in_a_row() -> None:
    settings = rules(fall=3)
    machine = after(UNTRIED, settings, OK, BAD, BAD)
    assert (machine.health, machine.failures) == (Health.UP, 2)
    assert machine.reason == "refused (2 of the 3 in a row that take it out)"

    machine, turn = step(settings, machine, BAD, at=9.0)
    assert turn == Turn(Health.UP, Health.DOWN, "refused", at=9.0)
    assert (machine.health, machine.failures, machine.since) == (Health.DOWN, 0, 9.0)


def test_a_success_between_failures_starts_the_count_again() -> None:
    machine = after(UNTRIED, rules(fall=2), OK, BAD, OK, BAD)
    assert (machine.health, machine.failures) == (Health.UP, 1)


def test_it_comes_back_after_rise_successes_in_a_row() -> None:
    settings = rules(rise=3)
    machine = after(UNTRIED, settings, OK, BAD, OK, OK)
    assert (machine.health, machine.successes, machine.since) == (Health.DOWN, 2, 2.0)
    assert machine.reason == "connected (2 of the 3 in a row that bring it back)"

    machine, turn = step(settings, machine, OK, at=9.0)
    assert turn == Turn(Health.DOWN, Health.UP, "connected", at=9.0)
    assert (machine.health, machine.successes) == (Health.UP, 0)


def test_a_failure_between_successes_starts_the_count_again() -> None:
    machine = after(UNTRIED, rules(rise=2), OK, BAD, OK, BAD, OK)
    assert (machine.health, machine.successes) == (Health.DOWN, 1)


def test_the_reason_is_the_newest_while_since_stays() -> None:
    silent = Result(ok=False, reason="no answer")
    machine = after(UNTRIED, rules(), BAD, silent)
    assert (machine.reason, machine.since) == ("no answer", 1.0)
    machine = after(UNTRIED, rules(), OK, Result(ok=True, reason="connected again"))
    assert (machine.reason, machine.since) == ("connected again", 1.0)


def test_one_found_in_the_table_is_up_until_fall_failures() -> None:
    found = adopted(Health.UP, at=3.0)
    assert (found.reason, found.since) == ("found in the table at start", 3.0)
    assert after(found, rules(fall=2), BAD).health is Health.UP
    assert after(found, rules(fall=2), BAD, BAD).health is Health.DOWN
    assert after(found, rules(rise=2), BAD, OK).health is Health.DOWN


def test_one_adopted_as_down_is_admitted_by_its_first_success() -> None:
    assert after(adopted(Health.DOWN, at=3.0), rules(rise=9), OK).health is Health.UP


def test_adopting_what_nobody_knows_is_starting_untried() -> None:
    assert adopted(Health.UNKNOWN, at=3.0) == UNTRIED


def test_another_question_keeps_health_and_results_and_counts_afresh() -> None:
    asked = asked_anew(after(UNTRIED, rules(fall=3), OK, BAD))
    assert (asked.health, asked.failures, len(asked.tried)) == (Health.UP, 0, 2)
    down = asked_anew(after(UNTRIED, rules(), OK, BAD))
    assert after(down, rules(rise=9), OK).health is Health.UP


def test_a_try_that_could_not_be_made_is_remembered_and_changes_nothing_else() -> None:
    machine = after(UNTRIED, rules(fall=2), OK, BAD)
    missed = not_tried(machine, Result(ok=False, reason="no socket"), at=7.0)
    assert (missed.health, missed.failures) == (Health.UP, 1)
    assert missed.tried[-1] == Tried(7.0, Result(ok=False, reason="no socket"))


def test_before_any_result_a_try_that_could_not_be_made_is_the_reason() -> None:
    missed = not_tried(UNTRIED, Result(ok=False, reason="no socket"), at=7.0)
    assert (missed.health, missed.reason) == (Health.UNKNOWN, "no socket")


def test_the_last_twenty_results_are_kept_newest_last() -> None:
    machine = after(UNTRIED, rules(), *[OK] * 30)
    assert [tried.at for tried in machine.tried] == [float(at) for at in range(11, 31)]


def test_texts_that_come_again_are_kept_once() -> None:
    said = [
        Result(ok=True, reason=f"up {n // 9}", seconds=n, sent=f"G{n // 9}", received=f"O{n // 9}")
        for n in range(3)
    ]
    said.append(Result(ok=False, reason="refused", seconds=3, sent="G", received="O"))
    first, second, third, last = (tried.result for tried in after(UNTRIED, rules(), *said).tried)
    assert [first, second, third, last] == said
    assert first.reason is second.reason is third.reason
    assert first.sent is third.sent
    assert first.received is third.received


@given(
    st.lists(st.booleans(), max_size=80),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([UNTRIED, adopted(Health.UP, 0.0), adopted(Health.DOWN, 0.0)]),
)
def test_whatever_comes_health_changes_only_by_enough_results_in_a_row(
    successes: list[bool], fall: int, rise: int, machine: Machine
) -> None:
    settings, seen = rules(fall, rise), []
    for at, success in enumerate(successes):
        was_admitted = machine.admitted
        machine, turn = step(settings, machine, OK if success else BAD, float(at))
        seen.append(success)
        if turn is not None:
            assert turn.after is machine.health is (Health.UP if success else Health.DOWN)
            enough = rise if success else fall
            if turn.before is not Health.UNKNOWN and was_admitted:
                assert seen[-enough:] == [success] * enough
        assert machine.failures < fall
        assert machine.successes < max(2, rise)
        assert len(machine.tried) == min(len(seen), KEPT)
