"""The web's only door to the director: lvs.cf through `store`, the engine through its socket.

Nothing here knows of requests, forms or pages. What goes wrong is an `EngineError`, or one of
the two below, which carry what a page needs to lose nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from django.conf import settings

from lvsengine.control import client, messages
from lvsengine.errors import EngineError
from lvsengine.health import Override
from lvsengine.lvscf import reading, store
from lvsengine.lvscf.compare import Difference, compare
from lvsengine.lvscf.edits import serial, with_next_serial
from lvsengine.lvscf.found import Known
from lvsengine.lvscf.names import Resolver
from lvsengine.lvscf.problems import Problem, Severity
from lvsengine.lvscf.syntax import Tree, parse
from lvsengine.snapshot import Snapshot
from lvsengine.sync.values import State
from piranha import syncing

T = TypeVar("T")
FRESH_S = 0.9  # seconds for which a snapshot is shared: all pages together ask once a second
RELOAD_TIMEOUT_S = 30.0
ORDER_TIMEOUT_S = 30.0

Edit = Callable[[Tree], Tree]


class Conflict(Exception):
    """Someone else saved first; `current` is the file as it is now."""

    def __init__(self, current: store.Loaded, expected: str) -> None:
        self.current = current
        self.expected = expected
        super().__init__(f"{current.path} is at revision {current.revision}, not at {expected}")


class Unsound(Exception):
    """The change would make a file that no director can run; nothing was written.

    Attributes:
        problems: Every error of the file as it would have been.
        tree: That file.
    """

    def __init__(self, problems: tuple[Problem, ...], tree: Tree) -> None:
        self.problems = problems
        self.tree = tree
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save came to. `before` equals `revision` where nothing had to change."""

    before: str
    revision: str
    differences: tuple[Difference, ...]
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """The engine's snapshot, or why there is none; `at` is in monotonic seconds."""

    at: float
    snapshot: Snapshot | None
    error: EngineError | None = None

    @property
    def peer_runs(self) -> str:
        """The revision that the peer tells by its heartbeat; empty: none."""
        peer = self.snapshot.peer if self.snapshot is not None else None
        return peer.revision if peer is not None else ""


JUDGED_S = 60.0  # seconds until a file is judged anew: host names in it may mean another address


@dataclass(slots=True)
class _Read:
    """The file as this process has last read it: most pages find it unchanged."""

    at: float = 0.0
    loaded: store.Loaded | None = None


_read = _Read()


def path() -> Path:
    """Say where lvs.cf lies."""
    return Path(settings.LVS_CF)


def load() -> store.Loaded:
    """Read lvs.cf as it is on the disk.

    Raises:
        EngineError: It cannot be read at all.
    """
    young = time.monotonic() - _read.at < JUDGED_S
    last = _read.loaded if young and _read.loaded and _read.loaded.path == path() else None
    if last is not None and store.current_revision(path()) == last.revision:
        return last
    loaded = store.load(path(), known=last.known if last is not None else reading.NOTHING)
    _read.at, _read.loaded = time.monotonic(), loaded
    return loaded


def raw() -> tuple[str, str]:
    """Give the file's text and its revision, unjudged.

    Raises:
        EngineError: It cannot be read at all.
    """
    revision = file_revision()
    return revision_text(revision), revision


def save(expected: str, edit: Edit) -> Saved:
    """Change lvs.cf.

    Args:
        expected: The revision that the user was shown.
        edit: Tree in, tree out; `serial_no` is raised here.

    Raises:
        Conflict: The file is not at `expected` any more.
        Unsound: The change would leave errors in the file.
        EngineError: The file cannot be read or written, or has no such entry.
        RuleError: A value cannot be written.
    """
    loaded = load()
    if loaded.revision != expected:
        raise Conflict(loaded, expected)
    changed = edit(loaded.tree)
    if str(changed) == loaded.text:
        return Saved(expected, expected, ())
    changed = with_next_serial(changed)
    return _written(loaded, changed, judged(changed, loaded.known))


def judged(tree: Tree, known: Known = reading.NOTHING) -> tuple[Problem, ...]:
    """Give the warnings of a file; `known` is from the file that was changed.

    Raises:
        Unsound: It has errors.
    """
    found = reading.read(tree, Resolver(), known)
    if found.config is None:
        raise Unsound(_of(found.problems, Severity.ERROR), tree)
    return _of(found.problems, Severity.WARNING)


def problems(text: str, name: str = "lvs.cf") -> tuple[Problem, ...]:
    """List what is wrong with a text, warnings too; `name` is what they call the file."""
    return reading.read(parse(text, name), Resolver()).problems


def _written(loaded: store.Loaded, changed: Tree, warnings: tuple[Problem, ...]) -> Saved:
    try:
        revision = store.save(loaded.path, str(changed), loaded.revision)
    except EngineError as error:
        if error.code == "changed-meanwhile":
            raise Conflict(load(), loaded.revision) from error
        raise
    syncing.edited()
    return Saved(loaded.revision, revision, compare(loaded.tree, changed), warnings)


def _of(problems: tuple[Problem, ...], severity: Severity) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.severity is severity)


def replace(expected: str, text: str) -> Saved:
    """Put a whole text in the place of lvs.cf, whatever that holds. Raises as `save`.

    Its serial number becomes one more than both had. A text that is there already is not
    written again.

    Args:
        expected: The revision that the user was shown; empty where there was no file.
    """
    if not expected:
        return _created(text)
    loaded = load()
    if loaded.revision != expected:
        raise Conflict(loaded, expected)
    tree = parse(text, str(loaded.path))
    if text == loaded.text:
        return Saved(expected, expected, ())
    warnings = judged(tree)
    return _written(loaded, with_next_serial(tree, serial(loaded.tree)), warnings)


def _created(text: str) -> Saved:
    """Make the first lvs.cf; where there is one already, somebody was quicker."""
    tree = parse(text, str(settings.LVS_CF))
    warnings = judged(tree)
    tree = with_next_serial(tree)
    try:
        revision = store.save(settings.LVS_CF, str(tree), "")
    except EngineError as error:
        if error.code == "changed-meanwhile":
            raise Conflict(load(), "") from error
        raise
    syncing.edited()
    return Saved("", revision, compare(parse("", ""), tree), warnings)


@dataclass(frozen=True, slots=True)
class File:
    """What lvs.cf on the disk is worth.

    Attributes:
        revision: Empty where it cannot be read; `error` says why.
        errors: How many errors are in it; a file with any is run by no director.
    """

    revision: str
    errors: int = 0
    error: EngineError | None = None


def file() -> File:
    """Judge the file on the disk. Never raises."""
    try:
        loaded = load()
    except EngineError as error:
        return File("", error=error)
    return File(loaded.revision, len(_of(loaded.problems, Severity.ERROR)))


def file_revision() -> str:
    """Give the revision on the disk.

    Raises:
        EngineError: The file cannot be read.
    """
    return store.current_revision(settings.LVS_CF)


def revisions() -> tuple[store.Kept, ...]:
    """List the earlier revisions, newest first."""
    return store.revisions(settings.LVS_CF)


def revision_text(revision: str) -> str:
    """Read an earlier revision, or the present one.

    Raises:
        EngineError: `no-revision` where it is not kept.
    """
    return store.revision_text(settings.LVS_CF, revision)


@dataclass(slots=True)
class _Shared:
    """The snapshot that all pages of this process share."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    picture: Picture | None = None


_shared = _Shared()


def picture(fresh_s: float = FRESH_S) -> Picture:
    """Show the engine as it was at most `fresh_s` seconds ago. Never raises."""
    with _shared.lock:  # of many that ask at once one asks the engine
        latest = _shared.picture
        if latest is None or time.monotonic() - latest.at > fresh_s:
            latest = _shared.picture = _taken()
        return latest


def sync() -> State:
    """Tell how the peer's files stand to ours, and by its heartbeat what it runs. Never raises."""
    return syncing.state().heard(picture().peer_runs)


def _taken() -> Picture:
    try:
        snapshot = _ask(messages.Status(), Snapshot)
    except EngineError as error:
        return Picture(time.monotonic(), None, error)
    return Picture(time.monotonic(), snapshot)


def forget_picture() -> None:
    """Let the next page look again: something was ordered."""
    with _shared.lock:
        _shared.picture = None


def reload(by: str) -> messages.Reloaded:
    """Let the engine read lvs.cf again."""
    return _order(messages.Reload(by), messages.Reloaded, RELOAD_TIMEOUT_S)


def plan(text: str | None = None) -> messages.Planned:
    """Tell what a reload would do, with `text` as lvs.cf or with the file on the disk."""
    request = messages.Plan(text, str(settings.LVS_CF) if text is not None else "")
    return _ask(request, messages.Planned, RELOAD_TIMEOUT_S)


def explain(virtual: str, real: str) -> messages.Explained:
    return _ask(messages.Explain(virtual, real), messages.Explained)


def override(virtual: str, real: str, order: Override, by: str) -> messages.Explained:
    """Order a real server up, down, drained, or back to its checks."""
    return _order(messages.SetOverride(virtual, real, order, by), messages.Explained)


def stand_by(by: str, *, force: bool) -> str:
    """Hand over to the peer; the answer is a sentence."""
    return _order(messages.StandBy(force, by), messages.Text, ORDER_TIMEOUT_S).text


def take_over(by: str, *, force: bool) -> str:
    """Take over from the peer; the answer is a sentence."""
    return _order(messages.TakeOver(force, by), messages.Text, ORDER_TIMEOUT_S).text


def table() -> str:
    return _ask(messages.ShowTable(), messages.Text).text


def processes() -> messages.Processes:
    return _ask(messages.ShowProcesses(), messages.Processes)


def history() -> messages.History:
    return _ask(messages.ShowHistory(), messages.History)


def traffic(virtual_servers: tuple[str, ...]) -> messages.Graphs:
    """Give the last hour's traffic of some virtual servers."""
    return _ask(messages.ShowTraffic(virtual_servers), messages.Graphs)


def events(after: int = 0) -> tuple[messages.Event, ...]:
    """List the events that the engine still remembers, oldest first."""
    return tuple(client.follow(settings.ENGINE_SOCKET, messages.Events(after)))


def _order(request: messages.Request, kind: type[T], timeout_s: float = client.TIMEOUT_S) -> T:
    try:
        return _ask(request, kind, timeout_s)
    finally:
        forget_picture()


def _ask(request: messages.Request, kind: type[T], timeout_s: float = client.TIMEOUT_S) -> T:
    return client.ask(settings.ENGINE_SOCKET, request, kind, timeout_s)
