"""A frozen picture of all that is worth showing. The schema of `lvsctl status --json`.

The numbers in `schema` only grow: within one number, fields are added but never renamed,
removed or given another meaning.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Traffic:
    """What goes through now and what has gone through.

    Attributes:
        connections: Scheduled since the entry was made.
        bytes_in, bytes_out: From clients to real servers, and back.
        connections_per_s, bytes_in_per_s, bytes_out_per_s: Over the plane's last two seconds.
        active, inactive: Connections established, and the rest the plane still remembers.
    """

    connections: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    connections_per_s: int = 0
    bytes_in_per_s: int = 0
    bytes_out_per_s: int = 0
    active: int = 0
    inactive: int = 0


@dataclass(frozen=True, slots=True)
class RealServerState:
    """One enabled real server of one virtual server.

    Attributes:
        weight: In shares, as lvs.cf says.
        effective_weight: As the table holds it; None when it is not in the table.
        health: `up`, `down` or `unknown`: what its checks say.
        override: `auto`, `force-up`, `force-down` or `drain`: what an operator ordered.
        reason: Why, in a sentence.
        since: Since when its health is so; seconds since the epoch, 0 when never checked.
    """

    name: str
    address: str
    port: int
    weight: int
    effective_weight: int | None
    health: str
    override: str
    reason: str
    since: float
    traffic: Traffic = Traffic()


@dataclass(frozen=True, slots=True)
class VirtualServerState:
    """One enabled virtual server.

    Attributes:
        service: How the table knows it, such as `tcp 192.0.2.100:80` or `mark 80`.
        mark: Firewall mark; 0 is none.
        sorry_server: Its address when it stands in now because no real server serves.
    """

    name: str
    service: str
    address: str
    port: int
    protocol: str
    mark: int
    scheduler: str
    persistence_s: int
    sorry_server: str | None
    traffic: Traffic
    real_servers: tuple[RealServerState, ...]


@dataclass(frozen=True, slots=True)
class AddressState:
    """A virtual IP or the NAT router IP, and whether this machine holds it.

    Attributes:
        device: Its alias, such as `eth0:1`.
        held: `ours`, `foreign` (it was there before us and is left alone) or `absent`.
    """

    address: str
    device: str
    held: str


@dataclass(frozen=True, slots=True)
class FailureState:
    """Something the kernel refused; it is tried again.

    Attributes:
        what: The change, as an ipvsadm-style line or an address.
        errno: The kernel's number.
        since: When it failed first, in seconds since the epoch.
    """

    what: str
    errno: int
    sentence: str
    since: float


@dataclass(frozen=True, slots=True)
class LinkState:
    """One path to the peer, as this director hears it.

    Attributes:
        link: `public` or `private`.
        heard_s: Seconds since the peer was last heard on it; null when never.
        loss: Share of the peer's last 100 heartbeats that did not come; null when unknown.
        failed: Why the last heartbeat could not be sent; empty when it was.
    """

    link: str
    heard_s: float | None
    loss: float | None
    failed: str = ""


@dataclass(frozen=True, slots=True)
class RejectedState:
    """How many datagrams had no effect, and why: forged, replayed, late, elsewhere ..."""

    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class PeerState:
    """The peer by its last word; ages are this director's own and need no agreed clock.

    Attributes:
        state: What it said it is doing; empty when it was never heard.
        ready: Whether it said that it could serve. `reasons`: why not.
        revision: Of the lvs.cf it runs; empty in the original's heartbeat.
        silent: Whether it was not heard within deadtime, or never.
    """

    state: str = ""
    ready: bool = False
    reasons: str = ""
    revision: str = ""
    heard_s: float | None = None
    since_s: float | None = None
    links: tuple[LinkState, ...] = ()
    rejected: tuple[RejectedState, ...] = ()
    silent: bool = False


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A takeover or a step down.

    Attributes:
        at: When it was decided, in seconds since the epoch.
        state: What this director became: `active` or `standby`.
        seconds: From the decision until the addresses were announced, or gone.
    """

    at: float
    state: str
    cause: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The engine at one moment.

    Attributes:
        at: When it was taken, in seconds since the epoch; so are `since` and `started_at`.
        role: `primary` or `backup`: which director lvs.cf says this is.
        state: `active` or `standby`: what it is doing now.
        reason: Why it is in that state.
        revision: Of the lvs.cf that runs. `file_revision`: of the one on disk, empty when it
            cannot be read.
        plane: `kernel`, `userspace` or `memory`.
        not_ready: Why this director could not take over now; empty when it could.
        peer: The other director; null without a backup.
        warnings: What the running lvs.cf asks for that deserves a word.
    """

    at: float
    version: str
    pid: int
    started_at: float
    role: str
    state: str
    reason: str
    since: float
    plane: str
    path: str
    revision: str
    file_revision: str
    serial_no: int
    virtual_servers: tuple[VirtualServerState, ...] = ()
    addresses: tuple[AddressState, ...] = ()
    failures: tuple[FailureState, ...] = ()
    warnings: tuple[str, ...] = ()
    not_ready: tuple[str, ...] = ()
    peer: PeerState | None = None
    schema: int = SCHEMA
