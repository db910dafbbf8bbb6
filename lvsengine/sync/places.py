"""Where the sync's files lie; quick to import, for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_CONFIG = Path("/etc/sysconfig/ha/lvs.cf")
DEFAULT_FOLDER = Path("/var/lib/piranha/sync")
USER = "piranha"


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything lies.

    Attributes:
        config: lvs.cf here.
        folder: The sync's own: keys, `sync.json`, `base.lvs.cf`, `incoming/`.
        user: Whom to log in as at the peer.
    """

    config: Path = DEFAULT_CONFIG
    folder: Path = DEFAULT_FOLDER
    user: str = USER
