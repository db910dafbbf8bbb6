"""What the sync speaks of: how two directors stand to one another, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from lvsengine.errors import EngineError

LVS_CF = "lvs.cf"  # how orders and pages call it, wherever it lies


class Standing(Enum):
    """How this director's files stand to the peer's."""

    ALONE = "alone"  # there is no peer: backup_active = 0, or no address of it is known
    NOT_PAIRED = "not paired"  # `lvsctl pair` has not been run: there is no key
    DUE = "due"  # lvs.cf here was saved since; not copied yet
    COPYING = "copying"
    IN_STEP = "in step"
    WAITING = "waiting"  # the last try failed: `trouble` says why, `retry_at` when the next is
    STOPPED = "stopped"  # the peer's lvs.cf has edits of its own: a person must choose
    HOST_KEY = "host key"  # the peer's host key is unknown or another one: a person must compare


@dataclass(frozen=True, slots=True)
class Trouble:
    """An `EngineError` that was kept."""

    code: str
    sentence: str
    hint: str = ""

    @classmethod
    def of(cls, error: EngineError) -> Trouble:
        return cls(error.code, error.sentence, error.hint)

    def error(self) -> EngineError:
        return EngineError(self.code, self.sentence, self.hint)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Of lvs.cf here and at the peer, 12 hexadecimal digits each; empty is no file."""

    ours: str
    theirs: str


NO_REVISIONS = Revisions("", "")


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host's public key.

    Attributes:
        kind: As in known_hosts, such as `ssh-ed25519`.
        blob: Base64, as in known_hosts.
        fingerprint: `SHA256:` and 43 characters, as ssh-keygen -l writes it.
    """

    kind: str
    blob: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class FileState:
    """How a file beside lvs.cf stands: the sysctl file, the packet-filter rules.

    Attributes:
        path: Where it lies here and shall lie there.
        revision: Of the file here as last read; at the peer: as last handed over.
        installed: Of the file there as the sync last installed it; empty: never.
        at: When the peer's root last judged it, in epoch seconds there; 0: never.
        note: The command that activates it there, which is for a person. May be empty.
        trouble: Why it is not in step; None: it is.
    """

    path: str
    revision: str = ""
    installed: str = ""
    at: float = 0.0
    note: str = ""
    trouble: Trouble | None = None


def not_paired() -> EngineError:
    return EngineError(
        "not-paired",
        "the two directors have not met: there is no key to copy by",
        "run `lvsctl pair invite` on the primary and `lvsctl pair join` on the backup",
    )


@dataclass(frozen=True, slots=True)
class Record:
    """What `sync.json` holds: the last look at the peer. Times are in epoch seconds.

    Attributes:
        since: When `standing` began.
        at: When the last try ended.
        peer: The address that answered, or that was tried last.
        revisions: As last seen on both sides.
        base: What both last had; empty: never in step.
        runs: The revision that the peer's engine runs; empty: its engine did not say.
        warning: Copied, but not all is well there, such as an engine that does not run.
        tries, files_tries: How many failed in a row; for the files beside lvs.cf alone.
        retry_at: When the next try is due; 0: at the next edit.
        offered: The host key that the peer showed, where that is what stopped us.
        pinned: The fingerprint that was expected instead; empty: none was known.
        seen_mark: Every edit until this mark is in this record (see `record.mark`).
        busy_since: When a try began that has not ended; 0: none is at work.
    """

    standing: Standing = Standing.DUE
    since: float = 0.0
    at: float = 0.0
    peer: str = ""
    revisions: Revisions = NO_REVISIONS
    base: str = ""
    runs: str = ""
    trouble: Trouble | None = None
    warning: Trouble | None = None
    tries: int = 0
    retry_at: float = 0.0
    offered: HostKey | None = None
    pinned: str = ""
    seen_mark: int = 0
    busy_since: float = 0.0
    files: tuple[FileState, ...] = ()
    files_tries: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What a page and `lvsctl status` show: the record, judged by lvs.cf as it is now.

    Attributes:
        automatic: Whether lvs.cf goes to the peer by itself after each save (`sync`).
        peer_name: `primary` or `backup`: what the peer is in lvs.cf; empty where ALONE.
        record: Its `standing` is the present one: DUE where lvs.cf was saved after it was
            written, WAITING with code `interrupted` where a try died, and so on.
            `record.revisions.ours` is the revision now.
        now: When this was made, in epoch seconds.
    """

    automatic: bool
    peer_name: str
    record: Record
    now: float

    @property
    def standing(self) -> Standing:
        return self.record.standing

    @property
    def trouble(self) -> Trouble | None:
        return self.record.trouble

    @property
    def pause_s(self) -> float:
        """Seconds until the next try; 0 where none is planned, or it is due."""
        return max(0.0, self.record.retry_at - self.now) if self.record.retry_at else 0.0

    def heard(self, runs: str) -> State:
        """Take a warning back once the peer is heard to run our revision.

        Args:
            runs: What it tells by its heartbeat; empty: nothing.
        """
        if self.record.warning is None or runs != self.record.revisions.ours:
            return self
        return replace(self, record=replace(self.record, runs=runs, warning=None))

    @property
    def fingerprint(self) -> str:
        """Of the host key that a person must compare; empty where that is not asked."""
        return self.record.offered.fingerprint if self.record.offered is not None else ""


@dataclass(frozen=True, slots=True)
class Step:
    """What a copy would do, or did, with one file. `does`: a sentence."""

    path: str
    does: str


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What the peer answers to `status`.

    Attributes:
        revision: Of its lvs.cf; empty: it has none.
        runs: What its engine runs; empty: it does not answer, `trouble` says why.
        files: What became of the files that were handed over for root to install.
    """

    revision: str
    runs: str = ""
    trouble: Trouble | None = None
    files: tuple[FileState, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    """What the peer answers to `install`.

    Attributes:
        revision: Of the file that is there now; of one that root installs: that is staged.
        runs: As in `PeerStatus`.
        trouble: Installed, but its engine does not run it.
    """

    revision: str
    runs: str = ""
    trouble: Trouble | None = None
