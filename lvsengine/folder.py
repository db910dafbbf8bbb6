"""The state folder and the files in it: whose it is, read in bounds, replaced whole.

What lies there is believed: which services and addresses are ours, so may be removed. Therefore
nobody else may be able to write it. Links are never followed from a file's name: in the place of
one of ours a link would lead a write, by a process that may do much, to somebody else's file.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lvsengine import accounts
from lvsengine.errors import EngineError
from lvsengine.plain import to_plain

LOCK = "engine.lock"
MODE = 0o750
SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO opens at once, too


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one engine; it is made where there is none.

    Raises:
        EngineError: `already-running`, when another engine holds it; `no-state`, where it cannot
            be used; `unsafe-state`, where others could write it.
    """
    try:
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
        _need_ours(folder)
        lock = _opened_lock(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise EngineError(
            "already-running",
            f"another pulse keeps its state in {folder}",
            "stop it, or name another folder by --state",
        ) from error
    finally:
        os.close(lock)


def _need_ours(folder: Path) -> None:
    """Refuse a folder, or a link to one, that somebody else could put files into."""
    trusted = _trusted()
    for status in (folder.lstat(), folder.stat()):
        if status.st_uid not in trusted:
            raise EngineError(
                "unsafe-state",
                f"the state folder {folder} belongs to user {status.st_uid}, not to this one",
                "chown it, or name another by --state",
            )
    if folder.stat().st_mode & stat.S_IWOTH:
        raise EngineError(
            "unsafe-state",
            f"the state folder {folder} may be written by everybody, so nothing in it can be "
            "believed",
            "look at what is in it, then chmod o-w, or name another by --state",
        )


def _trusted() -> frozenset[int]:
    ours = {0, os.geteuid()}
    if os.geteuid() == 0:  # root may act for it, by hand
        with suppress(KeyError):
            ours.add(pwd.getpwnam(accounts.PULSE).pw_uid)
    return frozenset(ours)


def _opened_lock(folder: Path) -> int:
    path = folder / LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | SAFE, 0o600)
        _give_to_owner(lock, folder)
    except OSError:
        # On a disk that takes nothing now, an earlier engine's lock will do.
        lock = os.open(path, os.O_RDONLY | SAFE)
    if not stat.S_ISREG(os.fstat(lock).st_mode):
        os.close(lock)
        raise EngineError("unsafe-state", f"{path} is there and is no file", "move it away")
    return lock


def read_bounded(path: Path, longest: int) -> bytes:
    """Read a regular file of at most `longest` bytes that is no link.

    Raises:
        OSError: FileNotFoundError among them.
        ValueError: It is something else.
    """
    if path.is_symlink():
        raise ValueError("it is a link, not a file")
    handle = os.open(path, os.O_RDONLY | SAFE)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is no file")
        with open(handle, "rb", closefd=False) as stream:
            data = stream.read(longest + 1)
    finally:
        os.close(handle)
    if len(data) > longest:
        raise ValueError(f"it is longer than {longest} bytes")
    return data


def set_aside(path: Path) -> str:
    """Move away what cannot be read, so that it is not lost, and give its new name."""
    aside = f"{path.name}.broken"
    with suppress(OSError):
        path.replace(path.with_name(aside))
    return aside


def replace_file(path: Path, value: object) -> None:
    """Write a dataclass as JSON in the place of what was there; whole, or not at all.

    Raises:
        EngineError: `no-state`, when the folder cannot be written.
    """
    folder, beside = path.parent, path.with_name(f".{path.name}.new")
    try:
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)  # left by a process that was killed, or set as a trap
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o640)
        with open(handle, "w") as stream:
            _give_to_owner(handle, folder)
            json.dump(to_plain(value), stream, indent=1)
            stream.flush()
            os.fsync(handle)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise _unwritable(folder, error) from error


def _give_to_owner(handle: int, folder: Path) -> None:
    """Leave nothing of root's where the engine's own user must read and write it later."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _unwritable(folder: Path, error: OSError) -> EngineError:
    return EngineError(
        "no-state",
        f"the state folder {folder} cannot be written: {error.strerror}",
        "make room or give it back its rights, or name another by --state",
    )
