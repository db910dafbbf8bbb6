"""An lvs.cf as a page shows it: numbered lines, and beside a bad one what is wrong with it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lvsengine.lvscf.problems import Problem, Severity
from lvsengine.lvscf.syntax import Tree

CONTEXT = 3  # lines shown around a problem where the whole file would be too long
WHOLE = 400  # lines: a file of no more is shown whole


_NO_TEXT = re.compile("[\ud800-\udfff]")


def shown(text: str) -> str:
    """Make a file's text fit for a page: bytes that are no UTF-8 become a replacement sign."""
    return _NO_TEXT.sub("\ufffd", text)


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """One line and what is wrong with it.

    Attributes:
        severity: Of its worst problem; empty where there is none.
        gap: How many lines before it are left out.
    """

    number: int
    text: str
    problems: tuple[Problem, ...] = ()
    severity: str = ""
    gap: int = 0


def lines(
    tree: Tree, problems: Iterable[Problem] = (), *, whole: bool = True
) -> list[NumberedLine]:
    """Number a file's lines; without `whole`, a long file is cut to what is around problems.

    A problem of the file as a whole (line 0) stands at its first line.
    """
    found: defaultdict[int, list[Problem]] = defaultdict(list)
    for problem in problems:
        found[min(max(1, problem.place.line), max(1, len(tree.lines)))].append(problem)
    if whole or len(tree.lines) <= WHOLE:
        wanted = range(1, len(tree.lines) + 1)
        return list(_numbered(tree, wanted, found))
    near = {
        number
        for line in found
        for number in range(line - CONTEXT, line + CONTEXT + 1)
        if 1 <= number <= len(tree.lines)
    }
    return list(_numbered(tree, sorted(near), found))


def _numbered(
    tree: Tree, numbers: Iterable[int], found: defaultdict[int, list[Problem]]
) -> Iterator[NumberedLine]:
    last = 0
    for number in numbers:
        problems = tuple(found.get(number, ()))
        text = shown(tree.lines[number - 1].text)
        yield NumberedLine(number, text, problems, _worst(problems), number - last - 1)
        last = number


def _worst(problems: Iterable[Problem]) -> str:
    severities = {problem.severity for problem in problems}
    if Severity.ERROR in severities:
        return Severity.ERROR.value
    return Severity.WARNING.value if severities else ""
