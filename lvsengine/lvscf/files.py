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
MAX_LINES = 1_000_000
LINKS = 8  # one after the other
TRIES = 5  # to find a file at rest
AGAIN = "try again in a moment"
LOCK_WAIT_S = 5.0
_LOCK_POLL_S = 0.02
_WRITING_S = 0.05


def read_whole(path: Path, nap: Callable[[float], None] = time.sleep) -> bytes:
    """Read a regular file of at most 16 MiB and a million lines while nobody writes it.

    Raises:
        EngineError: `no-file`, `not-a-file`, `not-permitted`, `foreign-link` (as `resolved`),
            `too-large`, `not-readable`, `changing`.
    """
    target, owners = _followed(path)
    for _ in range(TRIES):
        data = _read_once(path, target, owners)
        if data is not None:
            return data
        nap(_WRITING_S)
    raise EngineError(
        "changing", f"{path} is being written all the time", "try again when that has ended"
    )


def resolved(path: Path) -> Path:
    """Follow the links that `path` may be; each must be root's, ours, or of its target's owner.

    Who may replace lvs.cf must not thereby have somebody with more rights read, or replace, a
    file that is another's.

    Raises:
        EngineError: `foreign-link`; `not-permitted`, `not-readable`.
    """
    target, owners = _followed(path)
    try:
        _need_own(path, target, owners, _status(target) or target.parent.stat())
    except OSError as error:
        raise _unreadable(path, error) from error
    return target


def _followed(path: Path) -> tuple[Path, set[int]]:
    """Give what is no link at the end of the links, and whose those are; nobody's without any."""
    target, owners = path, set[int]()
    try:
        for _ in range(LINKS + 1):
            status = _status(target)
            if status is None or not stat.S_ISLNK(status.st_mode):
                folder = Path(os.path.realpath(target.parent))
                return (folder / target.name if owners else path), owners
            owners.add(status.st_uid)
            target = target.parent / os.readlink(target)
    except OSError as error:
        raise _unreadable(path, error) from error
    raise EngineError("not-readable", f"{path} is a link that leads nowhere")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _need_own(path: Path, target: Path, owners: set[int], found: os.stat_result) -> None:
    """Judge links by whose they are and whose that is, file or folder, to which they lead."""
    if not owners:
        return
    if not owners <= {0, os.geteuid(), found.st_uid}:
        raise EngineError(
            "foreign-link",
            f"{path} is a link of user {min(owners - {0})} to {target}, which is another user's",
            "make the link as root, or put the file itself there",
        )
    if stat.S_ISREG(found.st_mode) and not _is_shared_with(found, path.parent.stat()):
        raise EngineError(
            "foreign-link",
            f"{path} is a link to {target}, which is for others than those who may see {path}",
            "is it the right file? Then give it the group of the link's folder",
        )


def _is_shared_with(found: os.stat_result, folder: os.stat_result) -> bool:
    """Whether a link's target is meant for those who are shown it, and no secret of others."""
    if found.st_mode & stat.S_IROTH:
        return True
    if found.st_mode & stat.S_IRGRP:
        return found.st_gid in (folder.st_gid, os.getegid(), *os.getgroups())
    return bool(found.st_mode & stat.S_IRUSR) and found.st_uid in (0, os.geteuid(), folder.st_uid)


def _read_once(path: Path, target: Path, owners: set[int]) -> bytes | None:
    """Read it; None where somebody wrote it meanwhile."""
    try:
        # A FIFO without a writer must not hold us: O_NONBLOCK opens it at once.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(target, flags)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        before = os.fstat(handle)
        _need_own(path, target, owners, before)
        if not stat.S_ISREG(before.st_mode):
            raise EngineError(
                "not-a-file",
                f"{path} is {_what(before.st_mode)}, not a file",
                "name the configuration file itself",
            )
        with open(handle, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
        after = os.fstat(handle)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(handle)
    if len(data) > MAX_BYTES:
        raise EngineError("too-large", f"{path} is larger than 16 MiB", "is this the right file?")
    if data.count(b"\n") > MAX_LINES:
        raise EngineError(
            "too-large", f"{path} has more than a million lines", "is this the right file?"
        )
    at_rest = len(data) == after.st_size and before.st_mtime_ns == after.st_mtime_ns
    return data if at_rest else None


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
        busy = EngineError(
            "busy", f"someone else has been saving in {folder} for {wait_s:g} s", AGAIN
        )
        wait_for_lock(handle, wait_s, busy, nap)
        yield
    finally:
        os.close(handle)


def wait_for_lock(
    handle: int, wait_s: float, busy: EngineError, nap: Callable[[float], None] = time.sleep
) -> None:
    """Take the exclusive lock of an open file or folder. Raises `busy` after `wait_s` seconds."""
    ends_at = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends_at:
                raise busy from None
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
            if old.st_gid != new.st_gid:  # a sandbox may forbid the call itself
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
