"""Everything wrong with a configuration, said all at once and with its place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lvsengine.errors import Sentence


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


class Reason(Enum):
    """Why a line is refused, in the original's words (and, last, ours)."""

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


class ConfigError(Exception):
    """The file cannot be used; `problems` lists every reason, in file order, warnings too."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))
