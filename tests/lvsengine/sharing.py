"""A kernel that shares connections, as far as a crossing knows it."""

from __future__ import annotations

from lvsengine.errors import EngineError
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.ipvs.telling import Telling


class Kernel:
    """Runs one daemon of each role; has only the interface eth1."""

    def __init__(self) -> None:
        self.daemons: dict[SyncRole, SyncDaemon] = {}
        self.stuck = False

    async def syncd(self) -> tuple[SyncDaemon, ...]:
        return tuple(self.daemons.values())

    async def start_syncd(self, daemon: SyncDaemon) -> None:
        if daemon.interface != "eth1":
            raise EngineError("no-interface", f"no interface {daemon.interface} here")
        assert daemon.role not in self.daemons
        self.daemons[daemon.role] = daemon

    async def stop_syncd(self, role: SyncRole) -> None:
        if self.stuck:
            raise EngineError("sync-refused", "the daemon did not stop")
        del self.daemons[role]

    @property
    def roles(self) -> list[SyncRole]:
        return list(self.daemons)


class Listing:
    """The kernel's list; a word of it is told to `heard`."""

    def __init__(self, *, broken: bool = False) -> None:
        self.readings = 0
        self._broken = broken

    def telling(self, daemon: SyncDaemon) -> Telling:
        assert daemon.role is SyncRole.SENDER
        return Telling(daemon, open_wire=Wire, listing=self.read)

    def read(self) -> str:
        self.readings += 1
        if self._broken:
            raise OSError("no list")
        return ""


class Wire:
    """Takes datagrams, and forgets them."""

    def __init__(self, _daemon: SyncDaemon) -> None: ...

    def send(self, _datagram: bytes) -> None: ...

    def close(self) -> None: ...
