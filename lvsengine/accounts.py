"""The users that the installation makes: `pulse` for the engine, `piranha` for web and sync."""

from __future__ import annotations

import os
import pwd

PULSE = "pulse"
PIRANHA = "piranha"


def ids_of(user: str) -> tuple[int, int] | None:
    """Give the user and group number that root hands a file to.

    None where we are not root, who alone can, or where there is no such user.
    """
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return None
    return found.pw_uid, found.pw_gid
