"""The last changes of role, kept over a restart: what `lvsctl history` tells.

One small JSON file in the state folder, replaced whole, by a thread: no heartbeat waits for a
slow disk. Nothing here stops the engine: a file that cannot be read is set aside, one that
cannot be written is warned of, and both go on in memory.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import threading
from dataclasses import dataclass
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.folder import read_bounded, replace_file, set_aside
from lvsengine.plain import PlainError, from_plain
from lvsengine.scarcity import in_thread
from lvsengine.snapshot import RoleChange

log = logging.getLogger("pulse")

NAME = "history.json"
KEPT = 100
LONGEST = 1 << 20  # bytes; what is longer was not written here
LATEST = 1e11  # seconds since the epoch that a calendar can still show
RETRY_S = 30.0
CALM_S = 0.2  # after a change of role the processor is its clients'
STATES = ("active", "standby")


@dataclass(frozen=True, slots=True)
class _File:
    changes: tuple[RoleChange, ...] = ()


class History:
    """The one writer of the file.

    Attributes:
        changes: The last 100 takeovers and step-downs, the newest last.
    """

    def __init__(self, folder: Path) -> None:
        self.changes: tuple[RoleChange, ...] = ()
        self._failure = ""
        self._folder = folder
        self._unwritten = asyncio.Event()
        self._writing = threading.Lock()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know."""
        if not self._failure:
            return ()
        return (f"the history is not kept over a restart: {self._failure}",)

    def load(self) -> None:
        """Read what an earlier engine kept; what cannot be used is set aside, and said."""
        path = self._folder / NAME
        try:
            self.changes = _read(path)
        except FileNotFoundError:
            return
        except (OSError, PlainError, ValueError, RecursionError) as error:
            log.warning(
                "%s cannot be read, so the history begins anew; it is kept as %s reason=%s",
                path,
                set_aside(path),
                error,
            )

    def add(self, change: RoleChange) -> None:
        """Remember one more; it is on disk soon after."""
        self.changes = (*self.changes, change)[-KEPT:]
        self._unwritten.set()

    async def run(self) -> None:
        """Write what `add` brings, until cancelled."""
        while True:
            await self._unwritten.wait()
            await asyncio.sleep(CALM_S)
            await self.flush()
            if self._failure:
                await asyncio.sleep(RETRY_S)

    async def flush(self) -> None:
        """Write what has not been written yet."""
        if not self._unwritten.is_set():
            return
        self._unwritten.clear()
        try:
            await in_thread(self._write)
        except EngineError as error:
            self._failed(error.sentence)
        else:
            self._failure = ""

    def _failed(self, sentence: str) -> None:
        if sentence != self._failure:
            log.warning("the history is not kept over a restart reason=%s", sentence)
        self._failure = sentence
        self._unwritten.set()

    def _write(self) -> None:
        with self._writing:  # a writer whose task was cancelled may still be at it
            replace_file(self._folder / NAME, _File(self.changes))


def _read(path: Path) -> tuple[RoleChange, ...]:
    changes = from_plain(_File, json.loads(read_bounded(path, LONGEST)), NAME).changes[-KEPT:]
    for change in changes:
        if change.state not in STATES or not _shown(change.at) or not _shown(change.seconds):
            raise ValueError(f"{change} is no change of role")
    return changes


def _shown(seconds: float) -> bool:
    return math.isfinite(seconds) and 0 <= seconds < LATEST
