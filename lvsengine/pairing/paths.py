"""Where everything lies that two directors exchange."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lvsengine.sync import places


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths of one system.

    Attributes:
        root: What counts as `/`; another folder for a system that is not running, or a test.
        command: The lvsctl that sshd runs for the peer, as that system calls it.
    """

    root: Path = Path("/")
    command: str = "/opt/piranha/bin/lvsctl"

    def at(self, path: str) -> Path:
        """Give the place of a whole path, as lvs.cf names one."""
        return self.root / path.lstrip("/")

    @property
    def lvs_cf(self) -> Path:
        return self.at("/etc/sysconfig/ha/lvs.cf")

    @property
    def host_keys(self) -> Path:
        return self.at("/etc/ssh")

    @property
    def state(self) -> Path:
        return self.at("/var/lib/piranha")

    @property
    def authorized_keys(self) -> Path:
        return self.state / ".ssh" / "authorized_keys"

    @property
    def sync_key(self) -> Path:
        return self.state / "sync" / places.PRIVATE_KEY

    @property
    def sync_public_key(self) -> Path:
        return self.state / "sync" / f"{places.PRIVATE_KEY}.pub"

    @property
    def known_hosts(self) -> Path:
        return self.state / "sync" / places.KNOWN_HOSTS

    @property
    def base(self) -> Path:
        """What lvs.cf both directors last had."""
        return self.state / "sync" / places.BASE

    @property
    def wanted(self) -> Path:
        """Its time is the mark of the sync's last edit."""
        return self.state / "sync" / places.WANTED
