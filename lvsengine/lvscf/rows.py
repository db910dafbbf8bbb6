"""What a row of `keys` is, and how a section's table is made of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from enum import Enum
from types import MappingProxyType

from lvsengine.lvscf import model, rules


class Section(Enum):
    """Where a key stands; the values are the words that open such a block."""

    GLOBAL = ""
    FAILOVER = "failover"
    VIRTUAL = "virtual"
    SERVER = "server"


class Form(Enum):
    """How a value is written."""

    WORD = "one word"
    TEXT = "one word, or several in quotes"
    RAW = "in double quotes; what is between them is kept as it is"
    FLOATING = "an address and a device"
    LIST = "one word or more"
    MASK = "a netmask, or a prefix length for IPv6"
    KEPT = "as it was read"


@dataclass(frozen=True, slots=True)
class Key:
    """One row.

    Attributes:
        rule: Reads the text (without quotes) or raises `rules.Refused`.
        doc: What it does, for operators; one or two sentences.
        field: The field of the section's dataclass; the key's name where not given. Keys of
            `Form.KEPT` share the field `kept`.
        ours: The original does not know it and would refuse the file.
        host: A host's name may stand here instead of an address.
        always: Written even where it has its default, as the original's web tool does.
        default: What holds where the file says nothing; taken from the dataclass.
    """

    name: str
    rule: Callable[[str], object]
    doc: str
    field: str = ""
    form: Form = Form.WORD
    ours: bool = False
    host: bool = False
    always: bool = False
    section: Section = Section.GLOBAL
    default: object = None

    @property
    def is_kept(self) -> bool:
        """Whether the key means nothing any more and is only written back."""
        return self.form is Form.KEPT


MODELS: Mapping[Section, type] = {
    Section.GLOBAL: model.Config,
    Section.FAILOVER: model.Failover,
    Section.VIRTUAL: model.VirtualServer,
    Section.SERVER: model.RealServer,
}


def table(section: Section, *rows: Key) -> Mapping[str, Key]:
    """Complete the rows of one section, in order."""
    defaults = {
        item.name: None if item.default is MISSING else item.default
        for item in fields(MODELS[section])
    }
    rows_by_name = {}
    for row in rows:
        held = "kept" if row.is_kept else row.field or row.name
        rows_by_name[row.name] = replace(row, section=section, field=held, default=defaults[held])
    return MappingProxyType(rows_by_name)


def kept(name: str, doc: str) -> Key:
    """Make the row of a key that means nothing any more."""
    return Key(name, rules.text, doc, form=Form.KEPT)
