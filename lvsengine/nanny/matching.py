"""Whether what a real server, or a program about it, has said is what `expect` asks for."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from lvsengine.nanny import escapes, wording

ANYTHING = "*"

# POSIX names that the original's regular expressions had and Python's lack.
_POSIX = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"\x21-\x7e",
    b"lower": rb"a-z",
    b"print": rb"\x20-\x7e",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb"\s",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}


class PatternError(ValueError):
    """`expect` is no regular expression; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Anything:
    """`*`: at least one byte, whatever it is."""

    def __str__(self) -> str:
        return "any answer"

    def starts(self, received: bytes) -> bool | None:
        return True if received else None

    def is_all_of(self, printed: bytes) -> bool:
        return printed == ANYTHING.encode()


@dataclass(frozen=True, slots=True)
class Exactly:
    data: bytes

    def __str__(self) -> str:
        return wording.quoted(self.data)

    def starts(self, received: bytes) -> bool | None:
        if received.startswith(self.data):
            return True
        return None if self.data.startswith(received) else False

    def is_all_of(self, printed: bytes) -> bool:
        return printed == self.data


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, searched anywhere in what comes, case-sensitive.

    One such as `(a+)+$` may backtrack without end: who searches has to bound it.
    """

    regex: re.Pattern[bytes]

    def __str__(self) -> str:
        return f"a match of {wording.quoted(self.regex.pattern)}"

    def starts(self, received: bytes) -> bool | None:
        return True if self.regex.search(received) else None

    def is_all_of(self, printed: bytes) -> bool:
        return self.regex.search(printed) is not None


Wanted = Anything | Exactly | Pattern
"""`starts`: whether an answer that begins so will do; None while more must come to tell.
`is_all_of`: whether this, being all that was printed, will do."""


@lru_cache(maxsize=1024)
def wanted(expect: str, *, use_regex: bool) -> Wanted:
    """Read `expect`, its escapes not yet translated.

    Raises:
        PatternError: It is to be a regular expression and is none.
    """
    if expect == ANYTHING:
        return Anything()
    data = escapes.decode(expect)
    return _pattern(data) if use_regex else Exactly(data)


def _pattern(data: bytes) -> Pattern:
    python = re.sub(rb"\[:(\w+):\]", lambda found: _POSIX.get(found[1], found[0]), data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # `[[` may mean something else one day
            return Pattern(re.compile(python, re.DOTALL))  # as POSIX: the dot takes a newline too
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(
            f"expect is not a regular expression: {wording.quoted(data)}: {error}"
        ) from error
