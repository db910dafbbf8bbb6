"""All that the page shows, gathered once a second at most for all browsers together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from lvsengine.control.messages import Event, Graph
from lvsengine.errors import EngineError
from lvsengine.lvscf.problems import Severity
from lvsengine.snapshot import RoleChange, Snapshot
from lvsengine.sync.values import State
from piranha import director, syncing

EVENTS_SHOWN = 20
HISTORY_SHOWN = 10
GRAPHS_AGE_S = 10.0  # the engine takes a sample every 30 s
GRAPHS_KEPT = 4000


@dataclass(frozen=True, slots=True)
class FileState:
    """lvs.cf on the disk: its revision, its errors as text, or why it cannot be read."""

    revision: str = ""
    errors: tuple[str, ...] = ()
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """One look.

    Attributes:
        number: Grows with every look; the same number is the same board.
        events, history: The newest first.
    """

    number: int
    snapshot: Snapshot | None
    error: EngineError | None
    file: FileState
    sync: State | None = None
    events: tuple[Event, ...] = ()
    history: tuple[RoleChange, ...] = ()


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    picture: director.Picture | None = None
    board: Board | None = None
    graphs: dict[str, tuple[float, Graph]] = field(default_factory=dict)


_kept = _Kept()
_numbers = count(1)


def board() -> Board:
    """Look, or give what was seen less than a second ago. Never raises."""
    picture = director.picture()
    with _kept.lock:
        latest = _kept.board
        if latest is None or _kept.picture is not picture:
            latest = _looked(picture, latest)
            _kept.picture, _kept.board = picture, latest
        return latest


def _looked(picture: director.Picture, before: Board | None) -> Board:
    snapshot = picture.snapshot
    return Board(
        number=next(_numbers),
        snapshot=snapshot,
        error=picture.error,
        file=_file(),
        sync=syncing.state().heard(picture.peer_runs),
        events=_events(snapshot, before),
        history=_history(snapshot, before),
    )


def _file() -> FileState:
    try:
        loaded = director.load()
    except EngineError as error:
        return FileState(unreadable=str(error))
    wrong = (one for one in loaded.problems if one.severity is Severity.ERROR)
    return FileState(loaded.revision, tuple(map(str, wrong)))


def _events(snapshot: Snapshot | None, before: Board | None) -> tuple[Event, ...]:
    """Ask only for what is new; an engine that was started anew counts from 1 again."""
    known = before.events if before else ()
    if snapshot is None:
        return known
    if before and before.snapshot and before.snapshot.started_at != snapshot.started_at:
        known = ()
    try:
        new = director.events(known[0].number if known else 0)
    except EngineError:
        return known
    return (*reversed(new), *known)[:EVENTS_SHOWN]


def _history(snapshot: Snapshot | None, before: Board | None) -> tuple[RoleChange, ...]:
    """Ask only where the role has changed since."""
    if snapshot is None or snapshot.peer is None:
        return before.history if before else ()
    earlier = before.snapshot if before else None
    if before and earlier and earlier.since == snapshot.since and earlier.pid == snapshot.pid:
        return before.history
    with contextlib.suppress(EngineError):
        return tuple(reversed(director.history().changes))[:HISTORY_SHOWN]
    return before.history if before else ()


def graphs(names: Iterable[str]) -> dict[str, Graph]:
    """Give the last hour of some virtual servers, at most 10 s old; without those unknown."""
    names = tuple(names)
    now = time.monotonic()
    with _kept.lock:
        known = _kept.graphs
        old = [one for one in names if one not in known or now - known[one][0] > GRAPHS_AGE_S]
        if old:
            if len(known) > GRAPHS_KEPT:
                known.clear()
            with contextlib.suppress(EngineError):
                for graph in director.traffic(tuple(old)).graphs:
                    known[graph.name] = (now, graph)
        return {name: known[name][1] for name in names if name in known}


def forget() -> None:
    """Let the next page look again, at everything."""
    with _kept.lock:
        _kept.picture = _kept.board = None
        _kept.graphs.clear()
