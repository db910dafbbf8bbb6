"""Recover which of the engine's sentences a text is, and what stood in its places.

The engine's answers carry text alone. Each sentence of `locale/engine.txt` (by `make words`
from the engine's own source) is a template: pieces of text with named places between them. A
text is compared piece by piece from the left, so the work is bounded by its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Formatter

SENTENCES = Path(__file__).parent / "locale" / "engine.txt"


@dataclass(frozen=True)
class Template:
    """A sentence with places.

    Attributes:
        id: As it stands in the engine, and so in the catalogue.
        pieces: The text around the places, one more than there are `names`.
    """

    id: str
    pieces: tuple[str, ...]
    names: tuple[str, ...]

    @cached_property
    def weight(self) -> int:
        """How much of it is text; of two that fit the one that says more is meant."""
        return sum(map(len, self.pieces))

    @cached_property
    def keyword(self) -> str:
        """A word that is in every text of this sentence, the longest one."""
        edges = "\0".join(self.pieces)  # what touches a place may be part of a longer word
        return max(re.findall(r"(?<![\0\w])[A-Za-z]+(?![\0\w])", edges), key=len, default="")

    def values(self, text: str) -> dict[str, str] | None:
        """Return what stands in the places, or None where this is another sentence.

        A place holds at least one character; only of two side by side the second may be empty.
        """
        first, *middle, last = self.pieces
        start, end = len(first), len(text) - len(last)
        if end <= start or not text.startswith(first) or not text.endswith(last):
            return None
        found: list[str] = []
        for piece in middle:
            at = text.find(piece, start + 1, end) if piece else start
            if at < 0:
                return None
            found.append(text[start:at])
            start = at + len(piece)
        return self._named([*found, text[start:end]]) if start < end else None

    def _named(self, found: list[str]) -> dict[str, str] | None:
        for index, piece in enumerate(self.pieces[1:-1]):
            if not piece:  # what stands in both is in the second
                found[index], found[index + 1] = _cut(found[index + 1])
        named: dict[str, str] = {}
        for name, value in zip(self.names, found, strict=True):
            if named.setdefault(name, value) != value or not _may_be(name, value):
                return None
        return named


# The places that hold words of the engine's; all others hold names, addresses, numbers.
WORDED = frozenset({
    "advice", "asks", "block", "change", "code", "detail", "doc", "ended", "endless_search",
    "error", "fails", "failure", "hint", "interfaces", "kernel", "kind", "known", "limit",
    "list", "lost_links", "names", "obstacle", "ordered", "peer_is", "places", "problem",
    "problems", "reason", "reasons", "refusal", "result", "role", "roles", "rule", "said",
    "sentence", "side", "strerror", "subject", "value", "verb", "wanted", "what", "where",
    "who", "why", "why_not", "writer",
})  # fmt: skip
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")


def is_worded(name: str) -> bool:
    return name.rstrip("0123456789") in WORDED


def _may_be(name: str, value: str) -> bool:
    """Whether a place can hold this: no name or number goes over a sentence's end."""
    return is_worded(name) or value.startswith("'") or not ("; " in value or ": " in value)


def _cut(value: str) -> tuple[str, str]:
    """Part what stands in two places side by side: behind a quotation, or at a semicolon."""
    quoted = _QUOTED.match(value)
    at = quoted.end() if quoted else value.find("; ")
    return (value, "") if at < 0 else (value[:at], value[at:])


def template(sentence: str) -> Template:
    """Read a sentence in the form of str.format."""
    pieces, names = [""], []
    for text, name, _spec, _conversion in Formatter().parse(sentence):
        pieces[-1] += text
        if name is not None:
            names.append(name)
            pieces.append("")
    return Template(sentence, tuple(pieces), tuple(names))


def filled(sentence: str, values: Mapping[str, object], *, as_text: bool = False) -> str:
    """Fill a translation's places, with a blank wherever Chinese and Latin letters meet.

    Args:
        as_text: The values are written out already, whatever form a place wants.
    """
    written = ""
    for text, name, spec, conversion in Formatter().parse(sentence):
        written = joined(written, text)
        if name is not None:
            value = values[name]
            if not as_text:
                value = format(repr(value) if conversion == "r" else value, spec or "")
            written = joined(written, str(value))
    return written


def joined(left: str, right: str) -> str:
    if left and right and _MEETS.match(left[-1] + right[0]):
        return f"{left} {right}"
    return left + right


_MEETS = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9'/]|[A-Za-z0-9'/%][\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z]+")


class Spoken:
    """Every sentence that the engine can say."""

    def __init__(self, sentences: Iterable[str]) -> None:
        known = [template(sentence) for sentence in sentences]
        self._whole = {one.pieces[0]: one for one in known if not one.names}
        self._by_word: dict[str, list[Template]] = {}
        for one in sorted(known, key=lambda one: -one.weight):
            if one.names:
                self._by_word.setdefault(one.keyword, []).append(one)

    def find(self, text: str) -> tuple[str, dict[str, str]] | None:
        """Return a sentence's id and values; None where the text is none of them."""
        whole = self._whole.get(text)
        if whole is not None:
            return whole.id, {}
        words = dict.fromkeys(_WORD.findall(text))
        candidates = [one for word in words for one in self._by_word.get(word, ())]
        for one in sorted(candidates, key=lambda one: -one.weight):
            values = one.values(text)
            if values is not None:
                return one.id, values
        return None


def engine() -> Spoken:
    return Spoken(SENTENCES.read_text().splitlines())
