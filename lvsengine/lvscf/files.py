"""Read a file whole, and replace it whole: the old one or the new one, whatever happens.

Knows nothing of lvs.cf. Every failure is an `EngineError` with a sentence.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lvsengine.errors import EngineError

MAX_BYTES = 16 * 1024 * 1024
LOCK_WAIT_S = 5.0
_LOCK_POLL_S = 0.02


def read_whole(path: Path) -> bytes:
    """Read a regular file of at most 16 MiB.

    Raises:
        EngineError: `no-file`, `not-a-file`, `not-permitted`, `too-large`, `not-readable`.
    """
    try:
        # A FIFO without a writer must not hold us: O_NONBLOCK opens it at once.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise EngineError(
                "not-a-file",
                f"{path} is {_what(mode)}, not a file",
                "name the configuration file itself",
            )
        with open(handle, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(handle)
    if len(data) > MAX_BYTES:
        raise EngineError("too-large", f"{path} is larger than 16 MiB", "is this the right file?")
    return data


def _what(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a FIFO" if stat.S_ISFIFO(mode) else "a device or socket"


def _unreadable(path: Path, error: OSError) -> EngineError:
    if isinstance(error, FileNotFoundError):
        return EngineError("no-file", f"there is no file {path}", "create it, or name another")
    if isinstance(error, PermissionError):
        return EngineError(
            "not-permitted",
            f"{path} may not be read by this user",
            "run as root, or as a member of the file's group",
        )
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return EngineError("not-a-file", f"{path} is a device or socket, not a file")
    return EngineError("not-readable", f"{path} cannot be read: {error.strerror}")


@contextlib.contextmanager
def locked(
    folder: Path, wait_s: float = LOCK_WAIT_S, nap: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the exclusive lock of a folder.

    The lock is on the folder itself: nothing is left behind, and whoever may read the folder
    may wait. The kernel gives it back when a process dies.

    Raises:
        EngineError: `busy` when someone else holds it for longer than `wait_s` seconds.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(folder, error) from error
    try:
        _lock(handle, folder, wait_s, nap)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, wait_s: float, nap: Callable[[float], None]) -> None:
    ends_at = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends_at:
                raise EngineError(
                    "busy",
                    f"someone else has been saving in {folder} for {wait_s:g} s",
                    "try again in a moment",
                ) from None
            nap(_LOCK_POLL_S)
        else:
            return


def replace(path: Path, data: bytes, like: Path) -> None:
    """Make `path` a file of these bytes, with the owner and mode of `like` if that exists.

    Written beside, flushed to the disk, renamed, and the folder flushed: after a crash at any
    point `path` is the old file or the new one, whole. Must be called under `locked`, which
    makes the temporary name ours alone.

    Raises:
        EngineError: `not-permitted`, or `not-saved`; `path` is as it was. Or `not-flushed`:
            it is replaced, but the disk reports an error.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()  # left by a process that was killed
        try:
            _write(beside, data, like)
            os.rename(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except PermissionError as error:
        raise EngineError(
            "not-permitted",
            f"{path} may not be replaced by this user: {error.strerror}",
            f"it needs write access to {path.parent} and to the file's group",
        ) from error
    except OSError as error:
        raise EngineError(
            "not-saved", f"{path} was not saved and is as it was: {error.strerror}"
        ) from error
    _flush(path.parent)


def _write(path: Path, data: bytes, like: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        _take_after(handle, like)
        file.write(data)
        file.flush()
        os.fsync(handle)


def _take_after(handle: int, like: Path) -> None:
    """Give a new file the owner, mode and extended attributes of another one.

    Whoever is not root cannot give a file away; the group must be kept then, for it says who
    may write.
    """
    try:
        old = os.stat(like)
    except FileNotFoundError:
        # Who may make files in this folder, as its group, may change this one.
        os.fchmod(handle, 0o640 | os.stat(like.parent).st_mode & stat.S_IWGRP)
        return
    new = os.fstat(handle)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(handle, old.st_uid, old.st_gid)
        except PermissionError:
            os.fchown(handle, -1, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))
    with contextlib.suppress(OSError):  # some disks have none, some only the kernel sets
        for name in os.listxattr(like):
            os.setxattr(handle, name, os.getxattr(like, name))


def _flush(folder: Path) -> None:
    """Make the folder's entries survive a loss of power."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise EngineError(
            "not-flushed",
            f"what was saved in {folder} may be lost with the power: {error.strerror}",
            "look at the disk, then save again",
        ) from error
