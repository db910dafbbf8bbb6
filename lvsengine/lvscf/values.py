"""What the settings of one block say: each line's words, read by the rule of its key.

Knows one block at a time; `reading` puts the blocks together.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lvsengine.errors import RuleError, Sentence, sentence
from lvsengine.lvscf import rules
from lvsengine.lvscf.keys import KEYS, Form, Key, Section
from lvsengine.lvscf.lines import BLOCKS, Kind, Line, unquoted
from lvsengine.lvscf.problems import Problems, Reason
from lvsengine.lvscf.syntax import Block, Tree, list_end
from lvsengine.net import Address

Resolve = Callable[[str], Address]

_MAX_SUGGESTIONS = 50  # finding a similar key is slow, and nobody mends 50 keys at once
_MAX_KEY = 40


def value_text(key: Key, words: tuple[str, ...]) -> str:
    """Return what the key's rule reads: the words without the quotes that are not part of it.

    Raises:
        IndexError: There is no word.
    """
    if key.form is Form.RAW:
        return unquoted(words[0]) if words[0].startswith('"') else words[0]
    return " ".join(map(unquoted, words)) if words[1:] else unquoted(words[0])


@dataclass(slots=True)
class Values:
    """What one block says.

    Attributes:
        fields: Field of the dataclass -> value; only what the block says.
        lines: Key -> number of the line that counts.
        bad: Keys whose value could not be read.
        sound: Nothing in the block's own lines is wrong.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    sound: bool = True


class ValueReader:
    """Reads the settings of blocks of one tree."""

    def __init__(self, tree: Tree, problems: Problems, resolve: Resolve) -> None:
        self._tree = tree
        self._problems = problems
        self._resolve = resolve
        # Most lines of a large file say what others said; what had a problem is never in here.
        self._known: dict[Section, dict[tuple[str, tuple[str, ...]], object]] = {
            section: {} for section in Section
        }
        self._names: dict[str, Address | RuleError] = {}
        self._suggestions = 0

    def read(self, block: Block, section: Section) -> Values:
        values = Values(sound=not block.broken)
        lines = self._tree.lines
        keys = KEYS[section]
        known = self._known[section]
        for index in block.settings:
            line = lines[index]
            name = line.key
            key = keys.get(name)
            if key is None:
                self._unknown(line, index + 1, section)
                values.sound = False
                continue
            if name in values.lines:
                self._repeated(name, values.lines[name], index + 1)
            values.lines[name] = index + 1
            said = (name, line.values)
            if said in known:
                values.fields[key.field] = known[said]
            else:
                self._read_new(key, index, values)
        return values

    def _read_new(self, key: Key, index: int, values: Values) -> None:
        """Read a setting that no earlier line had in the same words."""
        line = self._tree.lines[index]
        if key.is_kept:
            self._keep(key, index, values)
            return
        warned = self._problems.count
        try:
            value = self._value(key, line, index + 1)
        except RuleError as error:
            reason = error.reason if isinstance(error, rules.Refused) else Reason.HOST
            self._problems.error(
                index + 1, reason, "{key} {rule}", key=key.name, rule=error.sentence
            )
            values.bad.add(key.name)
            values.sound = False
            return
        values.fields[key.field] = value
        if self._problems.count == warned:
            self._known[key.section][key.name, line.values] = value

    def _value(self, key: Key, line: Line, number: int) -> object:
        words = line.values
        wanted = 2 if key.form is Form.FLOATING else 1
        if len(words) < wanted:
            raise rules.Refused(Reason.MISSING, _TOO_FEW[wanted])
        if len(words) > wanted and key.form is not Form.LIST:
            raise rules.Refused(Reason.SURPLUS, _TOO_MANY[wanted], text=words[wanted])
        text = value_text(key, words)
        if key.form is Form.RAW and words[0].startswith("'"):
            self._problems.warning(
                number,
                Reason.QUOTES,
                "{key} is in single quotes, which become part of it; write double quotes",
                key=key.name,
            )
        if key.host:
            host, blank, device = text.partition(" ")
            text = self._host(host, number) + blank + device
        if key.form is Form.WORD and rules.is_octal(text):
            self._problems.warning(
                number,
                Reason.INTEGER,
                "{key} = {text} counts by eights, for it begins with 0; write it without",
                key=key.name,
                text=text,
            )
        return key.rule(text)

    def _host(self, text: str, number: int) -> str:
        """Return an address's text; a name is resolved, once for the whole file."""
        if not rules.is_host_name(text):
            return text
        if text not in self._names:
            self._names[text] = self._resolved(text)
        found = self._names[text]
        if isinstance(found, RuleError):
            raise found
        self._problems.warning(
            number,
            Reason.HOST,
            "{name} is a name; it is {address} now. Write the address, so that the director"
            " starts without DNS",
            name=text,
            address=found,
        )
        return str(found)

    def _resolved(self, name: str) -> Address | RuleError:
        try:
            return self._resolve(name)
        except RuleError as error:
            return error

    def _keep(self, key: Key, index: int, values: Values) -> None:
        line = self._tree.lines[index]
        words = list(line.values)
        if line.kind is Kind.LIST:
            for inside in self._tree.lines[index + 1 : list_end(self._tree, index) + 1]:
                words += inside.text.split()
        kept = values.fields.get("kept", ())
        values.fields["kept"] = (*kept, (key.name, " ".join(words)))
        self._problems.warning(
            index + 1,
            Reason.OUTDATED,
            "{key} is kept as it is: {doc}",
            key=key.name,
            doc=Sentence(key.doc),
        )

    def _repeated(self, name: str, earlier: int, number: int) -> None:
        self._problems.warning(
            number,
            Reason.CONFLICT,
            "{key} was already given in line {earlier}; this line counts",
            key=name,
            earlier=earlier,
        )

    def _unknown(self, line: Line, number: int, section: Section) -> None:
        name = line.key
        where = f"a {section.value} block" if section.value else "the global part"
        if name in BLOCKS:
            hint = Sentence("; a block begins with `virtual NAME {{` on a line, without an =")
        else:
            hint = self._elsewhere(name) or self._similar(name, section)
        self._problems.error(
            number,
            Reason.UNKNOWN,
            "{key!r} is no key of {where}{hint}",
            key=name,
            where=where,
            hint=hint,
        )

    def _elsewhere(self, name: str) -> Sentence | None:
        """Say where a key does stand that stands nowhere here."""
        places = [
            f"{section.value} blocks" if section.value else "the global part"
            for section, keys in KEYS.items()
            if name in keys and not keys[name].is_kept
        ]
        if not places:
            return None
        return sentence("; it belongs in {places}", places=" or ".join(places))

    def _similar(self, name: str, section: Section) -> Sentence:
        if len(name) <= _MAX_KEY and self._suggestions < _MAX_SUGGESTIONS:
            self._suggestions += 1
            known = [key.name for key in KEYS[section].values() if not key.is_kept]
            for near in difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7):
                return sentence("; do you mean {near}?", near=near)
        return Sentence("")


_TOO_FEW = {1: "has no value", 2: "must be an address and a device, such as 192.0.2.100 eth0:1"}
_TOO_MANY = {
    1: "takes one value; {text!r} is too much (a text with blanks needs double quotes)",
    2: "takes an address and a device; {text!r} is too much",
}
