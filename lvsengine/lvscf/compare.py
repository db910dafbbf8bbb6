"""What differs between two files, key by key: for the audit log, and for people who chose.

Compares what the lines say, not how they are written: other blanks, other comments or another
order are no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lvsengine.lvscf.keys import KEYS, Section
from lvsengine.lvscf.lines import Line
from lvsengine.lvscf.syntax import Block, Tree
from lvsengine.lvscf.values import value_text

Said = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One key whose text differs.

    Attributes:
        place: Empty for the global part, `virtual shop`, `virtual shop server one` ...
        key: The key; empty where a whole block came or went.
        before, after: Without quotes; None where the file says nothing.
    """

    place: str
    key: str
    before: str | None
    after: str | None


def compare(before: Tree, after: Tree) -> tuple[Difference, ...]:
    """List the differences, in the order of `after`, then what is gone in that of `before`."""
    old, new = _said(before), _said(after)
    return tuple(
        Difference(place, key, old.get((place, key)), new.get((place, key)))
        for place, key in dict.fromkeys((*new, *old))
        if old.get((place, key)) != new.get((place, key))
    )


def _said(tree: Tree) -> Said:
    return dict(_entries(tree, tree.root, ""))


def _entries(tree: Tree, block: Block, place: str) -> Iterator[tuple[tuple[str, str], str]]:
    if place:
        yield (place, ""), block.name
    section = Section(block.kind)
    for index in block.settings:
        line = tree.lines[index]
        yield (place, line.key), _text(section, line)
    for inner in block.blocks:
        yield from _entries(tree, inner, f"{place} {inner.kind} {inner.name}".lstrip())


def _text(section: Section, line: Line) -> str:
    row = KEYS[section].get(line.key)
    if row is None or not line.values:
        return " ".join(line.values)
    return value_text(row, line.values)
