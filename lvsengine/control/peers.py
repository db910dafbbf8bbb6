"""Who is at the other end of the control socket, and may they change something?

The kernel says who it was when they connected: user, group, and further groups. Who can connect
but is not of the socket's group, because somebody changed its mode, may only ask.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from lvsengine.errors import EngineError

CREDENTIALS = struct.Struct("=3i")  # struct ucred: pid, uid, gid; unix(7)
GROUPS_SIZE = 1024  # bytes, 4 for each group; Python reads no more
LONGEST_NAME = 64  # characters of who somebody claims to act for


@dataclass(frozen=True, slots=True)
class Peer:
    """One who has connected; `groups` holds the primary one too."""

    uid: int
    groups: frozenset[int]


def peer_of(credentials: bytes, groups: Iterable[int]) -> Peer:
    """Read SO_PEERCRED, beside the further groups."""
    _, uid, gid = CREDENTIALS.unpack(credentials)
    return Peer(uid, frozenset({gid, *groups}))


def groups_of(groups: bytes) -> tuple[int, ...]:
    """Read SO_PEERGROUPS."""
    return struct.unpack(f"={len(groups) // 4}I", groups)


def may_change(peer: Peer, own_uid: int, group: int) -> bool:
    """Whether this is root, the engine's own user, or one of the socket's group."""
    return peer.uid in (0, own_uid) or group in peer.groups


def refusal(name: str, command: str, group: str) -> EngineError:
    return EngineError(
        "only-asking",
        f"user {name} may ask pulse, and order nothing: {command} changes something",
        f"become root, or a member of group {group}",
    )


def actor(name: str, claimed: str) -> str:
    """Say who orders: the user that has connected, and whom it claims to act for.

    A claim is fit for one line of a log, whatever was sent.
    """
    shown = "".join(char if char.isprintable() else "?" for char in claimed[:LONGEST_NAME]).strip()
    return f"{shown} through {name}" if shown and shown != name else name
