"""What an operator would thank us for: warnings about what will run, but not as meant.

What concerns two directors is in `pair_advice`. The one error here is a regular expression that
cannot be used, which is found by trying it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lvsengine.lvscf import pair_advice
from lvsengine.lvscf.found import Advice, Found, FoundVirtual
from lvsengine.lvscf.problems import Problems, Reason
from lvsengine.nanny.matching import PatternError, wanted
from lvsengine.net import Forwarding, Protocol

LOAD_MONITORS = ("none", "uptime", "rup", "ruptime")


def check(found: Found, problems: Problems) -> None:
    """Report what will not do what was meant."""
    for key, template, values in (*pair_advice.advice(found), *_network(found)):
        problems.warning(found.line(key), Reason.ADVICE, template, **values)
    for virtual in found.virtuals:
        for part in (_selection, _checking, _naming):
            for key, template, values in part(found, virtual):
                problems.warning(virtual.line(key), Reason.ADVICE, template, **values)
        _check_regex(virtual, problems)


def _network(found: Found) -> Iterator[Advice]:
    config = found.config
    if "network" in found.bad or "nat_router" in found.bad:
        return
    if config.network is not Forwarding.NAT:
        if config.nat_router is not None:
            yield (
                "nat_router",
                "nat_router does nothing with network = {network}",
                {"network": config.network.value},
            )
    elif config.nat_router is None:
        if found.virtuals:
            yield (
                "network",
                "network = nat without nat_router: the real servers have no gateway that moves"
                " to the other director; write `nat_router = ADDRESS DEVICE`",
                {},
            )
    elif config.nat_router.address in (config.primary_private, config.backup_private):
        yield (
            "nat_router",
            "nat_router {address} is a director's own address and cannot move to the other",
            {"address": config.nat_router.address},
        )


def _selection(found: Found, virtual: FoundVirtual) -> Iterator[Advice]:
    """Who gets the connections."""
    server = virtual.server
    config = found.config
    if server.mark and not server.persistence_s:
        yield (
            "fwmark",
            "a firewall mark without persistent: the connections of one client may go to"
            " different real servers; add `persistent = 300`",
            {},
        )
    if server.persistence_prefix is not None and not server.persistence_s:
        yield "pmask", "pmask does nothing without persistent", {}
    if server.enabled and virtual.unread == 0:
        yield from _capacity(virtual)
    sorry = server.sorry_server
    if sorry is not None and any(real.address == sorry for real in server.real_servers):
        yield (
            "sorry_server",
            "sorry_server {address} is one of the real servers it should stand in for",
            {"address": sorry},
        )
    if server.address in (config.primary, config.backup) and config.backup_active:
        yield (
            "address",
            "{address} is a director's own address and cannot move to the other",
            {"address": server.address},
        )
    yield from _ports(found, virtual)


def _capacity(virtual: FoundVirtual) -> Iterator[Advice]:
    """Whether anyone can answer at all."""
    server = virtual.server
    enabled = [real for real in server.real_servers if real.enabled]
    if not enabled and server.sorry_server is None:
        yield "", "virtual {name!r} has no enabled real server", {"name": server.name}
    if enabled and not any(real.weight for real in enabled):
        yield (
            "",
            "all real servers of virtual {name!r} have weight 0: none gets a connection",
            {"name": server.name},
        )


def _ports(found: Found, virtual: FoundVirtual) -> Iterator[Advice]:
    server = virtual.server
    config = found.config
    is_heartbeat = server.protocol is Protocol.UDP and server.port == config.heartbeat_port
    if is_heartbeat and config.backup_active and server.enabled:
        yield (
            "port",
            "UDP port {port} is the heartbeat's port too; set another heartbeat_port",
            {"port": server.port},
        )
    heads = [real.head for real in virtual.reals if real.server.port is None]
    if heads and virtual.line("port") > heads[0]:
        yield (
            "port",
            "port stands after a server block: the original Piranha gives that server port 80;"
            " move the line up",
            {},
        )


def _naming(found: Found, virtual: FoundVirtual) -> Iterator[Advice]:
    server = virtual.server
    is_alias = ":" in server.floating.device
    if server.enabled and server.address.version == 4 and not is_alias:
        yield (
            "address",
            "{device} is no alias, and the original Piranha would replace that interface's"
            " address; write {device}:1",
            {"device": server.floating.device},
        )
    if "/" in server.name:
        yield "", "the / in the name makes it hard to say VIRTUAL/REAL to lvsctl", {}


def _checking(_: Found, virtual: FoundVirtual) -> Iterator[Advice]:
    """How real servers are checked."""
    server = virtual.server
    if server.reentry_s < server.timeout_s:
        yield (
            "reentry" if "reentry" in virtual.lines else "timeout",
            "reentry {reentry} is shorter than timeout {timeout}: a failed real server serves"
            " again after one good check",
            {"reentry": server.reentry_s, "timeout": server.timeout_s},
        )
    if server.load_monitor not in LOAD_MONITORS:
        yield (
            "load_monitor",
            "load_monitor {tool!r} is not known; write one of {known}",
            {"tool": server.load_monitor, "known": ", ".join(LOAD_MONITORS)},
        )
    if server.use_regex and not server.expect:
        yield "use_regex", "use_regex = 1 does nothing without expect", {}
    if server.send_program:
        yield from _program(server.send_program, has_send=bool(server.send))
        if not server.expect:
            yield (
                "send_program",
                "send_program without expect: its output is not looked at, only its exit code",
                {},
            )
    elif server.protocol is not Protocol.TCP and not server.send:
        yield (
            "protocol",
            "real servers of {protocol} are not checked without send or send_program: they"
            " always count as up",
            {"protocol": server.protocol.value},
        )


def _program(program: str, *, has_send: bool) -> Iterator[Advice]:
    words = program.split()
    if not words or not words[0].startswith("/"):
        yield (
            "send_program",
            "send_program has no whole path; write one, such as /usr/local/bin/check %h",
            {},
        )
    if has_send:
        yield "send", "send is not used, for send_program is given", {}


# Collating symbols and equivalence classes, regex(7): `[.hyphen.]`, `[=e=]`.
_POSIX_ONLY = re.compile(r"\[([.=])[^\]]*\1\]")


def _check_regex(virtual: FoundVirtual, problems: Problems) -> None:
    expect = virtual.server.expect
    if not virtual.server.use_regex or not expect:
        return
    line = virtual.line("expect")
    posix = _POSIX_ONLY.search(expect)
    if posix is not None:
        problems.warning(
            line,
            Reason.ADVICE,
            "expect holds {posix}, which means something else here than in the original"
            " Piranha; write the character itself",
            posix=posix[0],
        )
    try:
        wanted(expect, use_regex=True)
    except PatternError as error:
        problems.error(line, Reason.ARGUMENT, "{why}", why=error)
