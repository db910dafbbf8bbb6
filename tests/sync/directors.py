"""Two directors with a real sshd each, on loopback: primary 127.0.0.1, backup 127.0.0.2."""

from __future__ import annotations

import os
import pwd
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from lvsengine.control import messages
from lvsengine.lvscf import store
from lvsengine.net import Address
from lvsengine.sync.places import Places
from lvsengine.sync.syncer import Syncer
from tests.kernel.lab.waiting import wait_until
from tests.piranha.fake_engine import FakeEngine, a_snapshot, listening
from tests.ports import free_port

USER = pwd.getpwuid(os.geteuid()).pw_name
LVSCTL = Path(sys.executable).with_name("lvsctl")
SSHD = "/usr/sbin/sshd"
UP_WITHIN_S = 20.0
# Root without what lets it ignore modes, so that a mode is a mode.
BARE = "setpriv --bounding-set=-dac_override,-dac_read_search " if os.geteuid() == 0 else ""

CF = """\
serial_no = {serial}
primary = {primary}
backup = {backup}
backup_active = 1
network = direct
sync_port = {port}
virtual web {{
     active = 1
     address = 192.0.2.100 eth0:1
     port = 80
     server one {{
         address = 10.0.0.1
         active = 1
         weight = {weight}
     }}
}}
"""


@dataclass
class Director:
    """One director's files, sshd and engine."""

    home: Path
    address: str
    port: int
    directors: tuple[str, str] = ("127.0.0.1", "127.0.0.2")  # the primary, the backup
    serial: int = 1
    engine: FakeEngine = field(default_factory=FakeEngine)
    running: str = "000000000000"  # the revision that its engine says it runs

    def __post_init__(self) -> None:
        for folder in (self.config.parent, self.folder / "incoming"):
            folder.mkdir(parents=True)
        for name in ("host", "other-host"):
            make_key(self.home / name)
        make_key(self.folder / "id_ed25519")
        self.engine.answers = {
            messages.Reload: lambda _: messages.Reloaded(self.revision, ()),
            messages.Status: lambda _: a_snapshot(revision=self.running),
        }

    @property
    def config(self) -> Path:
        return self.home / "ha" / "lvs.cf"

    @property
    def folder(self) -> Path:
        return self.home / "lib" / "sync"

    @property
    def socket(self) -> Path:
        return self.home / "sock"

    @property
    def text(self) -> str:
        return self.config.read_text()

    @property
    def revision(self) -> str:
        return store.current_revision(self.config)

    def write(self, text: str) -> None:
        """Save lvs.cf as the web does, earlier revisions kept."""
        expected = store.current_revision(self.config) if self.config.exists() else ""
        store.save(self.config, text, expected)

    def edit(self, weight: int, more: str = "") -> str:
        self.serial += 1
        primary, backup = self.directors
        said = {"serial": self.serial, "weight": weight, "port": self.port}
        text = more + CF.format(primary=primary, backup=backup, **said)
        self.write(text)
        return text

    def syncer(self) -> Syncer:
        own = ip_address(self.address)

        def is_local(address: Address) -> bool:
            return address == own

        return Syncer(Places(self.config, self.folder, USER), is_local=is_local)

    def trust(self, peer: Director) -> None:
        """Pin the peer's host key, and let its sync key in."""
        kind, blob = (peer.home / "host.pub").read_text().split()[:2]
        (self.folder / "known_hosts").write_text(f"peer {kind} {blob}\n")
        places = ["--config", str(self.config), "--folder", str(self.folder)]
        answer = shlex.join([str(LVSCTL), "--socket", str(self.socket), "pair", "answer", *places])
        key = (peer.folder / "id_ed25519.pub").read_text()
        line = f'restrict,command="{BARE}{answer}" {key}'
        (self.home / "authorized_keys").write_text(line)

    @contextmanager
    def sshd(self, port: int, host_key: str = "host") -> Iterator[subprocess.Popen[bytes]]:
        """Run its sshd until the block ends."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        settings = self.home / f"sshd_{host_key}"
        settings.write_text(
            f"ListenAddress {self.address}:{port}\nHostKey {self.home / host_key}\n"
            f"AuthorizedKeysFile {self.home / 'authorized_keys'}\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\n"
            "MaxStartups 50\nSubsystem sftp internal-sftp\n"
        )
        with (self.home / "sshd.log").open("ab") as log:
            command = [SSHD, "-D", "-e", "-f", str(settings)]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        try:
            wait_for_port(self.address, port)
            yield process
        finally:
            process.terminate()
            process.wait(10)


def make_key(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def wait_for_port(address: str, port: int) -> None:
    wait_until(lambda: _listens(address, port), f"{address}:{port} is open", UP_WITHIN_S)


def _listens(address: str, port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex((address, port)) == 0


@contextmanager
def a_pair(folder: Path, *, port: int = 0) -> Iterator[tuple[Director, Director]]:
    """Two directors in step, that trust one another; the backup's sshd and engine run."""
    port = port or free_port()
    primary = Director(folder / "primary", "127.0.0.1", port)
    backup = Director(folder / "backup", "127.0.0.2", port)
    for one, other in ((primary, backup), (backup, primary)):
        one.trust(other)
        one.edit(1)
        (one.folder / "base.lvs.cf").write_text(one.text)
    with listening(backup.engine, backup.socket), backup.sshd(port):
        yield primary, backup
