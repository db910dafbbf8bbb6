"""Errors that are made to be read by people: a code for programs, a sentence, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence for people, kept as a template and its values so that it can be translated.

    `template` is the message id; `values` fill its `{name}` places.
    """

    template: str
    values: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template.format(**self.values)


def sentence(template: str, **values: object) -> Sentence:
    return Sentence(template, values)


class RuleError(ValueError):
    """A value breaks a rule; `sentence` says which value, which rule and why."""

    def __init__(self, template: str, **values: object) -> None:
        self.sentence = Sentence(template, values)
        super().__init__(str(self.sentence))


class EngineError(Exception):
    """Something failed that a person must know of.

    Attributes:
        code: A short word for programs, such as `not-running`; stable between versions.
        sentence: What happened, where and why.
        hint: What to do about it; may be empty.
    """

    def __init__(self, code: str, sentence: str, hint: str = "") -> None:
        self.code = code
        self.sentence = sentence
        self.hint = hint
        super().__init__(f"{sentence}: {hint}" if hint else sentence)
