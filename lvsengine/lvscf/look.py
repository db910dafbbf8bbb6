"""What a tree says by one key, as text: how a form is filled in."""

from __future__ import annotations

from lvsengine.lvscf import writing
from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.keys import KEYS
from lvsengine.lvscf.syntax import Block, Tree
from lvsengine.lvscf.values import value_text


def block_at(tree: Tree, where: Where) -> Block | None:
    """Find the block that a place names; None where there is none."""
    block: Block | None = tree.root
    steps = (("failover", where.failover), ("virtual", where.virtual), ("server", where.real))
    for kind, name in steps:
        if name and block is not None:
            block = block.block(kind, name)
    return block


def given_text(tree: Tree, where: Where, key: str) -> str | None:
    """Return what the file says, without quotes; None where it says nothing.

    Where a key is given twice, the last counts.
    """
    row = KEYS[where.section][key]
    block = block_at(tree, where)
    lines = [tree.lines[index] for index in block.settings] if block is not None else []
    for line in reversed(lines):
        if line.key == key:
            return value_text(row, line.values) if line.values else ""
    return None


def text(tree: Tree, where: Where, key: str) -> str:
    """Return what holds: what the file says, or the default; empty where there is neither."""
    given = given_text(tree, where, key)
    return default_text(where, key) if given is None else given


def default_text(where: Where, key: str) -> str:
    """Return a key's default as it would be written, without quotes."""
    row = KEYS[where.section][key]
    return "" if row.default is None else writing.plain_text(row, row.default)
