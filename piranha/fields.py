"""Form fields for keys of lvs.cf: the rule, the help and the default are the key's own.

A field holds text, as the file does; its cleaned value is what the model holds, None where the
key is to be left out. So `edits.with_value` takes it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from lvsengine.errors import RuleError
from lvsengine.lvscf.keys import KEYS, Section
from lvsengine.lvscf.rows import Key
from piranha.sentences import refusal

Text = StrOrPromise
Choices = Iterable[tuple[str, Text]]
Widget = type[forms.Widget] | forms.Widget | None

MASKS = tuple(  # as the manual lists them, the widest last
    ".".join(str(0xFFFFFFFF << 32 - bits >> shift & 0xFF) for shift in (24, 16, 8, 0))
    for bits in range(32, 15, -1)
)


class KeyField(forms.Field):
    """A line of text under the rule of a key.

    Attributes:
        help_text: The key's own sentence where none is given.
    """

    widget: type[forms.Widget] = forms.TextInput

    def __init__(self, key: Key, label: Text, help_text: Text = "", widget: Widget = None) -> None:
        self.key = key
        told = help_text or lazy(lambda: gettext(key.doc), str)()
        super().__init__(required=False, widget=widget, label=label, help_text=told)

    def to_python(self, value: object) -> object:
        text = str(value or "").strip()
        return self.read(text) if text else None

    def read(self, text: str) -> object:
        """Read the text by the rule; its refusal becomes the field's error."""
        return by_rule(self.key.rule, text)

    def has_changed(self, initial: object, data: object) -> bool:
        """Compare what was typed: the same text is no change, whatever it means."""
        return str(initial or "").strip() != str(data or "").strip()

    def validate(self, value: object) -> None:
        """Nothing more: the rule has spoken."""

    def run_validators(self, value: object) -> None:
        """Nothing more: the rule has spoken."""


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
        known = {value for value, _label in self.choices}
        more = [(current, current)] if current and current not in known else []
        self.widget.choices = [*self.choices, *more]


class CheckField(KeyField):
    """A box: 1 when checked, 0 when not."""

    widget = forms.CheckboxInput

    def to_python(self, value: object) -> bool:
        return value in (True, "1", "on", "true", "True")

    def prepare_value(self, value: object) -> bool:
        return self.to_python(value)

    def has_changed(self, initial: object, data: object) -> bool:
        return self.to_python(initial) != self.to_python(data)


def by_rule(rule: Callable[[str], object], text: str) -> object:
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
    return [("", _("Unused")), *((mask, mask) for mask in MASKS)]
