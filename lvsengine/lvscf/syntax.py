"""Text of lvs.cf <-> lines and blocks, losing nothing: `render(parse(text, path)) == text`.

Knows which block a line stands in. Does not know the keys or what a value means; that is
`reading`. Never raises: what is wrong is collected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lvsengine.lvscf.lines import Fault, Kind, Line, closes_list, line_of
from lvsengine.lvscf.problems import Problem, Problems, Reason

BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the file; the file itself is the block of kind "".

    Attributes:
        first, last: Index of its header and of its `}`. For the file: -1 and the number of
            lines. Where the `}` is missing, `last` is where the block was taken to end.
        settings: Indexes of its own settings, not those of blocks inside.
        broken: Whether a line of its own could not be understood.
    """

    kind: str
    name: str
    first: int
    last: int
    settings: tuple[int, ...]
    blocks: tuple[Block, ...]
    broken: bool = False

    def block(self, kind: str, name: str) -> Block | None:
        """Find a block inside this one; the last where several have the name."""
        for block in reversed(self.blocks):
            if block.kind == kind and block.name == name:
                return block
        return None


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole file. `problems` are those of its form; `reading` adds those of its meaning."""

    path: str
    bom: bool
    lines: tuple[Line, ...]
    root: Block
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return render(self)

    def with_lines(self, lines: Iterable[Line]) -> Tree:
        """Make a tree of other lines, in the same file."""
        return _build(self.path, tuple(lines), bom=self.bom)

    @property
    def line_end(self) -> str:
        """The line end that the file uses (its first line's; LF where there is none)."""
        return (self.lines[0].end if self.lines else "") or "\n"


def render(tree: Tree) -> str:
    """Write a tree down, byte for byte as it was read."""
    body = "".join([line.text + line.end for line in tree.lines])
    return BOM + body if tree.bom else body


_END = re.compile("(\r\n|\r|\n)")


def parse(text: str, path: str, earlier: Tree | None = None) -> Tree:
    """Split a file into lines and blocks.

    Args:
        text: The file. Bytes that are not UTF-8 stand in it as `surrogateescape` leaves them.
        path: What problems call the file.
        earlier: The same file as it was before. It makes this quicker and changes nothing else.
    """
    bom = text.startswith(BOM)
    pieces = _END.split(text[1:] if bom else text)
    pieces.append("")
    if not pieces[-2]:
        del pieces[-2:]
    texts, ends = pieces[::2], pieces[1::2]
    if earlier is not None and (earlier.path, earlier.bom) == (path, bom):
        tree = _edited(earlier, texts, ends)
        if tree is not None:
            return tree
    known: dict[tuple[str, str], Line] = {}
    lines = []
    for pair in zip(texts, ends, strict=True):
        line = known.get(pair)
        if line is None:
            line = known[pair] = line_of(*pair)
        lines.append(line)
    return _build(path, tuple(lines), bom=bom)


def _edited(tree: Tree, texts: list[str], ends: list[str]) -> Tree | None:
    """Give a tree in which settings say something else; None where more than that has changed.

    A sound setting in the place of a sound setting moves no block; and where neither has a `]`,
    it does not matter whether they stand in a list.
    """
    if [line.end for line in tree.lines] != ends:
        return None
    lines = list(tree.lines)
    for index, (line, text) in enumerate(zip(tree.lines, texts, strict=True)):
        if line.text != text:
            lines[index] = new = line_of(text, line.end)
            if not (_is_plain(line) and _is_plain(new)):
                return None
    return Tree(tree.path, tree.bom, tuple(lines), tree.root, tree.problems)


def _is_plain(line: Line) -> bool:
    return line.kind is Kind.SETTING and not line.faults and not closes_list(line.text)


def list_end(tree: Tree, index: int) -> int:
    """Find the last line of the list that begins at `index` (a line of `Kind.LIST`)."""
    for end in range(index + 1, len(tree.lines)):
        line = tree.lines[end]
        if line.kind is Kind.CLOSE:
            return end - 1
        if closes_list(line.text):
            return end
    return len(tree.lines) - 1


def _build(path: str, lines: tuple[Line, ...], *, bom: bool) -> Tree:
    builder = _Builder(path, lines)
    if bom:
        builder.problems.warning(1, Reason.UNKNOWN, _BOM_SEEN)
    root = builder.build()
    return Tree(path, bom, lines, root, builder.problems.in_file_order())


_BOM_SEEN = (
    "the file begins with a byte order mark, which the original Piranha refuses;"
    " save it as UTF-8 without one"
)
_CRLF_SEEN = (
    "lines end in CR LF, as DOS writes them; the original Piranha silently ignores"
    " all that follows such a line; save the file with LF alone"
)
_CR_SEEN = "lines end in CR alone; save the file with LF"


@dataclass(slots=True)
class _Open:
    """A block whose `}` has not come yet."""

    kind: str
    name: str
    first: int
    settings: list[int] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    broken: bool = False

    def close(self, last: int) -> Block:
        return Block(
            self.kind,
            self.name,
            self.first,
            last,
            tuple(self.settings),
            tuple(self.blocks),
            self.broken,
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of line {self.first + 1}"


class _Builder:
    """Goes over the lines once, keeping the blocks that are open."""

    def __init__(self, path: str, lines: tuple[Line, ...]) -> None:
        self.problems = Problems(path)
        self._lines = lines
        self._open = [_Open("", "", -1)]
        self._list: int | None = None  # where the list that we are in began
        self._last_close = 0
        self._brace_due = False  # a header had no `{`; one alone may follow

    def build(self) -> Block:
        setting, blank = Kind.SETTING, Kind.BLANK  # looked up once: the lines are many
        for index, line in enumerate(self._lines):
            kind = line.kind
            if kind is setting and self._list is None:
                self._brace_due = False
                self._open[-1].settings.append(index)
                if line.faults:
                    self._report(index, line)
            elif kind is not blank:
                self._place(index, line)
        self._finish()
        self._report_line_ends()
        return self._open[0].close(len(self._lines))

    def _place(self, index: int, line: Line) -> None:
        """Find the place of a line that is neither blank nor an ordinary setting."""
        if self._list is not None and line.kind is not Kind.CLOSE:
            if closes_list(line.text):
                self._list = None
            return
        if line.kind is Kind.BRACE and self._brace_due:
            self._brace_due = False
            return
        if line.faults:
            self._report(index, line)
        if line.kind is Kind.COMMENT:
            return
        self._brace_due = False
        if line.kind is Kind.OPEN:
            self._enter(index, line)
        elif line.kind is Kind.CLOSE:
            self._leave(index, line)
        elif line.kind is Kind.LIST:
            self._open[-1].settings.append(index)
            self._list = index
        elif line.kind is Kind.BRACE:
            self._open[-1].broken = True
            self.problems.error(
                index + 1, Reason.UNKNOWN, "this {{ opens nothing; write `virtual NAME {{`"
            )

    def _report(self, index: int, line: Line) -> None:
        for fault in line.faults:
            severity, reason, template = fault.value
            self.problems.add(
                index + 1, severity, reason, template, key=line.key, text=line.text.strip()
            )
            if fault.is_error and line.kind is not Kind.OPEN:
                self._open[-1].broken = True

    def _enter(self, index: int, line: Line) -> None:
        self._close_forgotten(index, line.key)
        if line.key == "server" and self._open[-1].kind != "virtual":
            self.problems.error(
                index + 1,
                Reason.UNKNOWN,
                "a server block belongs inside a virtual block; is a }} of line {at} too many?",
                at=self._last_close + 1,
            )
        broken = bool(line.faults) and any(fault.is_error for fault in line.faults)
        self._open.append(_Open(line.key, line.values[0], index, broken=broken))
        self._brace_due = Fault.NO_BRACE in line.faults

    def _close_forgotten(self, index: int, kind: str) -> None:
        """Close the blocks that a block of this kind cannot stand in."""
        allowed = ("", "virtual", "failover") if kind == "server" else ("",)
        while self._open[-1].kind not in allowed:
            inner = self._open.pop()
            self._open[-1].blocks.append(inner.close(index))
            self.problems.error(
                index + 1,
                Reason.END_OF_FILE,
                "{block} is still open here; put its }} before this line",
                block=str(inner),
            )

    def _leave(self, index: int, line: Line) -> None:
        self._last_close = index
        if self._list is not None:
            self._report_open_list(index + 1)
        for _ in line.key:
            if len(self._open) == 1:
                self.problems.error(
                    index + 1, Reason.UNKNOWN, "this }} closes nothing; no block is open here"
                )
                return
            inner = self._open.pop()
            self._open[-1].blocks.append(inner.close(index))

    def _report_open_list(self, number: int) -> None:
        self.problems.error(
            number,
            Reason.END_OF_FILE,
            "the list of line {at} is still open here; close it with a ]",
            at=(self._list or 0) + 1,
        )
        self._list = None

    def _finish(self) -> None:
        count = len(self._lines)
        if self._list is not None:
            self._report_open_list(count)
        while len(self._open) > 1:
            inner = self._open.pop()
            self._open[-1].blocks.append(inner.close(count))
            self.problems.error(
                count, Reason.END_OF_FILE, "{block} has no }}; add it", block=str(inner)
            )

    def _report_line_ends(self) -> None:
        """Warn once for each odd kind of line end, where it is first met."""
        ends = [line.end for line in self._lines]
        for end, says in (("\r\n", _CRLF_SEEN), ("\r", _CR_SEEN)):
            if end in ends:
                self.problems.warning(ends.index(end) + 1, Reason.UNKNOWN, says)
