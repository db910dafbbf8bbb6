"""One conversation with the peer: look, lay beside, install. What to do is `plan`'s."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lvsengine.errors import EngineError
from lvsengine.lvscf import store
from lvsengine.lvscf.model import Config
from lvsengine.sync import orders, plan
from lvsengine.sync.orders import Install
from lvsengine.sync.plan import Verdict
from lvsengine.sync.target import Target
from lvsengine.sync.values import LVS_CF, FileState, PeerStatus, Record, Revisions, Trouble

INSTALLED_WITHIN_S = 5.0  # the peer's root should have installed by then
POLL_S = 0.2

ReadFile = Callable[[str], bytes]
Nap = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Ours:
    """What this director has.

    Attributes:
        data: lvs.cf.
        earlier: Revisions that it had before.
        read_file: Reads one of the files beside it.
    """

    data: bytes
    config: Config
    earlier: tuple[str, ...]
    read_file: ReadFile
    nap: Nap = field(default=time.sleep)

    @property
    def revision(self) -> str:
        return store.revision_of(self.data)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a conversation came to.

    Attributes:
        verdict: ASK where the peer's own edits kept lvs.cf from being copied.
    """

    verdict: Verdict
    revisions: Revisions
    runs: str = ""
    warning: Trouble | None = None
    files: tuple[FileState, ...] = ()


def copy(target: Target, ours: Ours, record: Record) -> Outcome:
    """Bring the peer in step, where nothing of its own would be lost.

    Raises:
        EngineError: What failed. The peer's lvs.cf is then what it was, or ours.
    """
    status = target.status()
    revisions = Revisions(ours.revision, status.revision)
    verdict = plan.judge(revisions, record.base, ours.earlier)
    if verdict is Verdict.ASK:
        return Outcome(verdict, revisions, status.runs, files=record.files)
    runs, warning = _bring(target, ours, status)
    files = _files(target, ours, status, record, chosen=False)
    return Outcome(verdict, revisions, runs, warning, files)


def overwrite(target: Target, ours: Ours, record: Record, expected: Revisions) -> Outcome:
    """Bring the peer in step whatever it has, for a person has seen `expected` and chosen.

    Raises:
        EngineError: `changed-meanwhile`, where either side is not at `expected`; as `copy`.
    """
    status = target.status()
    need(expected, Revisions(ours.revision, status.revision))
    runs, warning = _bring(target, ours, status)
    files = _files(target, ours, status, record, chosen=True)
    return Outcome(Verdict.COPY, expected, runs, warning, files)


def need(expected: Revisions, found: Revisions) -> None:
    """Raise `changed-meanwhile` where it is not as a person was shown it."""
    for side, one, other in (
        ("this director", expected.ours, found.ours),
        ("the peer", expected.theirs, found.theirs),
    ):
        if one != other:
            raise EngineError(
                "changed-meanwhile",
                f"lvs.cf at {side} is at revision {other or '(none)'} now, not at"
                f" {one or '(none)'}",
                "look at what has changed, then choose again",
            )


def _bring(target: Target, ours: Ours, status: PeerStatus) -> tuple[str, Trouble | None]:
    """Let the peer have and run our lvs.cf; tell what its engine runs, or why it does not."""
    if status.revision == ours.revision and status.runs in ("", ours.revision):
        return status.runs, status.trouble
    if status.revision != ours.revision:
        target.put(orders.staged(LVS_CF), ours.data)
    order = Install(LVS_CF, _sha256(ours.data), status.revision or orders.NONE)
    done = target.install(order)
    if done.revision != ours.revision:
        raise EngineError(
            "bad-answer",
            f"the peer says that it has revision {done.revision} now, not {ours.revision}",
            "are both directors of one version?",
        )
    return done.runs, done.trouble


def _files(
    target: Target, ours: Ours, status: PeerStatus, record: Record, *, chosen: bool
) -> tuple[FileState, ...]:
    """Bring the files beside lvs.cf; what fails for one of them is in its state."""
    before = {state.path: state for state in record.files}
    told = {state.path: state for state in status.files}
    return tuple(
        _file(target, ours, told.get(path, before.get(path, FileState(path))), chosen=chosen)
        for path in plan.files_of(ours.config)
    )


def _file(target: Target, ours: Ours, state: FileState, *, chosen: bool) -> FileState:
    """Bring one file.

    Raises:
        EngineError: The connection broke; what is only this file's is returned instead.
    """
    refused = plan.refusal(ours.config, state.path)
    try:
        if refused is not None:
            raise refused
        data = ours.read_file(state.path)
    except EngineError as error:
        return replace(state, trouble=Trouble.of(error))
    revision = store.revision_of(data)
    if state.installed == revision and state.trouble is None:
        return replace(state, revision=revision)
    try:
        return _hand_over(target, ours.nap, replace(state, revision=revision), data, chosen=chosen)
    except EngineError as error:
        if error.code in ("cut", "too-slow"):
            raise
        return replace(state, revision=revision, trouble=Trouble.of(error))


def _hand_over(
    target: Target, nap: Nap, state: FileState, data: bytes, *, chosen: bool
) -> FileState:
    """Lay a file ready and wait until the peer's root has judged it."""
    expected = orders.ANY if chosen else state.installed or orders.NONE
    target.put(orders.staged(state.path), data)
    target.install(Install(state.path, _sha256(data), expected))
    waited_s = 0.0
    while waited_s < INSTALLED_WITHIN_S:
        told = {one.path: one for one in target.status().files}.get(state.path)
        if told is not None and told.revision == state.revision and told.at != state.at:
            return told
        nap(POLL_S)
        waited_s += POLL_S
    raise EngineError(
        "not-installed",
        f"{state.path} lies ready at the peer, but its root has not installed it",
        "is piranha-received.path started there? By hand: lvsctl pair install-received",
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
