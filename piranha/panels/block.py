"""Forms for one block of lvs.cf: edit and rename one that is there, or add a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from lvsengine.lvscf import look
from lvsengine.lvscf.edits import Where, renamed
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import Tree
from piranha import director
from piranha.fields import KeyField
from piranha.panels.form import AddressPart, DevicePart, PanelForm, Warned, default_text

TRIES = 20  # saves by others that an addition waits for


class BlockForm(PanelForm):
    """A form for a virtual or real server that is in the file.

    Attributes:
        needed: Fields that must not be blank.
    """

    needed: ClassVar[tuple[str, ...]] = ()

    def texts(self, tree: Tree) -> dict[str, str]:
        own = {"name": self.present_name} if "name" in self.base_fields else {}
        return {**own, **super().texts(tree)}

    @property
    def present_name(self) -> str:
        """The block's name as the user was shown it."""
        return self.where.real or self.where.virtual

    @property
    def name_after(self) -> str:
        """The block's name once the form is saved; call it after `is_valid`."""
        if "name" in self.changed_data:
            return str(self.cleaned_data.get("name") or self.present_name)
        return self.present_name

    def placed(self, name: str) -> Where:
        """Tell where a block of that name stands, beside this one."""
        return Where(self.where.virtual, name) if self.where.real else Where(name)

    def clean(self) -> dict[str, Any]:
        for name in self.needed:
            if name in self.fields and name not in self.errors and not self.typed(name):
                self.add_error(name, ValidationError(_("is needed"), code="missing"))
        return super().clean()

    def edit(self, tree: Tree) -> Tree:
        tree = super().edit(tree)
        self.written = self.placed(self.name_after)
        if self.written != self.where:
            tree = renamed(tree, self.where, self.name_after)
        return tree


class AddForm(BlockForm):
    """A form for a block that is not there yet, filled in with the original's own beginning.

    Attributes:
        beginning: What the fields say at first, where that is not the key's default.
        parent: The block that the new one comes into.
    """

    adds = True
    beginning: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, loaded: Loaded, parent: Where, data: Mapping[str, Any] | None = None
    ) -> None:
        self.parent = parent
        super().__init__(loaded, parent, data)

    def texts(self, _tree: Tree) -> dict[str, str]:
        texts = {
            name: default_text(field.key)
            for name, field in self.base_fields.items()
            if isinstance(field, KeyField)
        }
        return {**texts, **self.beginning}

    @property
    def name_after(self) -> str:
        return str(self.cleaned_data.get("name", ""))

    def given(self) -> dict[str, Any]:
        """Give what was typed as fields of the model; what was left blank has its default."""
        found = {
            field.key.field: self.cleaned_data[name]
            for name, field in self.fields.items()
            if isinstance(field, KeyField) and not isinstance(field, AddressPart | DevicePart)
        }
        return {name: value for name, value in found.items() if value is not None}

    def is_gone(self, tree: Tree) -> bool:
        return look.block_at(tree, self.parent) is None

    def warned(self) -> list[Warned]:
        return []

    def save(self) -> director.Saved:
        """Add the block to whatever the file says by now: that takes nothing from anybody.

        Raises:
            Conflict: Someone else has added one of this name, or deleted the parent.
        """
        expected = self.cleaned_data["revision"]
        for _try in range(TRIES):
            try:
                return director.save(expected, self.edit)
            except director.Conflict as conflict:
                if conflict.current.config is None or self._stands_in(conflict.current.tree):
                    raise
                expected = conflict.current.revision
        return director.save(expected, self.edit)

    def _stands_in(self, tree: Tree) -> bool:
        there = look.block_at(tree, self.new_place) is not None
        return there or self.is_gone(tree)

    @property
    def new_place(self) -> Where:
        """Where the new block will stand."""
        name = self.name_after
        return Where(self.parent.virtual, name) if self.parent.virtual else Where(name)
