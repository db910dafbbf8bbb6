"""What an operator of two directors would thank us for: warnings about heartbeats and takeover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lvsengine.lvscf.found import Advice, Found
from lvsengine.lvscf.keys import GLOBAL
from lvsengine.lvscf.model import Config
from lvsengine.net import Address, Forwarding

SHORTEST_DEADTIME_S = 0.15

# What only two directors have, and what only the connection sync has.
_NEEDS_BACKUP = (
    "monitor_links",
    "syncdaemon",
    "heartbeat_key_file",
    "standby_checks",
    "auto_failback",
    "witness",
    "yield_when_isolated",
    "sync_sysctl_file",
    "sync_packet_filter_file",
)
_DIRECTORS = ("backup_private", "primary_private", "backup", "primary")
_PRIVATES = {"primary_private", "backup_private"}
_NEEDS_SYNC = ("syncd_maxlen", "syncd_group", "syncd_port", "syncd_ttl")


def advice(found: Found) -> Iterator[Advice]:
    """Say what will not do what was meant, key by key."""
    yield from _timing(found)
    yield from _directors(found)
    if found.config.backup_active:
        yield from _takeover(found)
        yield from _witnesses(found)
        yield from _sharing(found)
    elif "backup_active" not in found.bad:
        yield from _alone(found.config)


def _timing(found: Found) -> Iterator[Advice]:
    config = found.config
    if found.bad & {"deadtime", "keepalive"}:
        return
    key = "deadtime" if "deadtime" in found.lines else "keepalive"
    values: dict[str, object] = {"deadtime": config.deadtime_s, "keepalive": config.keepalive_s}
    if config.deadtime_s <= config.keepalive_s:
        yield (
            key,
            "deadtime {deadtime:g} is not longer than keepalive {keepalive:g}: the peer will be"
            " taken for dead between two heartbeats; make it three times as long",
            values,
        )
    elif config.deadtime_s <= 2 * config.keepalive_s and config.backup_active:
        yield (
            key,
            "deadtime {deadtime:g} is not longer than twice keepalive {keepalive:g}: one lost"
            " heartbeat, and the peer will be taken for dead; make it three times as long",
            values,
        )
    elif config.deadtime_s < SHORTEST_DEADTIME_S and config.backup_active:
        yield (
            key,
            "deadtime {deadtime:g} is shorter than {shortest:g}: a director that is busy for a"
            " moment will be taken for dead",
            {**values, "shortest": SHORTEST_DEADTIME_S},
        )


def _directors(found: Found) -> Iterator[Advice]:
    config = found.config
    if config.backup_active and config.primary is None and "primary" not in found.bad:
        yield "backup_active", "primary is not given: neither director is the primary", {}
    if config.backup_active and config.backup is None and "backup" not in found.bad:
        yield (
            "backup_active",
            "backup_active is 1 and backup is not given; write its address, or backup_active = 0",
            {},
        )
    for ours, theirs in (("backup", "primary"), ("backup_private", "primary_private")):
        address = getattr(config, ours)
        if address is not None and address == getattr(config, theirs):
            yield (
                ours,
                "{ours} and {theirs} are both {address}; they are two directors",
                {"ours": ours, "theirs": theirs, "address": address},
            )
        elif address is not None and _differ_in_family(address, getattr(config, theirs)):
            yield (
                ours,
                "{ours} and {theirs} are of different address families: no heartbeat can pass",
                {"ours": ours, "theirs": theirs},
            )
    given = [config.primary_private, config.backup_private]
    if given.count(None) == 1 and not found.bad & _PRIVATES:
        key = "backup_private" if config.primary_private is None else "primary_private"
        yield key, "only one director has a private address: give both, or neither", {}


def _differ_in_family(one: object, other: object) -> bool:
    return other is not None and type(one) is not type(other)


def _alone(config: Config) -> Iterator[Advice]:
    if config.backup is not None:
        yield (
            "backup",
            "a backup is given, but backup_active is not 1: this director runs alone",
            {},
        )
    for key in _said(config, _NEEDS_BACKUP):
        yield key, "{key} does nothing without backup_active = 1", {"key": key}


def _said(config: Config, keys: Iterable[str]) -> Iterator[str]:
    """Pick the keys that say something else than their default."""
    for key in keys:
        row = GLOBAL[key]
        if getattr(config, row.field) != row.default:
            yield key


def _takeover(found: Found) -> Iterator[Advice]:
    config = found.config
    privates = [config.primary_private, config.backup_private]
    has_one_link = privates == [None, None] and not found.bad & _PRIVATES
    if config.monitor_links and has_one_link:
        yield (
            "monitor_links",
            "monitor_links = 1 without primary_private and backup_private: a director that"
            " loses its only link cannot say so, and the peer waits for deadtime",
            {},
        )
    if config.auto_failback and not config.syncdaemon and "syncdaemon" not in found.bad:
        yield (
            "auto_failback",
            "auto_failback = 1 without syncdaemon = 1: each failback cuts the connections that"
            " are open; add `syncdaemon = 1`",
            {},
        )
    stays = not config.auto_failback and "auto_failback" not in found.bad
    if "failback_delay" in found.lines and stays:
        yield "failback_delay", "failback_delay does nothing without auto_failback = 1", {}


def _witnesses(found: Found) -> Iterator[Advice]:
    config = found.config
    if config.yield_when_isolated and not config.witness and "witness" not in found.bad:
        yield (
            "yield_when_isolated",
            "yield_when_isolated = 1 does nothing without witness; name the gateway there",
            {},
        )
    directors = {getattr(config, key): key for key in _DIRECTORS}
    moving = _moving(found)
    for address in dict.fromkeys(config.witness):
        if address in directors:
            yield (
                "witness",
                "witness {address} is a director ({key}), and so bears witness to nothing;"
                " name the gateway or real servers",
                {"address": address, "key": directors[address]},
            )
        elif address in moving:
            yield (
                "witness",
                "witness {address} moves with the active director, which always reaches it;"
                " name the gateway or real servers",
                {"address": address},
            )


def _moving(found: Found) -> set[Address]:
    """List the addresses that the active director holds."""
    moving = {virtual.server.address for virtual in found.virtuals if virtual.server.enabled}
    router = found.config.nat_router
    if router is not None and found.config.network is Forwarding.NAT:
        moving.add(router.address)
    return moving


def _sharing(found: Found) -> Iterator[Advice]:
    if found.config.syncdaemon or "syncdaemon" in found.bad:
        return
    for key in _said(found.config, _NEEDS_SYNC):
        yield key, "{key} does nothing without syncdaemon = 1", {"key": key}
