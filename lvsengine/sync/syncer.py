"""The sync as the web and lvsctl use it: how it stands, copy, compare, choose, trust a host.

All waits end: a copy within 30 s. Several processes may hold a `Syncer` on the same folder: a
lock lets one of them act, and all see the same state.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lvsengine.sync.threeway import Chunk
from lvsengine.sync.values import Revisions, State, Step

DEFAULT_CONFIG = Path("/etc/sysconfig/ha/lvs.cf")
DEFAULT_FOLDER = Path("/var/lib/piranha/sync")
USER = "piranha"


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything lies.

    Attributes:
        config: lvs.cf here.
        folder: The sync's own: keys, `sync.json`, `base.lvs.cf`, `incoming/`.
        user: Whom to log in as at the peer.
    """

    config: Path = DEFAULT_CONFIG
    folder: Path = DEFAULT_FOLDER
    user: str = USER


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """Three files, and the revisions that a choice refers to. `base`: None where not known."""

    revisions: Revisions
    base: str | None
    ours: str
    theirs: str
    chunks: tuple[Chunk, ...]


class Syncer:
    """One per process is enough; it is cheap, holds nothing open, and may be shared by threads."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def state(self) -> State:
        """Tell how it stands, from files alone: no network, a millisecond. Never raises."""
        raise NotImplementedError

    def copy(self) -> State:
        """Copy now what is due, automatic or not, and tell how it stands then.

        What fails at the peer or on the way does not raise: it is the state's `trouble`.

        Raises:
            EngineError: `busy`: another process has been copying for 35 s; `no-sync-folder`.
        """
        raise NotImplementedError

    def preview(self) -> tuple[Step, ...]:
        """Tell what `copy` would do, file by file: the network is used, nothing is changed.

        Raises:
            EngineError: Why nothing could be copied.
        """
        raise NotImplementedError

    def compare(self) -> ThreeWay:
        """Fetch the peer's lvs.cf and lay the three beside one another.

        Raises:
            EngineError: The peer cannot be asked; no file here or there; `busy`.
        """
        raise NotImplementedError

    def take_ours(self, expected: Revisions) -> State:
        """Put our lvs.cf in the place of the peer's own edits; it keeps them as a revision.

        Args:
            expected: What the person was shown, of `ThreeWay.revisions` or the state's record.

        Raises:
            EngineError: `changed-meanwhile` where either file is another one now: show again;
                whatever else kept it from being copied; `busy`. Nothing was changed then.
        """
        raise NotImplementedError

    def take_theirs(self, expected: Revisions) -> State:
        """Put the peer's lvs.cf in the place of ours, which is kept as a revision.

        The engine here is not told: as after a save, it runs what it ran until it is applied.

        Raises:
            EngineError: As `take_ours`; `not-sound` where theirs has errors.
        """
        raise NotImplementedError

    def accept_host_key(self, fingerprint: str) -> State:
        """Trust the host key that the peer showed; a person has compared it.

        Args:
            fingerprint: As shown (`State.fingerprint`); any other key stays refused.

        Raises:
            EngineError: `other-host-key`: the peer has shown another one since;
                `no-sync-folder` where it cannot be kept.
        """
        raise NotImplementedError


class Copier:
    """Copies in the background: a thread that sleeps until an edit, or until a retry is due.

    Start one in every worker process, after it forked; they share the work by a lock. At the
    start it looks whether a copy is due, for an edit may have been saved while nothing ran.
    Does nothing where `sync` is off.
    """

    def __init__(self, syncer: Syncer) -> None:
        self._syncer = syncer

    def start(self) -> None:
        """Start the thread; once started, does nothing."""
        raise NotImplementedError

    def edited(self) -> None:
        """Tell that lvs.cf was saved, or a host key accepted. Returns at once, never raises.

        Pauses begin anew at 5 s. Works in a process whose copier was not started, too: those
        of other processes hear of it within a second.
        """
        raise NotImplementedError

    def stop(self, wait_s: float = 0.0) -> None:
        """End the thread; a copy at work is whole or not at all, whenever it ends."""
        raise NotImplementedError
