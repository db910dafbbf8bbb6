"""Form fields for keys of lvs.cf: the rule, the help and the default are the key's own.

A field holds text, as the file does; its cleaned value is what the model holds, None where the
key is to be left out. So `edits.with_value` takes it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from lvsengine.errors import RuleError
from lvsengine.lvscf import rules, writing
from lvsengine.lvscf.keys import KEYS, Section
from lvsengine.lvscf.rows import Form, Key
from piranha.sentences import refusal

T = TypeVar("T")
Text = StrOrPromise
Choice = tuple[str, Text]
Choices = Iterable[Choice | tuple[Text, list[Choice]]]  # a list stands under a heading
Widget = type[forms.Widget] | forms.Widget | None

MASKS = tuple(  # as the manual lists them, the widest last
    ".".join(str(0xFFFFFFFF << 32 - bits >> shift & 0xFF) for shift in (24, 16, 8, 0))
    for bits in range(32, 15, -1)
)
LENGTHS = tuple(map(str, range(128, 31, -8)))  # of IPv6
QUOTED = (Form.RAW, Form.TEXT)


class KeyField(forms.Field):
    """A line of text under the rule of a key.

    Attributes:
        help_text: The key's own sentence where none is given.
        needs: The box or choice without which the field means nothing; for the style sheet.
        blank: What the button is called that empties the field; none where empty.
    """

    needs = ""
    blank: Text = ""
    widget: type[forms.Widget] = forms.TextInput

    def __init__(self, key: Key, label: Text, help_text: Text = "", widget: Widget = None) -> None:
        self.key = key
        told = help_text or lazy(lambda: gettext(key.doc), str)()
        super().__init__(required=False, widget=widget, label=label, help_text=told)

    def to_python(self, value: object) -> object:
        text = self.tidy(value)
        return self.read(text) if text else None

    def tidy(self, value: object) -> str:
        """Take away the blanks around what was typed."""
        return str(value or "").strip()

    def read(self, text: str) -> object:
        """Read the text by the rule; its refusal becomes the field's error."""
        if self.key.form in QUOTED:
            by_rule(self._written, text)
        return by_rule(self.key.rule, text)

    def _written(self, text: str) -> str:
        return writing.text_of(self.key, text)

    def has_changed(self, initial: object, data: object) -> bool:
        """Compare what was typed: the same text is no change, whatever it means."""
        return self.tidy(initial) != self.tidy(data)

    def validate(self, value: object) -> None:
        """Nothing more: the rule has spoken."""

    def run_validators(self, value: object) -> None:
        """Nothing more: the rule has spoken."""


class RawField(KeyField):
    """A line of text whose blanks count, shown across the whole panel."""

    def __init__(self, key: Key, label: Text, help_text: Text = "") -> None:
        super().__init__(key, label, help_text, long_line())

    def tidy(self, value: object) -> str:
        return str(value or "")


class NameField(forms.Field):
    """The name of a virtual or real server. Blanks become `_`, as the original's tool does it."""

    widget: type[forms.Widget] = forms.TextInput

    def __init__(self, help_text: Text) -> None:
        super().__init__(required=False, label=_("Name"), help_text=help_text)

    def to_python(self, value: object) -> str:
        return by_rule(rules.name, self.tidy(value))

    def tidy(self, value: object) -> str:
        return "_".join(str(value or "").split())

    def has_changed(self, initial: object, data: object) -> bool:
        """A name with blanks that was written by hand stays while nobody changes it."""
        return str(initial or "") != str(data or "") and initial != self.tidy(data)


class ChoiceField(KeyField):
    """A drop-down; what the file says is offered too where it is none of the choices."""

    widget = forms.Select

    def __init__(
        self,
        key: Key,
        label: Text,
        choices: Choices,
        help_text: Text = "",
        widget: Widget = None,
    ) -> None:
        super().__init__(key, label, help_text, widget)
        self.choices = list(choices)

    def offer(self, current: str) -> None:
        """Fill the drop-down, with `current` in it."""
        more = [(current, current)] if current and current not in dict(self.labels()) else []
        self.widget.choices = [*self.choices, *more]

    def labels(self) -> Iterator[Choice]:
        """Give every value and its label, those under headings too."""
        for value, label in self.choices:
            if isinstance(label, list):
                yield from label
            else:
                yield str(value), label


class CheckField(KeyField):
    """A box: 1 when checked, 0 when not."""

    widget = forms.CheckboxInput

    def tidy(self, value: object) -> str:
        return "1" if self.to_python(value) else ""

    def to_python(self, value: object) -> bool:
        return value in (True, "1", "on", "true", "True")

    def prepare_value(self, value: object) -> bool:
        return self.to_python(value)

    def has_changed(self, initial: object, data: object) -> bool:
        return self.to_python(initial) != self.to_python(data)


def long_line() -> forms.TextInput:
    """Make a field as wide as the panel, for commands and what goes over the wire."""
    return forms.TextInput(attrs={"class": "long"})


def by_rule(rule: Callable[[str], T], text: str) -> T:
    """Read a text by a rule.

    Raises:
        ValidationError: In the reader's language.
    """
    try:
        return rule(text)
    except RuleError as error:
        raise ValidationError(refusal(error), code="refused") from error


def key_of(section: Section, name: str) -> Key:
    return KEYS[section][name]


def mask_choices() -> Choices:
    lengths: list[Choice] = [(length, length) for length in LENGTHS]
    return [
        ("", _("Unused")),
        *((mask, mask) for mask in MASKS),
        (_("IPv6 prefix length"), lengths),
    ]
