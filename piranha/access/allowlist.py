"""Who may reach the web, by address: a text in Apache's Order, Allow and Deny, and its decision.

Pure: texts and addresses in, values out. `gate.py` reads the two files. Source: the manual 2.4;
Apache 2.2, mod_authz_host. As there, of several Order lines the last counts; without one, or
with `Order deny,allow`, who is on no list gets in; with `Order allow,deny`, who is on none stays
out.

Otherwise than there: host names are refused, for a name server must not decide who gets in;
whatever else could keep somebody out (Require, <Limit>) is an error rather than nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from lvsengine.errors import RuleError, Sentence, sentence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_BYTES = 64 * 1024  # of a file; a rule is some 30
DENY_FIRST, ALLOW_FIRST = "deny,allow", "allow,deny"
ORDERS = {DENY_FIRST: DENY_FIRST, ALLOW_FIRST: ALLOW_FIRST, "mutual-failure": ALLOW_FIRST}
# What such a file of the original holds besides: this web has its own login and its own pages.
NOT_USED = frozenset(
    {"authtype", "authname", "authuserfile", "authgroupfile", "authbasicprovider", "satisfy"}
    | {"options", "indexoptions", "directoryindex", "errordocument", "addtype", "addhandler"}
)
LOGIN_RULES = ("valid-user", "user", "group")  # of Require, which is by address too


@dataclass(frozen=True, slots=True)
class Rule:
    """One `Allow from` or `Deny from` line.

    Attributes:
        networks: Who is meant; every address where `everybody`.
    """

    line: int
    allows: bool
    text: str
    networks: tuple[Network, ...]
    everybody: bool

    def meets(self, address: Address | None) -> bool:
        """Tell whether an address is meant; an unknown one is only in everybody."""
        if self.everybody or address is None:
            return self.everybody
        return any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a line, or (among `Allowlist.notes`) what it does not do here."""

    path: str
    line: int
    sentence: Sentence

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Allowlist:
    """One file. With `troubles` nobody gets in."""

    path: str
    order: str = DENY_FIRST
    ordered: bool = False
    rules: tuple[Rule, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    notes: tuple[Trouble, ...] = ()

    @property
    def says_who(self) -> bool:
        """Tell whether it rules at all: a file without Order, Allow, Deny is as none."""
        return self.ordered or bool(self.rules)

    def admits(self, address: Address | None) -> bool:
        if self.troubles:
            return False
        allowed = any(rule.meets(address) for rule in self.rules if rule.allows)
        denied = any(rule.meets(address) for rule in self.rules if not rule.allows)
        if self.order == DENY_FIRST:
            return allowed or not denied
        return allowed and not denied


@dataclass(frozen=True, slots=True)
class Lists:
    """Both files; None is one that is not there.

    Attributes:
        inner: For the configuration pages. `outer`: for login and help, and for the
            configuration pages too where the inner one is silent.
    """

    inner: Allowlist | None
    outer: Allowlist | None

    def in_force(self, *, inside: bool) -> Allowlist | None:
        """Give the file that decides; the inner overrides the outer, as in Apache's folders.

        Apache reads both for an inner page, so an error in either keeps everybody out.
        """
        files = (self.inner, self.outer) if inside else (self.outer,)
        found = [one for one in files if one is not None]
        wrong = [one for one in found if one.troubles]
        ruling = [one for one in found if one.says_who]
        return next(iter([*wrong, *ruling]), None)

    def admit(self, address: Address | None, *, inside: bool) -> bool:
        decider = self.in_force(inside=inside)
        return decider is None or decider.admits(address)


def parse(text: str, path: str) -> Allowlist:
    """Read a file, collecting everything that is wrong with it."""
    order, ordered = DENY_FIRST, False
    rules: list[Rule] = []
    troubles: list[Trouble] = []
    notes: list[Trouble] = []
    for number, words in _directives(text):
        try:
            match words[0].lower():
                case "order":
                    order, ordered = _order(words), True
                case "allow" | "deny":
                    rules.append(_rule(number, words))
                case other:
                    notes.append(Trouble(path, number, _not_used(other, words)))
        except RuleError as error:
            troubles.append(Trouble(path, number, error.sentence))
    return Allowlist(path, order, ordered, tuple(rules), tuple(troubles), tuple(notes))


def unreadable(path: str, why: str) -> Allowlist:
    """Stand for a file that is there and cannot be read: nobody gets in."""
    return Allowlist(
        path, troubles=(Trouble(path, 0, sentence("cannot be read: {why}", why=why)),)
    )


def _directives(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give each directive's words and line; a backslash at the end joins the next line."""
    start, joined = 0, ""
    for number, line in enumerate([*text.replace("\r\n", "\n").split("\n"), ""], 1):
        start = start or number
        if line.endswith("\\"):
            joined += line[:-1]
            continue
        words = re.sub(r"(^|\s)#.*", "", joined + line).split()
        if words:
            yield start, words
        start, joined = 0, ""


def _order(words: list[str]) -> str:
    order = ORDERS.get("".join(words[1:]).lower())
    if order is None:
        given = " ".join(words[1:])
        raise RuleError(
            "Order must be deny,allow or allow,deny, not {given!r}", given=given or "nothing"
        )
    return order


def _rule(number: int, words: list[str]) -> Rule:
    name = words[0].capitalize()
    if len(words) < 3 or words[1].lower() != "from":
        raise RuleError("write {name} from, then who: all, or addresses", name=name)
    who = [word for word in words[2:] if word.lower() != "all"]
    networks = tuple(network(word) for word in who)
    everybody = len(who) < len(words) - 2
    return Rule(number, name == "Allow", " ".join(words), networks, everybody)


def network(text: str) -> Network:
    """Read an address, the first parts of one, a network with its bits, or with its mask.

    Raises:
        RuleError: It is none; the sentence is fit for an operator.

    Source: Apache 2.2, "Allow from"; bits beyond the mask are left aside, as there.
    """
    if text.lower().startswith("env="):
        raise RuleError("{text!r} goes by a variable, which this web has not", text=text)
    address, slash, mask = text.partition("/")
    try:
        if re.fullmatch(r"\d{1,3}(\.\d{1,3}){0,3}\.?", address):
            return _ipv4(address, mask if slash else None)
        return _unmapped(ip_network(text, strict=False))
    except ValueError as error:
        if ":" in text or re.match(r"[\d./]+$", text):
            told = "{text!r} is no address or network: write 192.0.2.7, 192.0.2 or 192.0.2.0/24"
            raise RuleError(told, text=text) from error
        told = (
            "{text!r} is a name, and a name server must not decide who gets in: write its address"
        )
        raise RuleError(told, text=text) from error


def _ipv4(address: str, mask: str | None) -> Network:
    parts = [part for part in address.split(".") if part]
    bits = str(8 * len(parts)) if mask is None else mask
    whole = ".".join([*parts, *["0"] * (4 - len(parts))])
    return ip_network(f"{whole}/{bits}", strict=False)


def _unmapped(found: Network) -> Network:
    """Write ::ffff:192.0.2.0/120 as the IPv4 network it is: clients are compared as that."""
    if isinstance(found, IPv6Network) and found.prefixlen >= 96:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, found.prefixlen - 96))
    return found


def client(text: str) -> Address | None:
    """Read a client's address; one of IPv4 inside IPv6 as the former. None where it is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _not_used(name: str, words: list[str]) -> Sentence:
    login_rule = name == "require" and len(words) > 1 and words[1].lower() in LOGIN_RULES
    if name in NOT_USED or login_rule:
        return sentence("{name} does nothing here: this web has its own login", name=words[0])
    told = "{name} is not known here, so nobody gets in: write Order, Allow from and Deny from"
    raise RuleError(told, name=words[0])
