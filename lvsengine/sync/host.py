"""The peer's side: what a director does with the files that the other one brings.

`lvsctl pair answer` stands on it, and so does `local`, so that both judge alike. lvs.cf is
installed here; what belongs to root is only laid ready, with its order, and `received`
installs it as root.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.lvscf import files, reading, store, syntax
from lvsengine.lvscf.names import Resolver
from lvsengine.lvscf.problems import first_error
from lvsengine.plain import PlainError, from_plain, to_plain
from lvsengine.sync import orders, plan
from lvsengine.sync.orders import Install
from lvsengine.sync.places import INCOMING
from lvsengine.sync.record import Recorder
from lvsengine.sync.values import LVS_CF, FileState, Installed, PeerStatus, Trouble

MAX_FILE = 1024 * 1024  # bytes, of what root installs
ORDER = ".order"
READY = "ready"  # in incoming; a unit of systemd starts root's part while something is in it
RECEIVED = "received.json"
LONGEST_RECEIVED = 64 * 1024

Runs = tuple[str, Trouble | None]  # the revision that the engine runs, or why it does not say

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,149}")


@dataclass(frozen=True, slots=True)
class Received:
    """What root did with the files that were laid ready: `received.json`, written by root."""

    files: tuple[FileState, ...] = ()


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine of this side.

    Attributes:
        reload: Let it read lvs.cf again.
        runs: Ask what it runs.
    """

    reload: Callable[[], Runs]
    runs: Callable[[], Runs]


@dataclass(frozen=True, slots=True)
class Host:
    """One director's files.

    Attributes:
        config: lvs.cf.
        folder: The sync's folder.
        clock: Seconds since the epoch.
    """

    config: Path
    folder: Path
    engine: Engine
    clock: Callable[[], float]

    def status(self) -> PeerStatus:
        """Tell the revisions here. Raises EngineError where lvs.cf cannot be read."""
        data = self._present()
        runs, trouble = self.engine.runs()
        revision = "" if data is None else store.revision_of(data)
        return PeerStatus(revision, runs, trouble, received(self.folder).files)

    def fetch(self) -> bytes:
        """Read lvs.cf."""
        return files.read_whole(self.config)

    def install(self, order: Install) -> Installed:
        """Put what was laid beside in its place; see `Target.install`."""
        if order.path != LVS_CF:
            return self._lay_ready(order)
        present = self._present()
        if present is None or _sha256(present) != order.sha256:
            present = self._save(order)
        runs, trouble = self.engine.reload()
        revision = store.revision_of(present)
        self._remember(present, revision)
        return Installed(revision, runs, trouble)

    def _save(self, order: Install) -> bytes:
        data = self._staged(order, files.MAX_BYTES)
        text = data.decode("utf-8", "surrogateescape")
        found = reading.read(syntax.parse(text, LVS_CF), Resolver())
        if found.config is None:
            problem = first_error(found.problems)
            raise EngineError(
                "not-sound",
                f"the peer refuses an lvs.cf with errors: {problem}",
                "lvsctl check lists them all",
            )
        expected = "" if order.expected == orders.NONE else order.expected
        store.save(self.config, text, expected)
        self._drop(LVS_CF)
        return data

    def _remember(self, data: bytes, revision: str) -> None:
        """On this side too the files are in step now: its copier has nothing to do."""
        recorder = Recorder(self.folder)
        now = self.clock()
        with contextlib.suppress(EngineError):  # installed it is; its copier will find out
            recorder.keep_base(data)
            recorder.change(lambda record: plan.in_step(record, revision, now))

    def _lay_ready(self, order: Install) -> Installed:
        """Hand a file to root: the order as the first line, then what it is about.

        In one file, by a rename, for root takes all away that it finds there.
        """
        data = self._staged(order, MAX_FILE)
        name = orders.staged(order.path)
        told = json.dumps(to_plain(order)).encode() + b"\n" + data
        whole = self.incoming / f"{name}{ORDER}"
        ready = self.incoming / READY
        try:
            ready.mkdir(exist_ok=True)
            with files.locked(self.incoming):
                files.replace(whole, told, like=self.incoming / name)
                whole.rename(ready / name)
        except OSError as error:
            raise EngineError(
                "not-saved", f"{order.path} cannot be handed over in {ready}: {error.strerror}"
            ) from error
        self._drop(name)
        return Installed(store.revision_of(data))

    @property
    def incoming(self) -> Path:
        return self.folder / INCOMING

    def beside(self, name: str) -> Path:
        """Say where a file may be laid.

        Raises:
            EngineError: `not-allowed`: no file of this name is taken.
        """
        if not _NAME.fullmatch(name) or orders.destination(name) is None:
            raise EngineError("not-allowed", f"no file {name!r} is taken here")
        return self.incoming / name

    def _staged(self, order: Install, most: int) -> bytes:
        path = self.beside(orders.staged(order.path))
        data = files.read_whole(path) if path.exists() else b""
        if _sha256(data) != order.sha256:
            raise EngineError(
                "not-staged",
                f"what lies ready for {order.path} at the peer is not what was sent",
                "it is sent again by itself",
            )
        if len(data) > most:
            raise EngineError("too-large", f"{order.path} is larger than {most} bytes")
        return data

    def _drop(self, name: str) -> None:
        try:
            os.unlink(self.incoming / name)
        except OSError:
            return  # one more file beside does no harm

    def _present(self) -> bytes | None:
        try:
            return files.read_whole(self.config)
        except EngineError as error:
            if error.code == "no-file":
                return None
            raise


def received(folder: Path) -> Received:
    """Read what root did with received files; nothing readable is nothing done."""
    try:
        data = files.read_whole(folder / RECEIVED)
        if len(data) <= LONGEST_RECEIVED:
            return from_plain(Received, json.loads(data), RECEIVED)
    except (EngineError, PlainError, ValueError, RecursionError):
        pass
    return Received()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
