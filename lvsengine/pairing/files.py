"""Files of a pair on the disk: read without trust, written beside first and then put in place.

A folder may belong to a user with fewer rights than ours, so no link is followed there, and a
new file is handed over by its handle, not by its name.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lvsengine import accounts
from lvsengine.errors import EngineError
from lvsengine.pairing.paths import Paths

LONGEST = 64 * 1024
Ids = Callable[[str], tuple[int, int] | None]
ROOT = "root"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file as it shall be; `owner` is a user's name, and its group is that user's."""

    path: Path
    data: bytes = field(repr=False)
    owner: str
    mode: int


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    owner: str
    group: str
    mode: int


# Made where they are missing; the installation makes them with the same owners and modes.
_FOLDERS = (
    _Folder("/etc/sysconfig/ha", ROOT, accounts.PIRANHA, 0o2770),
    _Folder("/etc/piranha", ROOT, ROOT, 0o755),
    _Folder("/var/lib/piranha", ROOT, ROOT, 0o755),
    _Folder("/var/lib/piranha/.ssh", ROOT, ROOT, 0o755),
    _Folder("/var/lib/piranha/sync", accounts.PIRANHA, accounts.PIRANHA, 0o750),
)


def read(path: Path, *, follow: bool = False) -> bytes | None:
    """Read a file of at most 64 KiB; None where there is none.

    Args:
        follow: Whether it may be a link, as it may where only root writes.

    Raises:
        EngineError: `not-readable`.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(path, "it is no file")
            data = file.read(LONGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error
    if len(data) > LONGEST:
        raise _unreadable(path, "it is longer than 64 KiB")
    return data


class Batch:
    """Files that lie beside their places, whole and on the disk, until they are put there.

    Use it as a context: what was not put in place is taken away again.
    """

    def __init__(self, paths: Paths, wanted: Iterable[Wanted], ids: Ids) -> None:
        """Write all files beside their places.

        Raises:
            EngineError: `not-written`; then nothing lies anywhere.
        """
        self._ids = ids
        self._beside: dict[Path, Path] = {}
        try:
            for folder in _FOLDERS:
                _make(paths.at(folder.path), folder, ids)
            for one in wanted:
                self._stage(one)
        except BaseException:
            self.drop()
            raise

    def put(self, *targets: Path) -> None:
        """Put these in place, in this order, each by one rename.

        Raises:
            EngineError: `not-written`; those before it are in place.
        """
        for target in targets:
            with _told(target):
                os.rename(self._beside[target], target)
                del self._beside[target]
                _flush(target.parent)

    def drop(self) -> None:
        for beside in self._beside.values():
            with contextlib.suppress(OSError):
                beside.unlink()
        self._beside = {}

    def _stage(self, one: Wanted) -> None:
        beside = one.path.with_name(f".{one.path.name}.pairing")
        with _told(one.path):
            with contextlib.suppress(FileNotFoundError):
                beside.unlink()  # left by a process that was killed
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            handle = os.open(beside, flags, 0o600)
            self._beside[one.path] = beside
            with open(handle, "wb") as file:
                _hand_over(handle, self._ids(one.owner))
                os.fchmod(handle, one.mode)
                file.write(one.data)
                file.flush()
                os.fsync(handle)


def _hand_over(handle: int, owner: tuple[int, int] | None) -> None:
    if owner is not None:
        os.fchown(handle, *owner)


def _make(path: Path, folder: _Folder, ids: Ids) -> None:
    with _told(path):
        if path.is_dir():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
        owner, group = ids(folder.owner), ids(folder.group)
        if owner is not None and group is not None:
            os.chown(path, owner[0], group[1])
        path.chmod(folder.mode)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EngineError(
            "not-written",
            f"{path} cannot be written: {error.strerror}",
            "mend that, then run `lvsctl pair` again on both directors",
        ) from error


def _unreadable(path: Path, why: str) -> EngineError:
    return EngineError("not-readable", f"{path} cannot be read: {why}", "look at it as root")
