"""Where the sync's files lie; quick to import, for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lvsengine import accounts

DEFAULT_CONFIG = Path("/etc/sysconfig/ha/lvs.cf")
DEFAULT_FOLDER = Path("/var/lib/piranha/sync")
USER = accounts.PIRANHA

# In the sync's folder.
PRIVATE_KEY = "id_ed25519"
KNOWN_HOSTS = "known_hosts"
BASE = "base.lvs.cf"  # what both directors last had
WANTED = "wanted"  # its time is the mark of the last edit
INCOMING = "incoming"


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
