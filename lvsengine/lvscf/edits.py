"""Changes to a tree: `Tree` in, `Tree` out, every other line as it was, byte for byte.

New lines come where the original's web tool would put them, indented as their neighbours, with
the file's own line end. A save should raise the counter once: `with_next_serial`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lvsengine.errors import EngineError, RuleError
from lvsengine.lvscf import writing
from lvsengine.lvscf.keys import GLOBAL, KEYS, Key, Section
from lvsengine.lvscf.lines import Kind, Line, line_of, name_span, value_span
from lvsengine.lvscf.model import RealServer, VirtualServer
from lvsengine.lvscf.problems import Severity
from lvsengine.lvscf.rules import MAX_SERIAL
from lvsengine.lvscf.syntax import Block, Tree, list_end
from lvsengine.lvscf.values import value_text


@dataclass(frozen=True, slots=True)
class Where:
    """A place for settings: nothing is the global part; `real` needs its `virtual`."""

    virtual: str = ""
    real: str = ""
    failover: str = ""

    @property
    def section(self) -> Section:
        if self.failover:
            return Section.FAILOVER
        if self.real:
            return Section.SERVER
        return Section.VIRTUAL if self.virtual else Section.GLOBAL


def with_value(tree: Tree, where: Where, key: str, value: object) -> Tree:
    """Set a key.

    Args:
        key: Its name in lvs.cf, one of `keys.KEYS[where.section]`.
        value: As the model holds it; None takes the key away. A line that says the same
            already stays as it is.

    Raises:
        EngineError: `no-such-entry`, or `not-sound` where the file's blocks are broken.
        Refused: The value cannot be written.
    """
    if value is None:
        return without(tree, where, key)
    row = KEYS[where.section][key]
    block = _find(tree, where)
    text = writing.text_of(row, value, _family(tree, block))
    given = [index for index in block.settings if tree.lines[index].key == key]
    if not given:
        return _inserted(tree, block, row, text)
    line = tree.lines[given[-1]]  # the last counts
    if _says(row, line, value):
        return tree
    start, end = value_span(line.text)
    blank = " " if start == end and line.text[start - 1] == "=" else ""
    changed = line_of(line.text[:start] + blank + text + line.text[end:], line.end)
    return _spliced(tree, given[-1], given[-1] + 1, [changed])


def without(tree: Tree, where: Where, key: str) -> Tree:
    """Take a key away, wherever in the block it is given."""
    given = [index for index in _find(tree, where).settings if tree.lines[index].key == key]
    for index in reversed(given):
        is_list = tree.lines[index].kind is Kind.LIST
        tree = _spliced(tree, index, (list_end(tree, index) if is_list else index) + 1, [])
    return tree


def with_weight(tree: Tree, virtual: str, real: str, weight: int) -> Tree:
    """Set a real server's weight."""
    return with_value(tree, Where(virtual, real), "weight", weight)


def serial(tree: Tree) -> int:
    """Read `serial_no`, of an unsound file too; 0 where there is none."""
    row = GLOBAL["serial_no"]
    number = 0
    for index in tree.root.settings:
        if tree.lines[index].key == row.name:
            number = _number(row, tree.lines[index])
    return number


def with_next_serial(tree: Tree, after: int = 0) -> Tree:
    """Raise `serial_no` by one, or to one more than `after` if that is more; 1 for none."""
    number = max(serial(tree), after)
    return with_value(tree, Where(), "serial_no", number + 1 if number < MAX_SERIAL else 1)


def _number(row: Key, line: Line) -> int:
    try:
        return int(str(row.rule(value_text(row, line.values))))
    except (RuleError, IndexError):
        return 0


def with_virtual(tree: Tree, server: VirtualServer) -> Tree:
    """Add a virtual server, after the last block."""
    _need_free(tree.root, "virtual", server.name)
    siblings = [block for block in tree.root.blocks if block.kind == "virtual"]
    indent = _setting_indent(tree, siblings[-1]) if siblings else None
    lines = writing.virtual_lines(server, writing.INDENT if indent is None else indent)
    return _appended(tree, tree.root, lines)


def with_real(tree: Tree, virtual: str, server: RealServer) -> Tree:
    """Add a real server, after the last one of its virtual server."""
    block = _find(tree, Where(virtual))
    _need_free(block, "server", server.name)
    if block.blocks:
        sibling = block.blocks[-1]
        indent = _indent(tree.lines[sibling.first])
        inner = _setting_indent(tree, sibling)
    else:
        found = _setting_indent(tree, block)
        indent = _indent(tree.lines[block.first]) + writing.INDENT if found is None else found
        inner = None
    inner = indent + writing.INDENT_MORE if inner is None else inner
    return _appended(tree, block, writing.real_lines(server, indent, inner))


def without_block(tree: Tree, where: Where) -> Tree:
    """Remove a virtual, server or failover block and all in it."""
    block = _find_block(tree, where)
    return _spliced(tree, block.first, block.last + 1, [])


def renamed(tree: Tree, where: Where, name: str) -> Tree:
    """Give a virtual, server or failover block another name."""
    block = _find_block(tree, where)
    if name == block.name:
        return tree
    parent = _find(tree, Where(where.virtual)) if where.real else tree.root
    _need_free(parent, block.kind, name)
    header = tree.lines[block.first]
    start, end = name_span(header.text)
    text = header.text[:start] + writing.name_text(name) + header.text[end:]
    return _spliced(tree, block.first, block.first + 1, [line_of(text, header.end)])


def _find_block(tree: Tree, where: Where) -> Block:
    if where == Where():
        raise EngineError("no-such-entry", "the global part is no block")
    return _find(tree, where)


def _find(tree: Tree, where: Where) -> Block:
    for problem in tree.problems:
        if problem.severity is Severity.ERROR:
            raise EngineError(
                "not-sound", f"the file cannot be changed: {problem}", "mend that by hand first"
            )
    block = tree.root
    steps = (("failover", where.failover), ("virtual", where.virtual), ("server", where.real))
    for kind, name in steps:
        if name:
            block = _inner(block, kind, name)
    return block


def _inner(block: Block, kind: str, name: str) -> Block:
    found = block.block(kind, name)
    if found is None:
        where = f" in {block.kind} {block.name!r}" if block.kind else ""
        raise EngineError(
            "no-such-entry",
            f"there is no {kind} {name!r}{where}",
            "someone else may have removed or renamed it",
        )
    return found


def _need_free(parent: Block, kind: str, name: str) -> None:
    if parent.block(kind, name) is not None:
        raise EngineError(
            "already-there", f"there is already a {kind} {name!r}", "choose another name"
        )


def _says(row: Key, line: Line, value: object) -> bool:
    try:
        return row.rule(value_text(row, line.values)) == value
    except (RuleError, IndexError):
        return False


def _family(tree: Tree, block: Block) -> int:
    """Tell the family of the address that this block's masks belong to."""
    family = 4
    for index in block.settings:
        line = tree.lines[index]
        if line.key in ("address", "nat_router") and line.values:
            family = 6 if ":" in line.values[0] else 4
    return family


def _inserted(tree: Tree, block: Block, row: Key, text: str) -> Tree:
    position = _place_for(tree, block, row)
    indent = _setting_indent(tree, block)
    if indent is None:
        head = _indent(tree.lines[block.first]) if block.kind else ""
        more = {"": "", "server": writing.INDENT_MORE}.get(block.kind, writing.INDENT)
        indent = head + more
    line = line_of(f"{indent}{row.name} = {text}", tree.line_end)
    return _spliced(tree, position, position, [line])


def _place_for(tree: Tree, block: Block, row: Key) -> int:
    """Find where a new setting belongs: after those that come before it, above all blocks."""
    order = list(KEYS[row.section])
    earlier = order[: order.index(row.name)]
    first_block = block.blocks[0].first if block.blocks else block.last
    above = [index for index in block.settings if index < first_block]
    before = [index for index in above if tree.lines[index].key in earlier]
    if before:
        last = before[-1]
        return (list_end(tree, last) if tree.lines[last].kind is Kind.LIST else last) + 1
    if above:
        return above[0]
    return block.first + 1 if block.kind else first_block


def _setting_indent(tree: Tree, block: Block) -> str | None:
    return _indent(tree.lines[block.settings[0]]) if block.settings else None


def _indent(line: Line) -> str:
    return line.text[: len(line.text) - len(line.text.lstrip(" \t"))]


def _appended(tree: Tree, parent: Block, texts: Sequence[str]) -> Tree:
    """Add a block after the parent's last one, with a blank line where the last has one."""
    position = parent.last
    if parent.blocks:
        position = parent.blocks[-1].last + 1
        above = parent.blocks[-1].first - 1
        if above >= 0 and tree.lines[above].kind is Kind.BLANK:
            texts = ["", *texts]
    return _spliced(tree, position, position, [line_of(text, tree.line_end) for text in texts])


def _spliced(tree: Tree, start: int, end: int, new: Sequence[Line]) -> Tree:
    """Put lines in the place of lines `start` to `end` (not included)."""
    before = list(tree.lines[:start])
    if new and before and not before[-1].end:
        before[-1] = before[-1]._replace(end=tree.line_end)
    return tree.with_lines([*before, *new, *tree.lines[end:]])
