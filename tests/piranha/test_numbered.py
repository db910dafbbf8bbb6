from __future__ import annotations

from lvsengine.lvscf.problems import Problem
from lvsengine.lvscf.syntax import parse
from piranha import director, numbered
from tests.piranha.conftest import LVS_CF


def of(text: str, *, whole: bool) -> list[numbered.NumberedLine]:
    problems: tuple[Problem, ...] = director.problems(text)
    return numbered.lines(parse(text, "lvs.cf"), problems, whole=whole)


def test_a_bad_line_carries_its_problem() -> None:
    lines = of(LVS_CF.replace("weight = 1", "weight = heavy"), whole=True)
    bad = [line for line in lines if line.severity == "error"]

    assert [line.number for line in bad] == [33, 38]
    assert "must be a whole number" in str(bad[0].problems[0])
    assert len(lines) == len(LVS_CF.splitlines())


def test_a_long_file_is_cut_to_what_is_around_its_problems() -> None:
    text = LVS_CF + "# comment\n" * 1000 + "nonsense\n"
    lines = of(text, whole=False)

    last = lines[-1]
    assert (last.severity, last.number) == ("error", len(text.splitlines()))
    assert len(lines) < 20
    assert sum(line.gap for line in lines) + len(lines) == last.number


def test_a_problem_of_the_whole_file_stands_at_its_first_line() -> None:
    assert [line.number for line in of("\n\n", whole=False) if line.severity] in ([], [1])
    assert of("", whole=True) == []
