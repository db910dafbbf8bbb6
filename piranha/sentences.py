"""The engine's sentences in the reader's language: message ids and values, not glued text.

Rules and problems come as `Sentence`: `told`. Answers of the engine come as English text:
`said` finds out which sentence it is. What it does not know stays as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice

from django.utils.translation import get_language, gettext, pgettext

from lvsengine.errors import EngineError, RuleError, Sentence
from lvsengine.lvscf.problems import Problem
from piranha import spoken

LONGEST = 1000  # characters of a line; what is longer is no sentence
MOST_LINES = 1200  # a file's problems come a line each
DEEPEST = 5  # sentences within sentences
REMEMBERED = 4096  # of them, so that a page of many real servers is quick

_PROBLEM = re.compile(r"(\S{1,1024}:\d{1,9}): (error|warning): [^:]{1,60}: (.+)", re.DOTALL)
_JOINT = re.compile(r"[:;,.] ")
MOST_JOINTS = 6


def told(sentence: Sentence) -> str:
    """Translate a sentence, and the sentences and words among its values."""
    values = {name: _value(name, value) for name, value in sentence.values.items()}
    return spoken.filled(gettext(sentence.template), values) if sentence.template else ""


def _value(name: str, value: object) -> object:
    if isinstance(value, Sentence):
        return told(value)
    return said(value) if isinstance(value, str) and spoken.is_worded(name) else value


def refusal(error: RuleError) -> str:
    """Translate why a rule said no; begins in lower case, for a field's name stands before."""
    return told(error.sentence)


def problem(found: Problem) -> str:
    """Translate what is wrong with a line, without the place."""
    return told(found.sentence)


def failure(error: EngineError) -> str:
    """Translate what failed, and what to do about it."""
    if not error.hint:
        return said(error.sentence)
    return f"{said(error.sentence)}{_joint(': ')}{said(error.hint)}"


def said(text: str) -> str:
    """Translate a text of the engine's; one that it does not say stays as it is."""
    language = get_language() or "en"
    if language.startswith("en") or not text:
        return text
    lines = text.split("\n", MOST_LINES)
    return "\n".join(_said(line, language) if len(line) <= LONGEST else line for line in lines)


@cache
def _engine() -> spoken.Spoken:
    return spoken.engine()


@lru_cache(maxsize=REMEMBERED)
def _said(text: str, language: str) -> str:
    return _translated(text) or text


def _translated(text: str, depth: int = 0) -> str | None:
    """Translate a sentence, or the sentences of which it is made; None where it is unknown."""
    if depth > DEEPEST or not text:
        return None
    problem = _PROBLEM.fullmatch(text)
    if problem is not None:
        place, severity, sentence = problem.groups()
        return f"{place}: {gettext(severity)}: {_translated(sentence, depth + 1) or sentence}"
    found = _engine().find(text)
    return _apart(text, depth) if found is None else _written(*found, depth)


def _written(id_: str, values: dict[str, str], depth: int = 0) -> str:
    for name, value in values.items():
        if spoken.is_worded(name):
            values[name] = _translated(value, depth + 1) or value
    return spoken.filled(gettext(id_), values, as_text=True)


def _apart(text: str, depth: int) -> str | None:
    """Take a text apart where both sides are known, or else where one is."""
    best = None
    for before, joint, after in _cuts(text):
        first, then = _engine().find(before), _engine().find(after)
        if first is not None and then is not None:
            best = before, joint, after
            break
        if best is None and (first is not None or then is not None):
            best = before, joint, after
    if best is None:
        return _listed(text, depth)
    left, right = (_translated(part, depth + 1) or part for part in (best[0], best[2]))
    return spoken.joined(f"{left}{_joint(best[1])}", right)


def _listed(text: str, depth: int) -> str | None:
    """Translate what is named one by one, such as `10.0.0.1: why; 10.0.0.2: why`."""
    parts = text.split("; ", MOST_JOINTS)
    known = [_translated(part, depth + 1) for part in parts] if len(parts) > 1 else []
    if not any(known):
        return None
    return pgettext("joint", "; ").join(
        told or part for told, part in zip(known, parts, strict=True)
    )


def _cuts(text: str) -> Iterator[tuple[str, str, str]]:
    """Give the places where one sentence may end and another begin: behind a quotation, at a
    colon or semicolon, and behind the first word, for that may be a key."""
    if text.startswith("'"):
        before, _quote, after = text.rpartition("' ")
        yield f"{before}'", " ", after
    for at in islice(_JOINT.finditer(text), MOST_JOINTS):
        yield text[: at.start()], at.group(), text[at.end() :]
        yield text[: at.start()], "", text[at.start() :]
    before, blank, after = text.partition(" ")
    if blank:
        yield before, blank, after


def _joint(joint: str) -> str:
    match joint:
        case ": ":
            return pgettext("joint", ": ")
        case "; ":
            return pgettext("joint", "; ")
        case ", ":
            return pgettext("joint", ", ")
        case ". ":
            return pgettext("joint", ". ")
    return joint
