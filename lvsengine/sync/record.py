"""What is remembered of the sync, in its folder: `sync.json`, `base.lvs.cf`, and two marks.

The only writer of these. The web's workers, `lvsctl sync` and the peer's orders all come
here; each change is read, made and written under a lock. Another lock, `at-work`, lets one
process at a time copy. `wanted` is empty: its time is the mark that says "there was an edit".
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.lvscf import files, store
from lvsengine.plain import PlainError, from_plain, to_plain
from lvsengine.sync.places import BASE, KNOWN_HOSTS, WANTED
from lvsengine.sync.values import Record, Revisions, Standing, not_paired

NAME = "sync.json"
AT_WORK = "at-work"
LONGEST = 256 * 1024  # bytes; what is longer was not written here


@dataclass(frozen=True, slots=True)
class Recorder:
    folder: Path

    def read(self) -> Record:
        """Give what was kept; what cannot be read counts as nothing kept, for all of it can be
        asked of the peer again. Before the first look: what both have had since they met.

        Raises:
            EngineError: `not-paired`: the folder is not there; `not-permitted`: this user may not
                read it.
        """
        if not self.folder.exists():
            raise not_paired()
        try:
            data = files.read_whole(self.folder / NAME)
            if len(data) > LONGEST:
                return Record()
            return from_plain(Record, json.loads(data), NAME)
        except EngineError as error:
            if error.code == "not-permitted":
                raise
        except (PlainError, ValueError, RecursionError):
            pass
        return Record() if (self.folder / NAME).exists() else self._since_they_met()

    def _since_they_met(self) -> Record:
        base = self.base()
        if base is None:
            return Record()
        since, revision = (self.folder / BASE).stat().st_mtime, store.revision_of(base)
        both = Revisions(revision, revision)
        return Record(Standing.IN_STEP, since, revisions=both, base=revision)

    def change(self, edit: Callable[[Record], Record]) -> Record:
        """Replace the record by what `edit` makes of it.

        Raises:
            EngineError: `no-sync-folder`, when it cannot be written.
        """
        with self._kept(), files.locked(self.folder):
            before = self.read()
            after = edit(before)
            if after != before:
                data = json.dumps(to_plain(after), indent=1).encode()
                files.replace(self.folder / NAME, data, like=self.folder / NAME)
        return after

    def base(self) -> bytes | None:
        """Give the lvs.cf that both directors last had; None where none is kept."""
        try:
            return files.read_whole(self.folder / BASE)
        except EngineError:
            return None

    def keep_base(self, data: bytes) -> None:
        """Remember what both have now. Before the record that names its revision.

        Raises:
            EngineError: `no-sync-folder`, when it cannot be written.
        """
        if self.base() != data:
            with self._kept(), files.locked(self.folder):
                files.replace(self.folder / BASE, data, like=self.folder / BASE)

    def pin(self, text: str) -> None:
        """Replace `known_hosts`.

        Raises:
            EngineError: `no-sync-folder`, when it cannot be written.
        """
        path = self.folder / KNOWN_HOSTS
        with self._kept(), files.locked(self.folder):
            files.replace(path, text.encode(), like=path)

    def mark(self) -> int:
        """Give the mark of the last edit, 0 where there was none."""
        try:
            return (self.folder / WANTED).stat().st_mtime_ns
        except OSError:
            return 0

    def want(self) -> None:
        """Mark that there was an edit.

        Raises:
            OSError: The folder cannot be written.
        """
        handle = os.open(self.folder / WANTED, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            now = max(time.time_ns(), os.fstat(handle).st_mtime_ns + 1)
            os.utime(handle, ns=(now, now))
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def at_work(self, wait_s: float) -> Iterator[None]:
        """Be the one process that copies.

        Raises:
            EngineError: `busy` when another is at it for longer than `wait_s` seconds;
                `no-sync-folder`.
        """
        path = self.folder / AT_WORK
        with self._kept():
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            except OSError as error:
                raise _no_folder(self.folder, str(error.strerror)) from error
        try:
            busy = EngineError(
                "busy",
                f"another process has been copying to the peer for {wait_s:g} s",
                files.AGAIN,
            )
            files.wait_for_lock(handle, wait_s, busy)
            yield
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except EngineError as error:
            if error.code in ("busy", "no-sync-folder"):
                raise
            raise _no_folder(self.folder, error.sentence) from error


def _no_folder(folder: Path, why: str) -> EngineError:
    return EngineError(
        "no-sync-folder",
        f"the sync's folder {folder} cannot be used: {why}",
        "it belongs to user piranha; run as root, or as that user",
    )
