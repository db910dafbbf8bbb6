"""One line of lvs.cf by itself: its kind, its words, and what is wrong with it.

Does not know which block a line stands in (`syntax`), nor what a key means (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from lvsengine.lvscf.problems import Reason, Severity

BLOCKS = ("virtual", "failover", "server")


class Kind(Enum):
    BLANK = "blank"
    COMMENT = "comment"
    SETTING = "setting"
    LIST = "list"  # `dirs = [` and what follows, up to `]`
    OPEN = "open"  # `virtual NAME {`
    BRACE = "brace"  # a `{` alone
    CLOSE = "close"
    BAD = "bad"


class Fault(Enum):
    """What can be wrong with a line by itself. `{text}` is the line, `{key}` its first word."""

    NUL = (
        Severity.ERROR,
        Reason.READ,
        "this line holds a NUL byte; is this a text file? Take the byte out",
    )
    NOT_UTF8 = (
        Severity.ERROR,
        Reason.READ,
        "this line holds bytes that are not UTF-8; write it anew in ASCII or UTF-8",
    )
    NOT_UTF8_COMMENT = (
        Severity.WARNING,
        Reason.READ,
        "this comment holds bytes that are not UTF-8; they are kept as they are",
    )
    UNCLOSED_QUOTE = (
        Severity.ERROR,
        Reason.QUOTES,
        "a quote is opened and not closed on this line; close it, or take it away",
    )
    GLUED_QUOTE = (
        Severity.ERROR,
        Reason.SURPLUS,
        "text follows right after a closing quote; a quote cannot stand inside a quoted text,"
        " not even after a backslash",
    )
    GLUED_EQUALS = (
        Severity.WARNING,
        Reason.NO_EQUALS,
        "{key}: the = has no blanks around it, which the original Piranha refuses;"
        " write `key = value`",
    )
    NO_EQUALS = (
        Severity.ERROR,
        Reason.NO_EQUALS,
        "{text!r} has no =; write `key = value`",
    )
    NO_KEY = (
        Severity.ERROR,
        Reason.UNKNOWN,
        "{text!r} does not begin with a key; write `key = value`",
    )
    TRAILING_COMMENT = (
        Severity.WARNING,
        Reason.SURPLUS,
        "a comment stands after the value, which the original Piranha refuses;"
        " give it a line of its own",
    )
    NEARLY_A_BLOCK = (
        Severity.ERROR,
        Reason.UNKNOWN,
        "{text!r} opens no block; do you mean {key}?",
    )
    NO_NAME = (
        Severity.ERROR,
        Reason.MISSING,
        "{key} has no name; write `{key} NAME {{`",
    )
    NO_BRACE = (
        Severity.ERROR,
        Reason.MISSING,
        "the {{ must stand on this line with a blank before it; write `{key} NAME {{`",
    )
    HEADER_SURPLUS = (
        Severity.ERROR,
        Reason.SURPLUS,
        "nothing may follow `{key} NAME {{` on its line; a name with blanks needs quotes",
    )
    ONE_LINE_BLOCK = (
        Severity.ERROR,
        Reason.SURPLUS,
        "a block cannot stand on one line; give each setting and the }} a line of its own",
    )
    CLOSE_SURPLUS = (
        Severity.ERROR,
        Reason.SURPLUS,
        "nothing may follow a }} on its line",
    )
    CLOSES_TWICE = (
        Severity.ERROR,
        Reason.UNKNOWN,
        "only one }} may stand on a line",
    )
    NO_LIST = (
        Severity.ERROR,
        Reason.LIST,
        "{key} takes a list; write `{key} = [ one two ]`",
    )

    @property
    def is_error(self) -> bool:
        return self.value[0] is Severity.ERROR


class Line(NamedTuple):
    """One line and what it is by itself.

    Attributes:
        text: The line as written, without its end.
        end: LF, CRLF or CR; empty for a last line without one.
        key: The key of a setting, the kind of a block, or the braces that close.
        values: Words after the `=` (or the block's name), quotes still on; no comment.
    """

    text: str
    end: str
    kind: Kind
    key: str = ""
    values: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


# The usual line, without quotes, comment or anything odd: most of every file.
_PLAIN = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]+=[ \t]+([!$-&(-~][!#-&(-~]*)[ \t]*")
_SETTING = re.compile(r"[ \t]*([^ \t=\"'{}#\[\]]+)([ \t]*)=([ \t]*)")
_WORD = re.compile(r"""[ \t]*("[^"]*"|'[^']*'|[^ \t]+)""")
_ESCAPED = re.compile("[\udc80-\udcff]")


def line_of(text: str, end: str) -> Line:
    """Understand one line by itself."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None and plain[1] not in _SPECIAL:
        return Line(text, end, Kind.SETTING, plain[1], (plain[2],))
    stripped = text.lstrip(" \t")
    comment = stripped.startswith("#")
    faults = _byte_faults(text, comment=comment)
    if not stripped:
        return Line(text, end, Kind.BLANK)
    if comment:
        return Line(text, end, Kind.COMMENT, faults=faults)
    line = _setting(text, end) or _other(text, end)
    return _with_faults(line, faults) if faults else line


_SPECIAL = frozenset({"dirs", "virtual", "failover", "server"})


def _byte_faults(text: str, *, comment: bool) -> tuple[Fault, ...]:
    faults = []
    if "\0" in text:
        faults.append(Fault.NUL)
    if not text.isascii() and _ESCAPED.search(text):
        faults.append(Fault.NOT_UTF8_COMMENT if comment else Fault.NOT_UTF8)
    return tuple(faults)


def _with_faults(line: Line, faults: tuple[Fault, ...]) -> Line:
    """Add faults; a setting with an error among them is no setting any more."""
    together = line.faults + faults
    spoiled = line.kind in (Kind.SETTING, Kind.LIST) and any(fault.is_error for fault in together)
    return line._replace(faults=together, kind=Kind.BAD if spoiled else line.kind)


def _setting(text: str, end: str) -> Line | None:
    found = _SETTING.match(text)
    if found is None:
        return None
    key, before, after = found.groups()
    words, faults = words_of(text[found.end() :])
    if not before or (words and not after):
        faults = (Fault.GLUED_EQUALS, *faults)
    line = Line(text, end, Kind.SETTING, key, words)
    if key == "dirs":
        return _list(line, faults)
    return _with_faults(line, faults)


def _list(line: Line, faults: tuple[Fault, ...]) -> Line:
    if not line.values or not line.values[0].startswith("["):
        faults = (*faults, Fault.NO_LIST)
    if not closes_list(line.text):
        line = line._replace(kind=Kind.LIST)
    return _with_faults(line, faults)


def closes_list(text: str) -> bool:
    """Whether a list that is open ends on this line."""
    return any(word.endswith("]") for word in text.split())


def words_of(text: str) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """Split what stands after the `=` into words, without a trailing comment.

    The first word is never a comment, so `send = #1` sends `#1`.
    """
    words: list[str] = []
    end = 0
    while found := _WORD.match(text, end):
        word = found[1]
        if words and word.startswith("#"):
            return tuple(words), (Fault.TRAILING_COMMENT,)
        if words and found.start(1) == end:
            return tuple(words), (Fault.GLUED_QUOTE,)
        if word[0] in "\"'" and (len(word) == 1 or word[-1] != word[0]):
            return (*words, text[found.start(1) :]), (Fault.UNCLOSED_QUOTE,)
        words.append(word)
        end = found.end()
    return tuple(words), ()


def value_span(text: str) -> tuple[int, int]:
    """Find where a setting's words begin and end in its line; empty where it has none."""
    found = _SETTING.match(text)
    start = end = found.end() if found else len(text)
    for count, word in enumerate(_words_at(text, start)):
        if count and word[1].startswith("#"):
            break
        end = word.end()
    return start, end


def name_span(text: str) -> tuple[int, int]:
    """Find where a block's name begins and ends in its header."""
    _, name, *_ = _words_at(text, 0)
    return name.span(1)


def _words_at(text: str, start: int) -> Iterator[re.Match[str]]:
    while found := _WORD.match(text, start):
        yield found
        start = found.end()


def _other(text: str, end: str) -> Line:
    """Understand a line without an `=` after its first word."""
    words, faults = words_of(text)
    first = words[0]
    if first in BLOCKS:
        return _header(Line(text, end, Kind.OPEN, first, words[1:], faults))
    if first == "{" and len(words) == 1:
        return Line(text, end, Kind.BRACE, faults=faults)
    if not first.strip("}"):
        return _closing(Line(text, end, Kind.CLOSE, first, words[1:], faults))
    block = _similar_block(first) if words[-1] == "{" else ""
    if block:
        known = Line(text, end, Kind.OPEN, block, words[1:], (*faults, Fault.NEARLY_A_BLOCK))
        return _header(known)
    if first == "dirs":
        return _list(Line(text, end, Kind.SETTING, first, words[1:]), faults)
    bad = Fault.NO_KEY if first[0] in "=\"'{}[]" else Fault.NO_EQUALS
    return Line(text, end, Kind.BAD, first, faults=(*faults, bad))


def _similar_block(word: str) -> str:
    """Return the kind of block that a word differs from by about one letter, or nothing."""
    for kind in BLOCKS:
        same = _same_at_start(word, kind) + _same_at_start(word[::-1], kind[::-1])
        if abs(len(word) - len(kind)) < 2 and same >= len(kind) - 2:
            return kind
    return ""


def _same_at_start(one: str, other: str) -> int:
    """Count the letters that two words begin with alike."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _header(line: Line) -> Line:
    """Check `virtual NAME {`; `values` becomes the name alone."""
    words = line.values
    if "{" in words[:2] and words[-1] == "}":
        return line._replace(kind=Kind.BAD, faults=(*line.faults, Fault.ONE_LINE_BLOCK))
    name = words[0] if words else ""
    faults = line.faults
    if name in ("", "{", '""', "''"):
        name, faults = "", (*faults, Fault.NO_NAME)
    elif len(words) == 1 or words[1] != "{":
        glued = len(words) == 1 and name.endswith("{")
        name = name[:-1] if glued else name
        surplus = "{" in words or (len(words) > 1 and words[-1].endswith("{"))
        faults = (*faults, Fault.HEADER_SURPLUS if surplus else Fault.NO_BRACE)
    elif len(words) > 2:
        faults = (*faults, Fault.HEADER_SURPLUS)
    return line._replace(values=(unquoted(name),), faults=faults)


def _closing(line: Line) -> Line:
    faults = line.faults
    if line.values:
        faults = (*faults, Fault.CLOSE_SURPLUS)
    if len(line.key) > 1:
        faults = (*faults, Fault.CLOSES_TWICE)
    return line._replace(faults=faults)


def unquoted(word: str) -> str:
    """Take the quotes off a word that has them."""
    if len(word) > 1 and word[0] in "\"'" and word[-1] == word[0]:
        return word[1:-1]
    return word
