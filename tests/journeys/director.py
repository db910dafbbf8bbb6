"""One director in this process: the real engine on planes in memory, its checks answered here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from lvsengine.control import client, messages
from lvsengine.engine import Engine
from lvsengine.heartbeat.memory import ADDRESSES, MemoryNetwork
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.ipvs.table import AddressKey, DestinationKey
from lvsengine.nanny.check import Definition, Result
from lvsengine.net import Protocol
from lvsengine.parts import Parts, Settings
from lvsengine.snapshot import RealServerState, Snapshot
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.links import OnChange
from lvsengine.vip.memory import MemoryAddresses, MemoryLinks

LVS_CF = """\
# the shop's director
serial_no = 7
primary = 192.0.2.11
network = nat
nat_router = 10.9.9.254 eth1:1
nat_nmask = 255.255.255.0

virtual shop {
     active = 1
     address = 192.0.2.100 eth0:1
     vip_nmask = 255.255.255.0
     port = 80
     send = "GET / HTTP/1.0\\r\\n\\r\\n"
     expect = "HTTP"
     timeout = 6
     reentry = 15   
     server one {
         address = 10.9.9.21
         active = 1
         weight = 1
     }
     server two {
         address = 10.9.9.22
         active = 1
         weight = 1
     }
}
"""
PAIR_CF = LVS_CF.replace(
    "primary = 192.0.2.11\n",
    """primary = 192.168.26.9
primary_private = 10.11.12.9
backup_active = 1
backup = 192.168.26.8
backup_private = 10.11.12.8
keepalive = 1
deadtime = 3
""",
)
SHOP = AddressKey(Protocol.TCP, ip_address("192.0.2.100"), 80)
ONE = DestinationKey(SHOP, ip_address("10.9.9.21"), 80)
TWO = DestinationKey(SHOP, ip_address("10.9.9.22"), 80)
TRY_S = 0.01
LOOK_S = 0.005
T = TypeVar("T")
EPOCH = 1_700_000_000.0


@dataclass
class RealServers:
    """What the checks find: the real servers that are dead, by address."""

    dead: set[str] = field(default_factory=set)

    async def check(self, definition: Definition) -> Result:
        if str(definition.address) in self.dead:
            await asyncio.sleep(definition.timeout_s)
            reason = f"no answer on {definition.address}:{definition.port}"
            return Result(ok=False, reason=f"{reason} within {definition.timeout_s:g} s")
        await asyncio.sleep(TRY_S)
        return Result(ok=True, reason="answered as expected")


@dataclass
class Director:
    engine: Engine
    plane: MemoryPlane
    addresses: MemoryAddresses
    real_servers: RealServers
    path: Path
    socket: Path
    announced: list[HeldAddress] = field(default_factory=list)
    links: list[MemoryLinks] = field(default_factory=list)
    witness_answers: bool = True
    rivals: list[str] = field(default_factory=list)
    running: asyncio.Task[None] | None = None

    async def weights(self) -> dict[DestinationKey, int]:
        table = await self.plane.read()
        return {key: value.weight for key, value in table.destinations.items()}

    async def held(self) -> set[str]:
        return {str(entry.address) for entry in await self.addresses.read()}

    def crash(self) -> None:
        """End the engine as SIGKILL would: nothing is put away."""
        assert self.running is not None
        self.running.cancel()


async def ask(director: Director, request: messages.Request, kind: type[T]) -> T:
    """Ask as lvsctl does, over the socket."""
    return await asyncio.to_thread(client.ask, director.socket, request, kind)


async def real_server(director: Director, name: str) -> RealServerState:
    snapshot = await ask(director, messages.Status(), Snapshot)
    (found,) = [
        real
        for virtual in snapshot.virtual_servers
        for real in virtual.real_servers
        if real.name == name
    ]
    return found


async def until(director: Director, weights: dict[DestinationKey, int]) -> None:
    """Wait until the plane holds just these weights, for a minute of virtual time at most."""
    async with asyncio.timeout(60):
        while await director.weights() != weights:
            await asyncio.sleep(LOOK_S)


async def settle(seconds: float = 1.0) -> None:
    """Let virtual time pass, so that checks run and the table follows."""
    await asyncio.sleep(seconds)


@asynccontextmanager
async def a_director(
    folder: Path,
    text: str = LVS_CF,
    plane: MemoryPlane | None = None,
    addresses: MemoryAddresses | None = None,
    *,
    leave_running: bool = False,
    who: str = "",
    network: MemoryNetwork | None = None,
    change: Callable[[Parts], Parts] = lambda parts: parts,
) -> AsyncIterator[Director]:
    """Run an engine until the block ends, then stop it in good order.

    `who` is `primary` or `backup` of a pair that talks over `network`; `change` replaces parts.

    An lvs.cf that lies in `folder` already is taken as it is.
    """
    folder.mkdir(exist_ok=True)
    path = folder / "lvs.cf"
    if not path.exists():
        path.write_text(text)
    settings = Settings(path, folder / "s", folder / "state", leave_running=leave_running)
    ready = asyncio.Event()
    plane, addresses = plane or MemoryPlane(), addresses or MemoryAddresses()
    director = _wired(settings, plane, addresses, ready, network, who, change)
    async with asyncio.TaskGroup() as group:
        director.running = group.create_task(director.engine.run())
        await ready.wait()
        try:
            yield director
        finally:
            director.engine.stop()


def _wired(
    settings: Settings,
    plane: MemoryPlane,
    addresses: MemoryAddresses,
    ready: asyncio.Event,
    network: MemoryNetwork | None,
    who: str,
    change: Callable[[Parts], Parts],
) -> Director:
    loop = asyncio.get_running_loop()
    real_servers = RealServers()
    announced: list[HeldAddress] = []

    async def announce(raised: Sequence[HeldAddress], *, times: int) -> tuple[str, ...]:
        announced.extend(raised)
        return ()

    links: list[MemoryLinks] = []

    def watch(on_change: OnChange) -> MemoryLinks:
        links.append(MemoryLinks(on_change))
        return links[-1]

    async def who_else(_addresses: object) -> tuple[str, ...]:
        return tuple(director.rivals)

    async def ask_witness(_addresses: object, _timeout_s: float) -> tuple[bool, str]:
        return director.witness_answers, "the witness was asked"

    parts = Parts(
        plane,
        addresses,
        announce,
        lambda address: not who or address in ADDRESSES[who].values(),
        wall=lambda: EPOCH + loop.time(),
        clock=loop.time,
        steady=loop.time,
        links=watch,
        conflicts=who_else,
        witness=ask_witness,
        transport=lambda _links, _port: (network or MemoryNetwork()).join(who or "primary"),
        checks=dict.fromkeys(("tcp_connect", "send_expect"), real_servers.check),
    )
    director = Director(
        Engine(settings, change(parts), ready.set),
        plane,
        addresses,
        real_servers,
        settings.path,
        settings.socket,
        announced,
        links,
    )
    return director
