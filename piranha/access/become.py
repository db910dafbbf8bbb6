"""The web's user: who the web runs as, and what in the state folder must be that user's."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

USER = os.environ.get("PIRANHA_USER", "piranha")
FOLDER_MODE = 0o700
ABOVE_MODE = 0o755  # of folders that lead there: the web's user must pass
UMASK = 0o027
# What the web makes; whatever else lies in the folder stays as it is.
OURS = ("secret-key", "web.sqlite3", "web.sqlite3-wal", "web.sqlite3-shm", "tls")


class CannotBecome(Exception):
    """The sentence says what failed and what to do."""


def web_user() -> pwd.struct_passwd | None:
    """Give the user that root should become; None where we are not root or there is none."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return None


def prepare(state: Path) -> None:
    """Make the state folder, and let what is the web's in it belong to the web's user.

    Raises:
        CannotBecome: The folder cannot be made or given away.
    """
    os.umask(UMASK)
    user = web_user()
    try:
        made = not state.exists()
        _lead_to(state)
        state.mkdir(exist_ok=True, mode=FOLDER_MODE)
        if user is not None:
            os.chown(state, user.pw_uid, user.pw_gid)
            for path in (state / name for name in OURS):
                _give(path, user.pw_uid, user.pw_gid)
        if made or user is not None:
            state.chmod(FOLDER_MODE)
    except OSError as error:
        raise CannotBecome(
            f"the state folder {state} cannot be prepared: {error.strerror}."
            " Run this as root, or name a folder of your own by --state."
        ) from error


def _lead_to(state: Path) -> None:
    for folder in reversed(state.absolute().parents):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(ABOVE_MODE)


def _give(path: Path, uid: int, gid: int) -> None:
    """Hand a file, or a folder of files, over; never what a link leads to."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1):
            os.fchown(handle, uid, gid)
    finally:
        os.close(handle)
    if stat.S_ISDIR(found.st_mode):
        for inside in path.iterdir():
            if not inside.is_dir():
                _give(inside, uid, gid)


def drop() -> None:
    """Stop being root, for good, where the web's user exists.

    Raises:
        CannotBecome: The system refuses it.
    """
    user = web_user()
    if user is None:
        return
    try:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    except OSError as error:
        raise CannotBecome(f"cannot become user {USER}: {error.strerror}") from error
    os.environ["HOME"] = user.pw_dir
    for program in (__file__, os.__file__):
        if not os.access(program, os.R_OK):
            raise CannotBecome(
                f"user {USER} cannot read {program}, which is part of this program:"
                " install it where everybody may read it"
            )
