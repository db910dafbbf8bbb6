"""Run a program in the guest as user pulse with three capabilities, as its unit would."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.kernel.lab.boot import CHECKOUT

USER, GROUP = "pulse", "piranha"
UID, GID = 64990, 64991
CAPABILITIES = "net_admin", "net_raw", "net_bind_service"
PASSWD, GROUPS = Path("/etc/passwd"), Path("/etc/group")


def as_pulse(command: Sequence[str], without: Sequence[str] = ()) -> list[str]:
    """Put before a command what makes it run so; what `setpriv` starts has its process id.

    Args:
        without: Of `CAPABILITIES`, those to leave out.
    """
    kept = ",".join(f"+{name}" for name in CAPABILITIES if name not in without)
    return [
        "setpriv",
        f"--reuid={USER}",
        f"--regid={USER}",
        "--init-groups",
        f"--inh-caps=-all,{kept}",
        f"--ambient-caps=-all,{kept}",
        f"--bounding-set=-all,{kept}",
        "--no-new-privs",
        "--",
        *command,
    ]


def prepare() -> None:
    """Make the users, and let them reach the checkout. In the guest, which forgets it all."""
    assert socket.gethostname() == "guest", "this would change the machine itself"
    if f"\n{USER}:" not in PASSWD.read_text():
        with PASSWD.open("a") as passwd, GROUPS.open("a") as groups:
            passwd.write(f"{USER}:x:{UID}:{UID}::/:/usr/sbin/nologin\n")
            groups.write(f"{USER}:x:{UID}:\n{GROUP}:x:{GID}:{USER}\n")
    for program in (CHECKOUT / "lvsengine", Path(sys.executable), Path(os.__file__)):
        for path in (program, program.resolve()):
            for folder in path.parents:
                if not folder.stat().st_mode & 0o001:
                    folder.chmod(folder.stat().st_mode | 0o011)


def give(*paths: Path) -> None:
    """Let these belong to pulse."""
    for path in paths:
        os.chown(path, UID, UID)
