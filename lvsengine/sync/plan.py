"""Who the peer is, what goes there, when, and whether it may be overwritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from lvsengine.errors import EngineError
from lvsengine.lvscf.model import Config
from lvsengine.net import Address
from lvsengine.sync.values import FileState, HostKey, Record, Revisions, Standing, Trouble

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0
COPY_DEADLINE_S = 30.0
BUSY_AT_MOST_S = COPY_DEADLINE_S + 15  # a try that is not over then died with its process

IsLocal = Callable[[Address], bool]

INTERRUPTED = Trouble(
    "interrupted", "the last copy was interrupted on this side", "it is tried again by itself"
)


@dataclass(frozen=True, slots=True)
class Peer:
    """The other director.

    Attributes:
        name: `primary` or `backup`.
        addresses: Where it may be reached, the best first; at least one.
        port: Of its sshd.
    """

    name: str
    addresses: tuple[str, ...]
    port: int


def peer_of(config: Config, is_local: IsLocal) -> Peer | None:
    """Tell who the peer is; None: there is no backup director.

    Raises:
        EngineError: `not-a-director`: this machine is neither.
    """
    if not config.backup_active or config.backup is None or config.primary is None:
        return None
    if is_local(config.primary):
        return _peer("backup", (config.backup, config.backup_private), config.sync_port)
    if is_local(config.backup):
        return _peer("primary", (config.primary, config.primary_private), config.sync_port)
    raise EngineError(
        "not-a-director",
        f"neither primary = {config.primary} nor backup = {config.backup} is an address of "
        "this machine",
        "correct them, or bring the interface up",
    )


def _peer(name: str, given: Iterable[Address | None], port: int) -> Peer:
    addresses = [str(address) for address in given if address is not None]
    return Peer(name, tuple(dict.fromkeys(addresses)), port)


def files_of(config: Config) -> tuple[str, ...]:
    """List the files that go along with lvs.cf."""
    return tuple(filter(None, (config.sync_sysctl_file, config.sync_packet_filter_file)))


def refusal(config: Config, path: str) -> EngineError | None:
    """Say why a file must never be sent, whatever else allows it; None: it may."""
    if path != config.heartbeat_key_file:
        return None
    return EngineError(
        "key-file", f"{path} is the heartbeat key file: keys are never sent by this way"
    )


class Verdict(Enum):
    NOTHING = "nothing"  # both have the same
    COPY = "copy"
    ASK = "ask"  # somebody else wrote what is there


def judge(revisions: Revisions, base: str, earlier: Iterable[str]) -> Verdict:
    """Decide about the peer's lvs.cf.

    Args:
        base: The revision that both last had; empty: none.
        earlier: Revisions that this director's file had before.
    """
    if revisions.theirs == revisions.ours:
        return Verdict.NOTHING
    if revisions.theirs in ("", base, *earlier):
        return Verdict.COPY
    return Verdict.ASK


def pause_s(tries: int) -> float:
    """Tell how long to wait after `tries` failures in a row: 5 s, doubled to 5 minutes."""
    return min(FIRST_PAUSE_S * 2.0 ** min(tries - 1, 10), LONGEST_PAUSE_S)


def is_due(record: Record, mark: int, revision: str, now: float) -> bool:
    """Whether the copier should try now; `mark` and `revision` are as they are now."""
    if record.busy_since:
        return not _is_busy(record, now)
    if mark != record.seen_mark or record.standing is Standing.DUE:
        return True
    if record.standing is Standing.STOPPED and record.revisions.ours != revision:
        return True
    # A clock that was set back must not make a pause of a year.
    return bool(record.retry_at) and not now < record.retry_at <= now + LONGEST_PAUSE_S


def is_due_at_start(record: Record, revision: str) -> bool:
    """Whether there was an edit while no copier ran, or something is open."""
    return record.standing is not Standing.IN_STEP or record.revisions.ours != revision


def shown(record: Record, mark: int, revision: str, now: float) -> Record:
    """Judge a record by what is so now."""
    revisions = Revisions(revision, record.revisions.theirs)
    if _is_busy(record, now):
        return replace(
            record, standing=Standing.COPYING, since=record.busy_since, revisions=revisions
        )
    if record.busy_since:
        record = waiting(record, INTERRUPTED, now)
    changed = revision != record.revisions.ours
    if changed or (mark != record.seen_mark and record.standing is Standing.IN_STEP):
        settled = record.standing in (Standing.IN_STEP, Standing.STOPPED)
        if settled and revision != record.revisions.theirs:
            record = replace(record, standing=Standing.DUE, retry_at=0.0)
    return replace(record, revisions=revisions)


def _is_busy(record: Record, now: float) -> bool:
    return bool(record.busy_since) and 0 <= now - record.busy_since < BUSY_AT_MOST_S


def began(record: Record, mark: int, now: float) -> Record:
    """A try begins. After an edit its pauses begin anew."""
    tries = record.tries if mark == record.seen_mark else 0
    return replace(record, busy_since=now, seen_mark=mark, tries=tries)


def in_step(
    record: Record, revision: str, now: float, runs: str = "", warning: Trouble | None = None
) -> Record:
    """Both have `revision` now."""
    stays = record.standing is Standing.IN_STEP and record.base == revision
    return replace(
        _ended(record, now),
        standing=Standing.IN_STEP,
        since=record.since if stays else now,
        revisions=Revisions(revision, revision),
        base=revision,
        runs=runs,
        warning=warning,
    )


def with_files(record: Record, files: tuple[FileState, ...], now: float) -> Record:
    """Add how the files beside lvs.cf stand; what is not in step is tried again."""
    failing = any(state.trouble is not None for state in files)
    tries = record.files_tries + 1 if failing else 0
    retry_at = now + pause_s(tries) if failing else 0.0
    return replace(record, files=files, files_tries=tries, retry_at=retry_at)


def waiting(record: Record, trouble: Trouble, now: float) -> Record:
    """A try failed; the next one comes after a pause."""
    tries = record.tries + 1
    standing = _standing(trouble)
    return replace(
        _ended(record, now),
        standing=standing,
        since=_since(record, standing, now),
        trouble=trouble,
        tries=tries,
        retry_at=now + pause_s(tries),
    )


def unkept(trouble: Trouble, revision: str) -> Record:
    """Nothing can be kept in the sync's folder, so neither when it failed nor how often."""
    return Record(_standing(trouble), revisions=Revisions(revision, ""), trouble=trouble)


def _standing(trouble: Trouble) -> Standing:
    return Standing.NOT_PAIRED if trouble.code == "not-paired" else Standing.WAITING


def stopped(record: Record, revisions: Revisions, trouble: Trouble, now: float) -> Record:
    """The peer's file is somebody's own; it is looked at again, for that may be mended there."""
    return replace(
        _ended(record, now),
        standing=Standing.STOPPED,
        since=_since(record, Standing.STOPPED, now),
        revisions=revisions,
        trouble=trouble,
        retry_at=now + LONGEST_PAUSE_S,
    )


def distrusting(
    record: Record, offered: HostKey, pinned: str, trouble: Trouble, now: float
) -> Record:
    """The peer showed a host key that nobody has compared."""
    return replace(
        _ended(record, now),
        standing=Standing.HOST_KEY,
        since=_since(record, Standing.HOST_KEY, now),
        offered=offered,
        pinned=pinned,
        trouble=trouble,
        retry_at=now + LONGEST_PAUSE_S,
    )


def _ended(record: Record, now: float) -> Record:
    return replace(
        record,
        busy_since=0.0,
        at=now,
        tries=0,
        retry_at=0.0,
        trouble=None,
        warning=None,
        offered=None,
        pinned="",
    )


def _since(record: Record, standing: Standing, now: float) -> float:
    return record.since if record.standing is standing else now
