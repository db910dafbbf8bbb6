"""What a tree means: `Tree` -> `Config`, collecting every problem on the way.

Puts the blocks together; `values` reads what each says, `sense` finds what cannot be together,
`advice` what an operator would thank us for. Pure: a host's name goes to the `resolve` that
the caller gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from lvsengine.errors import RuleError
from lvsengine.lvscf import advice, rules, sense
from lvsengine.lvscf.found import Found, FoundReal, FoundVirtual, Known
from lvsengine.lvscf.keys import Section
from lvsengine.lvscf.model import Config, Failover, RealServer, VirtualServer
from lvsengine.lvscf.problems import Problem, Problems, Reason
from lvsengine.lvscf.syntax import Block, Tree, parse
from lvsengine.lvscf.values import Resolve, ValueReader, Values
from lvsengine.net import Address

NOTHING: Known = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading.

    Attributes:
        config: None where there is any error.
        problems: Errors and warnings, in file order.
        known: What the next reading of nearly the same file need not read again.
    """

    config: Config | None
    problems: tuple[Problem, ...]
    known: Known = field(default_factory=dict, repr=False, compare=False)


def refuse_names(name: str) -> Address:
    """Resolve nothing: how names are read where nobody may wait for DNS."""
    raise RuleError(
        "must be an address here, for names are not looked up; not {name!r}", name=name
    )


def read_text(text: str, path: str, resolve: Resolve = refuse_names) -> Reading:
    """Parse and read."""
    return read(parse(text, path), resolve)


def read(tree: Tree, resolve: Resolve = refuse_names, known: Known = NOTHING) -> Reading:
    """Read a tree.

    Args:
        resolve: Host name -> address, or a `RuleError` that says why not. Called at most once
            for each name.
        known: From an earlier reading. It makes this one quicker and changes nothing else.
    """
    problems = Problems(tree.path)
    problems.include(tree.problems)
    reader = _Reader(tree, problems, resolve, known)
    found = reader.read()
    sense.check(found, problems)
    advice.check(found, problems)
    config = None if problems.errors else found.config
    return Reading(config, problems.in_file_order(), reader.known)


class _Reader:
    """Reads the blocks of one tree, each into its dataclass.

    Attributes:
        known: The virtual servers that had no problem.
    """

    def __init__(self, tree: Tree, problems: Problems, resolve: Resolve, known: Known) -> None:
        self.known: dict[tuple[str, ...], FoundVirtual] = {}
        self._earlier = known
        self._tree = tree
        self._problems = problems
        self._values = ValueReader(tree, problems, resolve)

    def read(self) -> Found:
        root = self._tree.root
        if not root.settings and not root.blocks and not self._problems.errors:
            self._problems.error(
                0, Reason.EMPTY, "the file says nothing; see lvs.cf.example for a beginning"
            )
        values = self._values.read(root, Section.GLOBAL)
        self._check_mask(values, "nat_router", "nat_nmask")
        virtuals: list[FoundVirtual] = []
        failovers: list[Failover] = []
        names: dict[tuple[str, str], int] = {}
        for block in root.blocks:
            self._check_name(block, names)
            if block.kind == "virtual" and (virtual := self._virtual(block)):
                virtuals.append(virtual)
            elif block.kind == "failover":
                failovers.append(self._failover(block))
        config = Config(
            **values.fields,
            virtual_servers=tuple(virtual.server for virtual in virtuals),
            failovers=tuple(failovers),
        )
        return Found(config, values.lines, frozenset(values.bad), tuple(virtuals))

    def _virtual(self, block: Block) -> FoundVirtual | None:
        """Read a virtual block, or remember it; None where its own lines hold an error."""
        text = tuple([line.text for line in self._tree.lines[block.first : block.last + 1]])
        known = self._earlier.get(text)
        if known is not None:
            found: FoundVirtual | None = known.moved(block.first + 1 - known.head)
        else:
            problems = self._problems.count
            found = self._virtual_read(block)
            if self._problems.count > problems:
                return found
        if found is not None:
            self.known[text] = found
        return found

    def _virtual_read(self, block: Block) -> FoundVirtual | None:
        values = self._values.read(block, Section.VIRTUAL)
        names: dict[tuple[str, str], int] = {}
        reals = []
        for inner in block.blocks:
            self._check_name(inner, names)
            real = self._real(inner)
            if real is not None:
                reals.append(real)
        self._need_address(block, values, "address = 192.0.2.100 eth0:1")
        for key in ("vip_nmask", "pmask"):
            self._check_mask(values, "address", key)
        if not values.sound:
            return None
        servers = tuple(real.server for real in reals)
        server = VirtualServer(name=block.name, real_servers=servers, **values.fields)
        unread = len(block.blocks) - len(reals)
        return FoundVirtual(server, block.first + 1, values.lines, tuple(reals), unread)

    def _real(self, block: Block) -> FoundReal | None:
        values = self._values.read(block, Section.SERVER)
        self._need_address(block, values, "address = 10.0.0.1")
        if not values.sound:
            return None
        server = RealServer(name=block.name, **values.fields)
        return FoundReal(server, block.first + 1, values.lines)

    def _failover(self, block: Block) -> Failover:
        values = self._values.read(block, Section.FAILOVER)
        self._check_mask(values, "address", "vip_nmask")
        return Failover(name=block.name, **values.fields)

    def _need_address(self, block: Block, values: Values, example: str) -> None:
        if values.sound and "address" not in values.lines:
            values.sound = False
            self._problems.error(
                block.first + 1,
                Reason.MISSING,
                "{kind} {name!r} has no address; add a line `{example}`",
                kind=block.kind,
                name=block.name,
                example=example,
            )

    def _check_name(self, block: Block, names: dict[tuple[str, str], int]) -> None:
        if not block.name:
            return
        line = block.first + 1
        try:
            rules.name(block.name)
        except rules.Refused as error:
            self._problems.error(line, error.reason, "a name {rule}", rule=error.sentence)
        earlier = names.setdefault((block.kind, block.name), line)
        if earlier != line:
            self._problems.error(
                line,
                Reason.CONFLICT,
                "{kind} {name!r} is already described in line {earlier}; give this one"
                " another name",
                kind=block.kind,
                name=block.name,
                earlier=earlier,
            )

    def _check_mask(self, values: Values, address: str, mask: str) -> None:
        """See that a mask has the form of its address's family."""
        floating = values.fields.get("floating" if address == "address" else address)
        number = values.lines.get(mask)
        if floating is None or number is None or mask in values.bad:
            return
        text = self._tree.lines[number - 1].values[0]
        family, is_dotted = floating.address.version, "." in text
        if is_dotted == (family == 4):
            return
        fits = family == 4 and 0 < rules.mask(text.strip("\"'")) <= 32
        says = (
            "{mask} = {text}: the original Piranha reads only masks such as 255.255.255.0"
            if fits
            else "{mask} = {text} does not fit the address {address}; write"
            " {example} for IPv{family}"
        )
        add = self._problems.warning if fits else self._problems.error
        add(
            number,
            Reason.MASK,
            says,
            mask=mask,
            text=text,
            address=floating.address,
            family=family,
            example="a netmask such as 255.255.255.0" if family == 4 else "a length such as 64",
        )
        values.sound = values.sound and fits
