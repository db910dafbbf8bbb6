"""A peer that is a folder, and what a test sets of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.lvscf import store
from lvsengine.net import Address
from lvsengine.sync.host import Engine, Host, Runs
from lvsengine.sync.local import LocalTarget
from lvsengine.sync.places import Places
from lvsengine.sync.plan import Peer
from lvsengine.sync.syncer import Syncer
from lvsengine.sync.target import Target
from lvsengine.sync.values import Trouble

CF = """\
serial_no = {serial}
primary = 192.0.2.11
backup = 192.0.2.12
backup_active = 1
network = direct
{more}
"""


def text(serial: int, more: str = "") -> str:
    return CF.format(serial=serial, more=more)


@dataclass
class Side:
    """One director's files. `now`: its clock."""

    home: Path
    address: str
    now: float = 1000.0
    reloads: list[str] = field(default_factory=list)
    engine_trouble: EngineError | None = None

    def __post_init__(self) -> None:
        (self.folder / "incoming").mkdir(parents=True)

    @property
    def config(self) -> Path:
        return self.home / "lvs.cf"

    @property
    def folder(self) -> Path:
        return self.home / "sync"

    @property
    def revision(self) -> str:
        return store.current_revision(self.config)

    def write(self, said: str) -> str:
        expected = self.revision if self.config.exists() else ""
        return store.save(self.config, said, expected)

    def clock(self) -> float:
        return self.now

    def is_local(self, address: Address) -> bool:
        return address == ip_address(self.address)

    @property
    def host(self) -> Host:
        return Host(self.config, self.folder, Engine(self._reload, self._runs), self.clock)

    def _reload(self) -> Runs:
        self.reloads.append(self.revision)
        return self._runs()

    def _runs(self) -> Runs:
        if self.engine_trouble is not None:
            return "", Trouble.of(self.engine_trouble)
        return (self.reloads[-1] if self.reloads else "0" * 12), None


@dataclass
class TwoSides:
    """This director and its peer, and how the wire between them is."""

    ours: Side
    theirs: Side
    refusal: EngineError | None = None
    files: dict[str, bytes] = field(default_factory=dict)

    def connect(self, peer: Peer, _places: Places) -> Target:
        if self.refusal is not None:
            raise self.refusal
        return LocalTarget(self.theirs.host, peer.addresses[0])

    def read_file(self, path: str) -> bytes:
        if path not in self.files:
            raise EngineError("not-permitted", f"{path} may not be read by this user")
        return self.files[path]

    def syncer(self) -> Syncer:
        places = Places(self.ours.config, self.ours.folder)
        side = self.ours
        return Syncer(places, self.connect, side.is_local, side.clock, self.read_file)


def two_sides(folder: Path) -> TwoSides:
    """Both with the same lvs.cf."""
    sides = Side(folder / "ours", "192.0.2.11"), Side(folder / "theirs", "192.0.2.12")
    for side in sides:
        side.write(text(1))
    return TwoSides(*sides)
