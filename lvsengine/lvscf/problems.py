"""Everything wrong with a configuration, said all at once and with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from lvsengine.errors import Sentence


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


class Reason(Enum):
    """Why a line is refused, in the original's words (and, the last three, ours)."""

    EMPTY = "Empty configuration"
    READ = "I/O error while reading configuration"
    QUOTES = "quotation mismatch"
    END_OF_FILE = "unexpected end of file"
    SURPLUS = "unexpected arguments"
    NO_EQUALS = "equal (=) expected after command"
    MISSING = "missing arguments"
    HOST = "invalid host name or ip address"
    ARGUMENT = "invalid argument"
    INTEGER = "integer expected"
    BOOLEAN = "boolean expected"
    UNKNOWN = "unknown command"
    LIST = "list expected"
    MIXED = "Cannot use both virtual AND failover services"
    MASK = "Bad subnet mask specified"
    CONFLICT = "conflicting entries"
    OUTDATED = "outdated"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; line 0 is the file as a whole."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: where, how bad, the original's reason, and a sentence for people."""

    place: Place
    severity: Severity
    reason: Reason
    sentence: Sentence

    def __str__(self) -> str:
        return f"{self.place}: {self.severity.value}: {self.reason.value}: {self.sentence}"


LISTED = 1000  # of each severity: a hostile file must not fill the memory with complaints
_SHOWN = 60  # characters of a value that a sentence repeats


def shown(text: str) -> str:
    """Make a value from a file fit for a sentence: not long, and nothing a terminal would obey."""
    short = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    return short if short.isprintable() else repr(short)[1:-1]


class Problems:
    """Collects what is wrong while one file is read, so that one run reports it all.

    Of each severity the first 1000 are kept; a last problem then says how many are not shown.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: list[Problem] = []
        self._counts = dict.fromkeys(Severity, 0)

    @property
    def errors(self) -> int:
        return self._counts[Severity.ERROR]

    @property
    def count(self) -> int:
        return sum(self._counts.values())

    def error(self, line: int, reason: Reason, template: str, **values: object) -> None:
        self.add(line, Severity.ERROR, reason, template, **values)

    def warning(self, line: int, reason: Reason, template: str, **values: object) -> None:
        self.add(line, Severity.WARNING, reason, template, **values)

    def add(
        self, line: int, severity: Severity, reason: Reason, template: str, **values: object
    ) -> None:
        self._counts[severity] += 1
        if self._counts[severity] > LISTED:
            return
        cut = {
            name: shown(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
        place = Place(self._path, line)
        self._found.append(Problem(place, severity, reason, Sentence(template, cut)))

    def include(self, problems: tuple[Problem, ...]) -> None:
        """Take over what an earlier step has found in the same file."""
        for problem in problems:
            self._counts[problem.severity] += 1
        self._found.extend(problems)

    def in_file_order(self) -> tuple[Problem, ...]:
        ordered = sorted(self._found, key=lambda problem: problem.place.line)
        return (*ordered, *self._not_listed(ordered))

    def _not_listed(self, listed: list[Problem]) -> list[Problem]:
        """Say how many problems of each severity were left out."""
        rest = []
        for severity, count in self._counts.items():
            left_out = count - sum(problem.severity is severity for problem in listed)
            if left_out > 0:
                last = max(problem.place.line for problem in listed)
                says = Sentence("{count} more like these are not listed", {"count": left_out})
                rest.append(Problem(Place(self._path, last), severity, Reason.ARGUMENT, says))
        return rest


def first_error(problems: Iterable[Problem]) -> str:
    """Say the first thing that makes a file unsound; warnings may stand before it."""
    return str(next(one for one in problems if one.severity is Severity.ERROR))
