"""The form of a panel: fields for keys of one place in lvs.cf, and what ACCEPT does with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from lvsengine.lvscf import look
from lvsengine.lvscf.edits import Where, with_value
from lvsengine.lvscf.keys import KEYS
from lvsengine.lvscf.problems import Problem
from lvsengine.lvscf.rules import address, device
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import Tree
from piranha import sentences
from piranha.fields import ChoiceField, KeyField, Text, by_rule

Fieldset = tuple[Text, tuple[str, ...]]


class AddressPart(KeyField):
    """The address of a key that holds an address and a device."""

    def read(self, text: str) -> object:
        return by_rule(address, text)


class DevicePart(KeyField):
    """The device of a key that holds an address and a device."""

    def read(self, text: str) -> object:
        return by_rule(device, text)


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together, under a heading."""

    title: Text
    fields: tuple[BoundField, ...]


class PanelForm(forms.Form):
    """A form whose fields are keys of one block.

    Attributes:
        fieldsets: Heading and field names, in the order of the page.
        floating: Key -> its address field and its device field.
    """

    revision = forms.CharField(widget=forms.HiddenInput, required=False)
    fieldsets: ClassVar[tuple[Fieldset, ...]] = ()
    floating: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def __init__(
        self, loaded: Loaded, where: Where, data: Mapping[str, Any] | None = None
    ) -> None:
        self.where = where
        self.loaded = loaded
        initial = {**self.texts(loaded.tree), "revision": loaded.revision}
        super().__init__(data, initial=initial)
        self._prepare()

    def fill(self, data: Mapping[str, Any]) -> None:
        """Show what was typed before, as if it had just been sent; nothing is saved by this."""
        self.data, self.is_bound = data, True
        self.fields = deepcopy(self.base_fields)
        self._bound_fields_cache: dict[str, BoundField] = {}
        self._prepare()

    def _prepare(self) -> None:
        for name, field in self.fields.items():
            if isinstance(field, ChoiceField):
                field.offer(str(self.initial[name]))
        self.arrange()

    def arrange(self) -> None:
        """Take away the fields that do not apply; for the panels."""

    def texts(self, tree: Tree) -> dict[str, str]:
        """Tell what a file says, field by field, as it would be typed."""
        texts = {}
        for name, field in self.base_fields.items():
            if isinstance(field, KeyField):
                text = look.text(tree, self.where, field.key.name)
                first, _blank, second = text.partition(" ")
                if isinstance(field, AddressPart | DevicePart):
                    text = first if isinstance(field, AddressPart) else second.strip()
                texts[name] = text
        return texts

    def typed(self, name: str) -> str:
        """Return what was typed into a field; a box is 1 or empty."""
        value = self[name].data
        if isinstance(value, bool):
            return "1" if value else ""
        return str(value or "").strip()

    def clean(self) -> dict[str, Any]:
        for address_name, device_name in self.floating.values():
            self._both_or_none(address_name, device_name)
        return self.cleaned_data

    def _both_or_none(self, address_name: str, device_name: str) -> None:
        if address_name not in self.fields or self.errors.keys() & {address_name, device_name}:
            return
        given = [name for name in (address_name, device_name) if self.cleaned_data.get(name)]
        if len(given) == 1:
            (missing,) = {address_name, device_name} - set(given)
            self.add_error(missing, ValidationError(_("is needed too"), code="missing"))

    def edit(self, tree: Tree) -> Tree:
        """Put what was changed into a file; the rest stays byte for byte."""
        for key, value in self.values():
            tree = with_value(tree, self.where, key, value)
        return tree

    def values(self) -> Iterator[tuple[str, object]]:
        """Give the keys that were changed, and their new values."""
        changed = set(self.changed_data)
        parts = {name for pair in self.floating.values() for name in pair}
        for name, field in self.fields.items():
            if isinstance(field, KeyField) and name in changed - parts:
                yield field.key.name, self.cleaned_data[name]
        for key, names in self.floating.items():
            if changed & set(names):
                yield key, self._joined(key, names)

    def _joined(self, key: str, names: tuple[str, str]) -> object:
        told = [self.cleaned_data.get(name) for name in names]
        if None in told:
            return None
        return KEYS[self.where.section][key].rule(f"{told[0]} {told[1]}")

    def blame(self, problems: tuple[Problem, ...], tree: Tree) -> list[Problem]:
        """Put the problems of a refused file beside their fields; return those of other places."""
        block = look.block_at(tree, self.where)
        lines = block.settings if block is not None else ()
        keys = {tree.lines[index].key: index + 1 for index in lines}
        rest = []
        for problem in problems:
            names = list(self._names_at(problem.place.line, keys))
            if names:
                self.add_error(names[0], sentences.problem(problem))
            else:
                rest.append(problem)
        return rest

    def _names_at(self, line: int, keys: Mapping[str, int]) -> Iterator[str]:
        for name, field in self.fields.items():
            if isinstance(field, KeyField) and keys.get(field.key.name) == line:
                yield name

    def groups(self) -> list[Group]:
        found = []
        for title, names in self.fieldsets:
            bound = tuple(self[name] for name in names if name in self.fields)
            if bound:
                found.append(Group(title, bound))
        return found
