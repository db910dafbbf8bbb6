"""The engine's sentences in the reader's language: message ids and values, not glued text."""

from __future__ import annotations

from django.utils.translation import gettext

from lvsengine.errors import RuleError, Sentence
from lvsengine.lvscf.problems import Problem


def told(sentence: Sentence) -> str:
    """Translate a sentence, and the sentences among its values."""
    values = {
        name: told(value) if isinstance(value, Sentence) else value
        for name, value in sentence.values.items()
    }
    return gettext(sentence.template).format(**values) if sentence.template else ""


def refusal(error: RuleError) -> str:
    """Translate why a rule said no; begins in lower case, for a field's name stands before."""
    return told(error.sentence)


def problem(found: Problem) -> str:
    """Translate what is wrong with a line, without the place."""
    return told(found.sentence)
