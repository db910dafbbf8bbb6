"""Run the engine with three capabilities instead of root's all, and what it starts with less.

Linux counts capabilities by thread: call these before another thread is started. What needs
more than remains is done first: folders are handed over here. Ports below 1024 and raw sockets
are opened afterwards, at any time, for two of the three capabilities are for them: opened before,
they would be those of the first lvs.cf, and a reload could not move the heartbeat.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import stat
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lvsengine import accounts, capabilities
from lvsengine.capabilities import NEEDED, mask
from lvsengine.errors import EngineError

USER = accounts.PULSE
UMASK = 0o027
FOLDER_MODE = 0o750
STATUS = Path("/proc/thread-self/status")
LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")

# linux/prctl.h, linux/capability.h
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 8, 24, 38, 47
PR_CAP_AMBIENT_RAISE = 2
VERSION_3 = 0x20080522
SETPCAP = 8

_libc = ctypes.CDLL(None, use_errno=True)


def choose(asked: str | None) -> capabilities.Choice:
    """Choose as whom to run; raises as `capabilities.chosen` does."""
    return capabilities.chosen(asked, name_of(os.geteuid()), USER, has_usual=_is_known(USER))


def become(user: str, folders: Mapping[Path, Collection[str]]) -> None:
    """Stop being root, for good, but for the three capabilities.

    Args:
        folders: Those of the engine, with the names of its files: they are handed over.

    Raises:
        EngineError: `no-user`; `cannot-become`: the system refuses it.
    """
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise EngineError(
            "no-user", f"there is no user {user}", "make that user, or name another by --user"
        ) from None
    try:
        os.umask(0o022)
        for folder, names in folders.items():
            hand_over(folder, names, account.pw_uid, account.pw_gid)
        _prctl(PR_SET_KEEPCAPS, 1)
        _drop_from_bounding_set()
        os.setgroups(os.getgrouplist(user, account.pw_gid))
        os.setresgid(*[account.pw_gid] * 3)
        os.setresuid(*[account.pw_uid] * 3)
        narrow()
    except OSError as error:
        raise EngineError(
            "cannot-become",
            f"pulse cannot run as user {user}: {error.strerror}",
            "start it by its unit, or stay root by --user root",
        ) from error
    _need_readable(user)


def narrow() -> None:
    """Keep of our capabilities those that the engine needs, for what it starts too.

    What it starts can never gain others, neither by a set-user-id program. Root stays root.
    """
    os.umask(UMASK)
    if os.geteuid() == 0:
        return
    _, permitted, _ = _capget()
    kept = permitted & mask(NEEDED)
    _capset(kept, kept, kept)
    _raise_ambient(kept)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


@contextmanager
def without_capabilities() -> Iterator[None]:
    """Give none of our capabilities to what is started inside. Never await inside.

    A user's process hands on what is in its inheritable and ambient sets, and nothing else.
    """
    effective, permitted, inheritable = _capget()
    if not inheritable:
        yield
        return
    _capset(effective, permitted, 0)  # the ambient set goes with it
    try:
        yield
    finally:
        _capset(effective, permitted, inheritable)
        _raise_ambient(inheritable & permitted)


def hand_over(folder: Path, names: Collection[str], uid: int, gid: int) -> None:
    """Give a folder of the engine's and its files to a user; make the folder if it is not there.

    One where anything else lies may be somebody else's, such as /etc: it stays as it is. So do
    links, and files that root did not make or that have another name elsewhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        present = os.listdir(handle)
        if not set(present) <= set(names):
            return
        os.fchown(handle, uid, gid)
        os.fchmod(handle, FOLDER_MODE)
        for name in present:
            _give(name, handle, uid, gid)
    finally:
        os.close(handle)


def warnings() -> tuple[str, ...]:
    """Say what an operator should know of this thread's privileges."""
    return capabilities.warnings(capabilities.standing_of(STATUS.read_text(encoding="ascii")))


def name_of(uid: int) -> str:
    """Name a user; by number where the system knows no name."""
    try:
        return capabilities.ROOT if uid == 0 else pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _is_known(user: str) -> bool:
    try:
        return bool(pwd.getpwnam(user))
    except KeyError:
        return False


def _give(name: str, folder: int, uid: int, gid: int) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(name, flags, dir_fd=folder)
    except OSError:
        return  # a link, or a socket, which is made anew
    try:
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == 0:
            os.fchown(handle, uid, gid)
    finally:
        os.close(handle)


def _need_readable(user: str) -> None:
    """Much is imported only when it is needed, and must be readable then."""
    for program in (__file__, os.__file__):
        if not os.access(program, os.R_OK):
            raise EngineError(
                "cannot-become",
                f"user {user} cannot read {program}, which is part of this program",
                "install it where everybody may read it",
            )


def _drop_from_bounding_set() -> None:
    """Root is for ever out of reach of what we start; without CAP_SETPCAP that is left out."""
    if _capget()[0] >> SETPCAP & 1:
        last = int(LAST_CAPABILITY.read_text(encoding="ascii"))
        for number in set(range(last + 1)) - NEEDED:
            _prctl(PR_CAPBSET_DROP, number)


def _raise_ambient(kept: int) -> None:
    for number in NEEDED:
        if kept >> number & 1:
            with suppress(OSError):  # forbidden here: then iptables says what it lacks
                _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)


def _prctl(what: int, *values: int) -> None:
    words = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if _libc.prctl(ctypes.c_int(what), *words) != 0:
        _fail()


def _capget() -> tuple[int, int, int]:
    """Read this thread's effective, permitted and inheritable set, a bit each."""
    data = ctypes.create_string_buffer(24)
    if _libc.capget(struct.pack("=Ii", VERSION_3, 0), data) != 0:
        _fail()
    low, high = struct.unpack("=3I", data.raw[:12]), struct.unpack("=3I", data.raw[12:])
    effective, permitted, inheritable = (a | b << 32 for a, b in zip(low, high, strict=True))
    return effective, permitted, inheritable


def _capset(*sets: int) -> None:
    low, high = [one & 0xFFFFFFFF for one in sets], [one >> 32 for one in sets]
    header, data = struct.pack("=Ii", VERSION_3, 0), struct.pack("=6I", *low, *high)
    if _libc.capset(header, data) != 0:
        _fail()


def _fail() -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))
