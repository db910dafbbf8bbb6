"""The kernel's connection-sync daemon: what it is told, and what it says. Values only.

One machine may run two, one of each role. When each should run is not decided here.

Sources: linux/ip_vs.h; ipvsadm(8), --start-daemon; ip_vs_sync.c for the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from lvsengine.errors import RuleError
from lvsengine.ipvs.codec import DAEMON
from lvsengine.ipvs.netlink import (
    attribute,
    attributes,
    nested,
    number,
    string,
    text,
    u8,
    u16,
    u32,
)
from lvsengine.net import Address

# IPVS_DAEMON_ATTR_*
_STATE, _INTERFACE, _SYNC_ID, _MAXLEN = 1, 2, 3, 4
_GROUP, _GROUP6, _PORT, _TTL = 5, 6, 7, 8

LONGEST_INTERFACE = 15  # IP_VS_IFNAME_MAXLEN - 1
MAX_SYNC_ID = 255  # one byte of the sync message; the kernel would take any number
MAX_TTL = 255
MAX_U16 = 65535


class SyncRole(Enum):
    """Whether it tells of connections or learns of them; the values are IP_VS_STATE_*."""

    SENDER = 1  # the kernel's "master"
    RECEIVER = 2  # the kernel's "backup"


@dataclass(frozen=True, slots=True)
class SyncDaemon:
    """One daemon.

    Attributes:
        sync_id: 0 to 255. A receiver of id 0 takes messages of every id.
        max_length: Bytes in a datagram; 0 is what the interface's MTU allows.
        group: Where it multicasts; None is 224.0.0.81.
        port: 0 is 8848.
        ttl: 0 is 1.
    """

    role: SyncRole
    interface: str
    sync_id: int = 0
    max_length: int = 0
    group: Address | None = None
    port: int = 0
    ttl: int = 0


def start_body(daemon: SyncDaemon) -> bytes:
    """Write what starts a daemon.

    Raises:
        RuleError: A value is out of range. The kernel would cut it to what fits.
    """
    _check(daemon)
    return nested(
        DAEMON,
        u32(_STATE, daemon.role.value),
        text(_INTERFACE, daemon.interface),
        u32(_SYNC_ID, daemon.sync_id),
        u16(_MAXLEN, daemon.max_length) if daemon.max_length else b"",
        _group(daemon.group) if daemon.group else b"",
        u16(_PORT, daemon.port) if daemon.port else b"",
        u8(_TTL, daemon.ttl) if daemon.ttl else b"",
    )


def stop_body(role: SyncRole) -> bytes:
    return nested(DAEMON, u32(_STATE, role.value))


def daemon_of(body: dict[int, bytes]) -> SyncDaemon:
    """Read one daemon, with the values in force where none were given."""
    found = attributes(body[DAEMON])
    return SyncDaemon(
        role=SyncRole(number(found[_STATE])),
        interface=string(found[_INTERFACE]),
        sync_id=number(found[_SYNC_ID]),
        max_length=number(found.get(_MAXLEN, b"")),
        group=_group_of(found),
        port=number(found.get(_PORT, b"")),
        ttl=number(found.get(_TTL, b"")),
    )


def _group(group: Address) -> bytes:
    return attribute(_GROUP if group.version == 4 else _GROUP6, group.packed)


def _group_of(found: dict[int, bytes]) -> Address | None:
    if _GROUP6 in found:
        return IPv6Address(found[_GROUP6])
    return IPv4Address(found[_GROUP]) if _GROUP in found else None


def _check(daemon: SyncDaemon) -> None:
    if not 1 <= len(daemon.interface) <= LONGEST_INTERFACE:
        raise RuleError(
            "the interface for connection sync must have 1 to {most} characters, not {name!r}",
            most=LONGEST_INTERFACE,
            name=daemon.interface,
        )
    if daemon.group and not daemon.group.is_multicast:
        raise RuleError("connection sync needs a multicast group, not {group}", group=daemon.group)
    for name, value, most in (
        ("id", daemon.sync_id, MAX_SYNC_ID),
        ("datagram length", daemon.max_length, MAX_U16),
        ("port", daemon.port, MAX_U16),
        ("ttl", daemon.ttl, MAX_TTL),
    ):
        if not 0 <= value <= most:
            raise RuleError(
                "the {name} of connection sync must be 0 to {most}, not {value}",
                name=name,
                most=most,
                value=value,
            )
