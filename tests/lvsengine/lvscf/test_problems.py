from __future__ import annotations

from lvsengine.errors import Sentence
from lvsengine.lvscf.problems import (
    LISTED,
    Place,
    Problem,
    Problems,
    Reason,
    Severity,
    shown,
)


def test_a_problem_reads_as_file_line_severity_reason_and_sentence() -> None:
    problems = Problems("lvs.cf")
    problems.error(41, Reason.INTEGER, "weight must be a whole number, not {text!r}", text="heavy")

    (problem,) = problems.in_file_order()

    assert str(problem) == (
        "lvs.cf:41: error: integer expected: weight must be a whole number, not 'heavy'"
    )


def test_problems_come_in_the_order_of_the_file() -> None:
    problems = Problems("lvs.cf")
    problems.warning(9, Reason.OUTDATED, "late")
    problems.error(2, Reason.UNKNOWN, "early")

    assert [problem.place.line for problem in problems.in_file_order()] == [2, 9]
    assert (problems.errors, problems.count) == (1, 2)


def test_a_long_value_is_cut_short_in_a_sentence() -> None:
    problems = Problems("lvs.cf")
    problems.error(1, Reason.UNKNOWN, "{text}", text="x" * 1000)

    assert len(str(problems.in_file_order()[0].sentence)) == 60
    assert shown("short") == "short"


def test_what_a_terminal_would_obey_is_shown_and_not_done() -> None:
    assert shown("a\x1b[2Jb\udcff") == r"a\x1b[2Jb\udcff"
    assert shown("é") == "é"


def test_of_each_severity_so_many_are_listed_and_the_others_counted() -> None:
    problems = Problems("lvs.cf")
    for line in range(LISTED + 5):
        problems.error(line, Reason.UNKNOWN, "bad")
    problems.warning(1, Reason.OUTDATED, "old")

    listed = problems.in_file_order()

    assert len(listed) == LISTED + 2
    assert str(listed[-1].sentence) == "5 more like these are not listed"
    assert problems.errors == LISTED + 5


def test_what_an_earlier_step_found_is_taken_over() -> None:
    problems = Problems("lvs.cf")
    early = Problem(Place("lvs.cf", 3), Severity.ERROR, Reason.QUOTES, Sentence("open"))
    problems.include((early,))

    assert problems.in_file_order() == (early,)
    assert problems.errors == 1
