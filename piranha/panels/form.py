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

from lvsengine.lvscf import look, writing
from lvsengine.lvscf.edits import Where, with_value
from lvsengine.lvscf.problems import Problem, Severity
from lvsengine.lvscf.rows import Key
from lvsengine.lvscf.rules import address, device
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import Tree
from piranha import director, sentences
from piranha.fields import ChoiceField, KeyField, NameField, Text, by_rule

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
    """Fields that belong together, under a heading.

    Attributes:
        folded: Only the heading is in sight until somebody opens it.
        open: Something of it is set or wrong, so it is open from the start.
    """

    title: Text
    fields: tuple[BoundField, ...]
    folded: bool = False
    open: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning of the reader about what a panel shows; `field` is None where it has none."""

    sentence: str
    field: BoundField | None


class PanelForm(forms.Form):
    """A form whose fields are keys of one block.

    Attributes:
        fieldsets: Heading and field names, in the order of the page.
        folded: The same, for fields that few need; out of sight until opened.
        floating: Key -> its address field and its device field.
        needs: Field -> the box without which it means nothing.
        elsewhere: Keys of the block that another panel shows. None: all but this form's own.
    """

    adds = False  # whether ACCEPT adds a block that is not there yet
    revision = forms.CharField(widget=forms.HiddenInput, required=False)
    fieldsets: ClassVar[tuple[Fieldset, ...]] = ()
    folded: ClassVar[tuple[Fieldset, ...]] = ()
    needs: ClassVar[Mapping[str, str]] = {}
    elsewhere: ClassVar[frozenset[str] | None] = None
    floating: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def __init__(
        self, loaded: Loaded, where: Where, data: Mapping[str, Any] | None = None
    ) -> None:
        self.where = where
        self.written = where  # where the block stands in what `edit` returned
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
            if isinstance(field, KeyField):
                field.needs = self.needs.get(name, "")
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
        field = self.fields[name]
        return field.tidy(value) if isinstance(field, KeyField | NameField) else str(value or "")

    def save(self) -> director.Saved:
        """Save what was changed; raises what `director.save` raises."""
        return director.save(self.cleaned_data["revision"], self.edit)

    def is_gone(self, tree: Tree) -> bool:
        """Whether the block that this form edits is not in a file any more."""
        return look.block_at(tree, self.where) is None

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
        for key, names in self.floating.items():  # first: a mask is written as its address is
            if changed & set(names):
                yield key, self._joined(names)
        for name, field in self.fields.items():
            if isinstance(field, KeyField) and name in changed - parts:
                yield field.key.name, self.cleaned_data[name]

    def _joined(self, names: tuple[str, str]) -> object:
        """Put the two halves of a floating address together; None where one is missing."""
        field = self.fields[names[0]]
        told = [self.cleaned_data.get(name) for name in names]
        if None in told or not isinstance(field, KeyField):
            return None
        return field.key.rule(f"{told[0]} {told[1]}")

    def blame(self, problems: tuple[Problem, ...], tree: Tree) -> list[Problem]:
        """Put the problems of a refused file beside their fields; return those of other places."""
        keys = _keys_by_line(tree, self.written)
        rest = []
        for problem in problems:
            names = list(self._names_of(keys.get(problem.place.line)))
            if names:
                self.add_error(names[0], sentences.problem(problem))
            else:
                rest.append(problem)
        return rest

    def _names_of(self, key: str | None) -> Iterator[str]:
        for name, field in self.fields.items():
            if isinstance(field, KeyField) and field.key.name == key:
                yield name

    def warned(self) -> list[Warned]:
        """List the warnings of the file about what this panel shows."""
        keys = _keys_by_line(self.loaded.tree, self.where)
        found = []
        for problem in self.loaded.problems:
            key = keys.get(problem.place.line)
            if problem.severity is not Severity.WARNING or key is None:
                continue
            name = next(self._names_of(key), None)
            if name is not None or (self.elsewhere is not None and key not in self.elsewhere):
                bound = self[name] if name is not None else None
                found.append(Warned(sentences.problem(problem), bound))
        return found

    def groups(self) -> list[Group]:
        return [*self._groups(self.fieldsets), *self._groups(self.folded, folded=True)]

    def _groups(self, fieldsets: tuple[Fieldset, ...], *, folded: bool = False) -> Iterator[Group]:
        for title, names in fieldsets:
            bound = tuple(self[name] for name in names if name in self.fields)
            if bound:
                is_open = folded and any(self._is_set(field) for field in bound)
                yield Group(title, bound, folded, is_open)

    def _is_set(self, bound: BoundField) -> bool:
        field = bound.field
        if bound.errors or not isinstance(field, KeyField):
            return True
        return field.has_changed(default_text(field.key), bound.value())


def default_text(key: Key) -> str:
    """Write what holds where the file says nothing."""
    return "" if key.default is None else writing.plain_text(key, key.default)


def _keys_by_line(tree: Tree, where: Where) -> dict[int, str]:
    """Tell which key of a block stands in which line; its own first line has the key ""."""
    block = look.block_at(tree, where)
    if block is None:
        return {}
    head = {block.first + 1 if block.kind else 0: ""}
    return head | {index + 1: tree.lines[index].key for index in block.settings}


def advice_inside(loaded: Loaded, where: Where) -> list[str]:
    """List the warnings of the file about the blocks inside a block, each with its name."""
    block = look.block_at(loaded.tree, where)
    inner = block.blocks if block is not None else ()
    return [
        f"{one.name}: {sentences.problem(problem)}"
        for one in inner
        for problem in loaded.problems
        if problem.severity is Severity.WARNING and one.first < problem.place.line <= one.last + 1
    ]
