"""A pair for the web's tests: the peer is a folder, and the sync between them the real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.lvscf import store
from lvsengine.net import Address
from lvsengine.sync.copier import Copier
from lvsengine.sync.host import Engine, Host
from lvsengine.sync.local import LocalTarget
from lvsengine.sync.places import INCOMING, Places
from lvsengine.sync.plan import Peer
from lvsengine.sync.syncer import Syncer
from lvsengine.sync.target import Target
from piranha import syncing
from tests.piranha.conftest import LVS_CF

HERE, THERE = "192.0.2.11", "192.0.2.12"
PAIR = LVS_CF.replace("backup_active = 0", f"backup_active = 1\nbackup = {THERE}")
BY_HAND = PAIR.replace("backup_active = 1", "sync = 0\nbackup_active = 1")
NOON = 1_780_000_000.0


@dataclass
class OtherDirector:
    """The peer, on a disk beside; what a test sets tells how it is reached.

    Attributes:
        refusal: Why nobody gets through to it; None: it answers.
        here: Which address is this machine's own.
    """

    folder: Path
    refusal: EngineError | None = None
    here: str = HERE
    now: float = NOON
    trouble: EngineError | None = None
    at_connect: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)

    @property
    def lvs_cf(self) -> Path:
        return self.folder / "lvs.cf"

    @property
    def revision(self) -> str:
        return store.current_revision(self.lvs_cf)

    def write(self, text: str) -> str:
        self.lvs_cf.write_text(text)
        return self.revision

    def connect(self, peer: Peer, _places: Places) -> Target:
        self.asked.append(peer.addresses[0])
        self.at_connect()
        if self.refusal is not None:
            raise self.refusal
        engine = Engine(self._runs, self._runs)
        host = Host(self.lvs_cf, self.folder / "sync", engine, self.clock)
        return LocalTarget(host, peer.addresses[0])

    def _runs(self) -> tuple[str, None]:
        return self.revision, None

    def clock(self) -> float:
        return self.now

    def is_local(self, address: Address) -> bool:
        return str(address) == self.here


def paired(folder: Path, here: Path) -> OtherDirector:
    """Make a peer, and let this process copy to it; the copier is not started."""
    for one in (folder / "sync", here):
        (one / INCOMING).mkdir(parents=True)
    other = OtherDirector(folder)
    syncer = Syncer(syncing.places(), other.connect, other.is_local, other.clock)
    syncing.use(syncing.Sync(syncer, Copier(syncer)))
    return other
