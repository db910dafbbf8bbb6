"""The web's only door to the sync: one syncer and one copier in a process.

Copying itself is the copier's, in a thread of its own: no request waits for the network, but
for those that a person ordered, and of these two at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from lvsengine.errors import EngineError
from lvsengine.sync.copier import Copier
from lvsengine.sync.syncer import Places, Syncer, ThreeWay
from lvsengine.sync.values import Revisions, State

AT_ONCE = 2  # requests that wait for the peer; the web has threads for others, too


@dataclass(frozen=True, slots=True)
class Sync:
    """A syncer and the copier that works with it."""

    syncer: Syncer
    copier: Copier


@dataclass(slots=True)
class _Kept:
    """The one of this process; made anew where the settings name other places."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    room: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(AT_ONCE)
    )
    sync: Sync | None = None


_kept = _Kept()


def places() -> Places:
    """Say where lvs.cf and the sync's own folder lie."""
    return Places(
        config=Path(settings.LVS_CF), folder=Path(settings.SYNC), user=settings.SYNC_USER
    )


def use(sync: Sync) -> None:
    """Let this process copy by `sync`, for as long as the settings name its places."""
    with _kept.lock:
        _kept.sync = sync


def current() -> Sync:
    """Give the one of this process."""
    wanted = places()
    with _kept.lock:
        if _kept.sync is None or _kept.sync.syncer.places != wanted:
            syncer = Syncer(wanted)
            _kept.sync = Sync(syncer, Copier(syncer))
        return _kept.sync


def start() -> None:
    """Copy in the background from now on: once in a worker, after it forked."""
    current().copier.start()


def stop() -> None:
    """End the thread of `start`; nothing where there is none."""
    with _kept.lock:
        sync = _kept.sync
    if sync is not None:
        sync.copier.stop()


def edited() -> None:
    """Tell the copier that lvs.cf was saved. Returns at once, never raises."""
    current().copier.edited()


def state() -> State:
    """Tell how the peer's files stand to ours, from files alone. Never raises."""
    return current().copier.state()


def copy() -> State:
    """Copy now: by the copier where it copies by itself, else before this returns.

    Raises:
        EngineError: `busy`, `no-sync-folder`.
    """
    if state().automatic:
        edited()
        return state()
    with _waiting():
        return current().syncer.copy()


def compare() -> ThreeWay:
    """Fetch the peer's lvs.cf and compare. Raises EngineError."""
    with _waiting():
        return current().syncer.compare()


def take_ours(expected: Revisions) -> State:
    """Overwrite the peer's own edits. Raises EngineError."""
    with _waiting():
        return current().syncer.take_ours(expected)


def take_theirs(expected: Revisions) -> State:
    """Overwrite our edits by the peer's. Raises EngineError."""
    with _waiting():
        return current().syncer.take_theirs(expected)


def accept_host_key(fingerprint: str) -> State:
    """Trust the host key that somebody compared, and go on by it. Raises EngineError."""
    state = current().syncer.accept_host_key(fingerprint)
    edited()
    return state


@contextmanager
def _waiting() -> Iterator[None]:
    if not _kept.room.acquire(blocking=False):
        told = _("Others are waiting for the other director's answer already.")
        raise EngineError("busy", told, _("Try again in a moment."))
    try:
        yield
    finally:
        _kept.room.release()
