"""Which connection-sync daemon fits a role, and how the kernel must be set for it. Values only.

The active director tells, the standby listens; one that did both would hear its own words from
the peer. The values of `WANTED` were found by trying: see ARCHITECTURE.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lvsengine.errors import Sentence, sentence
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.lvscf.model import Config

PREFIX = "net.ipv4.vs."
# A datagram for each connection: the kernel lets a longer one wait, up to 2 s, until it is full,
# and a director that crashes meanwhile takes along what was in it.
SOONEST = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value that connection sync needs.

    Attributes:
        name: Without its prefix `net.ipv4.vs.`.
        why: Ends the sentence that begins `net.ipv4.vs.NAME is 3 50, wanted 0 0: `.
    """

    name: str
    value: str
    why: str


# In the order in which they are set: a threshold of 0 0 without a period would tell of nothing.
WANTED = (
    Wanted("sync_version", "1", "the older form knows no IPv6, no marks and no timeouts"),
    Wanted(
        "sync_refresh_period",
        "10",
        "a connection is told of again once its timeout has moved by 10 s",
    ),
    Wanted("sync_retries", "1", "what is told may be lost on the way, so it is told twice"),
    Wanted(
        "sync_threshold",
        "0 0",
        "a connection is told of once it is established, not at its third packet",
    ),
    Wanted(
        "backup_only",
        "0",
        "a director that takes over must balance before it has stopped listening",
    ),
    Wanted(
        "sloppy_tcp",
        "0",
        "a packet of a connection that is not known must not begin another one",
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A value that is not as connection sync needs it; `found` is None where it is missing."""

    wanted: Wanted
    found: str | None

    @property
    def sentence(self) -> Sentence:
        if self.found is None:
            return sentence(
                "{name} cannot be read, wanted {value}: {why}",
                name=PREFIX + self.wanted.name,
                value=self.wanted.value,
                why=self.wanted.why,
            )
        return sentence(
            "{name} is {found}, wanted {value}: {why}",
            name=PREFIX + self.wanted.name,
            found=self.found,
            value=self.wanted.value,
            why=self.wanted.why,
        )


@dataclass(frozen=True, slots=True)
class DaemonPlan:
    """What to stop, then what to start. The connections that were told of stay in any case."""

    stop: tuple[SyncRole, ...] = ()
    start: SyncDaemon | None = None


def daemon_for(config: Config, *, serves: bool) -> SyncDaemon | None:
    """The daemon that a director should run; None where the directors share nothing."""
    if not (config.syncdaemon and config.backup_active):
        return None
    return SyncDaemon(
        SyncRole.SENDER if serves else SyncRole.RECEIVER,
        config.syncd_iface,
        config.syncd_id,
        (config.syncd_maxlen or SOONEST) if serves else 0,
        config.syncd_group,
        config.syncd_port,
        config.syncd_ttl if serves else 0,
    )


def daemon_plan(running: Sequence[SyncDaemon], wanted: SyncDaemon | None) -> DaemonPlan:
    """Compare what runs with the one that should.

    A value of 0 is the kernel's to choose, so whatever it chose is right. Where nothing is
    wanted, nothing is stopped: a daemon may be somebody else's.
    """
    if wanted is None:
        return DaemonPlan()
    others = tuple(one.role for one in running if not _same(one, wanted))
    fits = any(_same(one, wanted) for one in running)
    return DaemonPlan(others, None if fits else wanted)


def findings(found: Mapping[str, str | None]) -> tuple[Finding, ...]:
    """Compare the kernel's values, by name without prefix, with those wanted."""
    return tuple(
        Finding(one, value)
        for one in WANTED
        if (value := _spaced(found.get(one.name))) != one.value
    )


def _spaced(value: str | None) -> str | None:
    """The kernel writes two numbers with a tab between them."""
    return None if value is None else " ".join(value.split())


def _same(running: SyncDaemon, wanted: SyncDaemon) -> bool:
    chosen = {"max_length", "group", "port", "ttl"}
    return all(
        getattr(running, name) == getattr(wanted, name)
        or (name in chosen and not getattr(wanted, name))
        for name in SyncDaemon.__slots__
    )
