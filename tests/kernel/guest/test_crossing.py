"""Planned handovers between two directors by hand, no pulse: no connection is lost, new or old.

What the engine would do is done here in its order: see lvsengine/crossing.py.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.crossing import Crossing
from lvsengine.hush.apply import PATH, Ended, Hushing, Iptables, Nft, switch
from lvsengine.ipvs import sysctls, telling
from lvsengine.ipvs.exchange import Link, SocketLink
from lvsengine.ipvs.kernel import KernelPlane
from lvsengine.ipvs.syncd import SyncDaemon
from lvsengine.ipvs.syncd_policy import DaemonPlan, Finding, daemon_for, daemon_plan
from lvsengine.ipvs.telling import MulticastWire, Telling
from lvsengine.lvscf.model import Config, FloatingAddress, RealServer, VirtualServer
from lvsengine.net import Forwarding
from lvsengine.vip.announce import announce
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.wire import PacketWire, Wire
from tests.kernel.lab.clients import Downloads, Load, request
from tests.kernel.lab.namespaces import in_namespace, ip_batch, proc_net, run, sysctl
from tests.kernel.lab.network import CLIENT, NAT_ROUTER, REAL_SERVERS, VIRTUAL_IP, Network
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

HANDOVERS = 3
DOWNLOADS = 30
SETTLING_S = 1.0
LETTERS = {Forwarding.NAT: "m", Forwarding.DIRECT: "g"}
REAL = [f"10.11.12.{number}" for number in (1, 2, 3)]
pytestmark = pytest.mark.drill
WEB = VirtualServer(
    "web",
    FloatingAddress(ip_address(VIRTUAL_IP), "eth0:1"),
    enabled=True,
    real_servers=tuple(
        RealServer(name, ip_address(real), enabled=True)
        for name, real in zip(REAL_SERVERS, REAL, strict=True)
    ),
)
PAIR = Config(
    backup_active=True,
    syncdaemon=True,
    syncd_iface="eth1",
    manage_sysctls=True,
    virtual_servers=(WEB,),
)


class Side:
    """One director as its engine would drive it."""

    def __init__(self, name: str, plane: KernelPlane) -> None:
        self.name = name
        self.plane = plane
        self.crossing = Crossing(
            plane,
            Hushing([Nft(self._run), Iptables("iptables-legacy", self._run, self._switch)]),
            telling=lambda daemon: Telling(daemon, open_wire=self._wire, listing=self._listing),
            check=self._check,
            mend=self._mend,
            settling_s=SETTLING_S,
        )

    async def _run(self, words: Sequence[str], text: str) -> Ended:
        return await asyncio.to_thread(self._run_here, words, text)

    def _run_here(self, words: Sequence[str], text: str) -> Ended:
        with in_namespace(self.name):
            ended = subprocess.run(
                words, input=text, text=True, capture_output=True, env={"PATH": PATH}
            )
        return Ended(ended.returncode == 0, ended.stderr)

    def _switch(self, version: int, mark: int) -> None:
        with in_namespace(self.name):
            switch(version, mark)

    def _wire(self, daemon: SyncDaemon) -> MulticastWire:
        with in_namespace(self.name):
            return MulticastWire(daemon)

    def _listing(self) -> str:
        with in_namespace(self.name):
            return telling.read_listing()

    def _check(self) -> Sequence[Finding]:
        with in_namespace(self.name):
            return sysctls.check()

    def _mend(self, found: object) -> Sequence[str]:
        assert isinstance(found, tuple)
        with in_namespace(self.name):
            return sysctls.mend(found)

    def tells(self) -> bool:
        """Whether it is settled: the hush is over, and its kernel tells of connections."""
        return "master" in run(self.name, "ipvsadm", "-L", "--daemon")

    def has_no_rules(self) -> bool:
        return "PIRANHA" not in run(self.name, "iptables-legacy-save")

    def addresses(self, verb: str) -> None:
        ip_batch(
            self.name,
            f"addr {verb} {VIRTUAL_IP}/24 dev eth0",
            f"addr {verb} {NAT_ROUTER}/24 dev eth1",
        )

    async def announce(self) -> None:
        def wire(interface: str) -> Wire:
            with in_namespace(self.name):
                return PacketWire(interface)

        held = [
            HeldAddress(ip_address(NAT_ROUTER), 24, "eth1", ""),
            HeldAddress(ip_address(VIRTUAL_IP), 24, "eth0", ""),
        ]
        assert await announce(held, times=1, open_wire=wire) == []


async def handover(giver: Side, taker: Side) -> None:
    table = await giver.plane.read()
    assert await giver.crossing.before_giving(table) == ()
    assert await taker.crossing.before_taking(planned=True) == ()
    taker.addresses("add")
    await taker.announce()
    assert await taker.crossing.taken(planned=True) == ()
    giver.addresses("del")
    assert await giver.crossing.given(table) == ()
    assert await giver.crossing.stands_by() == ()
    await taker.announce()


@asynccontextmanager
async def a_pair(lab: Network, forwarding: Forwarding) -> AsyncIterator[tuple[Side, Side]]:
    """Two directors with the same table; the first is active."""
    config = replace(PAIR, network=forwarding)
    sides = [Side(name, await open_plane(name)) for name in ("dirA", "dirB")]
    for side in sides:
        lines = [f"-A -t {VIRTUAL_IP}:80 -s rr"]
        lines += [f"-a -t {VIRTUAL_IP}:80 -r {real}:80 -{LETTERS[forwarding]}" for real in REAL]
        # An earlier test's connections to real servers that it took out would swallow new ones
        # from the same port, and a client is through its ports in half a minute.
        sysctl(side.name, "net/ipv4/vs/expire_nodest_conn", 1)
        run(side.name, "ipvsadm", "-R", stdin="\n".join(lines) + "\n")
    sides[0].addresses("add")
    lab.forget_neighbours()
    async with asyncio.TaskGroup() as group:
        for side in sides:
            serves = side is sides[0]
            assert await side.crossing.prepare(config, serves=serves) == ()
            # What runs is what was asked for, so a reload does not start it anew.
            wanted = daemon_for(config, serves=serves)
            assert daemon_plan(await side.plane.syncd(), wanted) == DaemonPlan()
        running = [group.create_task(side.crossing.run()) for side in sides]
        yield sides[0], sides[1]
        for task in running:
            task.cancel()
    for side in sides:
        for daemon in await side.plane.syncd():
            await side.plane.stop_syncd(daemon.role)
        await side.plane.close()


async def open_plane(name: str) -> KernelPlane:
    def connect() -> Link:
        with in_namespace(name):
            return SocketLink()

    return await KernelPlane.open(connect)


def states(director: str, port: int) -> list[str]:
    """The states in which a director knows of the connection from this port of the client."""
    lines = [line.split() for line in proc_net(director, "ip_vs_conn").splitlines()[1:]]
    return [words[7] for words in lines if int(words[2], 16) == port]


@pytest.mark.parametrize("forwarding", [Forwarding.NAT, Forwarding.DIRECT])
async def test_planned_handovers_lose_no_connection_new_or_old(
    lab: Network, real_servers: RealServers, forwarding: Forwarding
) -> None:
    if forwarding is Forwarding.DIRECT:
        lab.route_directly()
    async with a_pair(lab, forwarding) as (giver, taker):
        with Load(VIRTUAL_IP) as load, Downloads() as downloads:
            await asyncio.to_thread(downloads.open, VIRTUAL_IP, DOWNLOADS)
            for _ in range(HANDOVERS):
                # Some that are younger than what the kernel's own sync daemon has told of.
                await asyncio.to_thread(downloads.open, VIRTUAL_IP, 2)
                await handover(giver, taker)
                giver, taker = taker, giver
                await asyncio.to_thread(wait_until, giver.tells, "the new active tells")
            assert downloads.stalled() == {}
        assert [one.failure for one in load.failures] == []
        await asyncio.to_thread(wait_until, giver.has_no_rules, "who serves keeps no rules")


async def test_a_connection_that_is_just_opening_is_known_to_the_peer(
    lab: Network, real_servers: RealServers
) -> None:
    async with a_pair(lab, Forwarding.NAT) as (giver, taker):
        for name in REAL_SERVERS:
            real_servers.black_hole(name)
        with in_namespace(CLIENT):
            opening = socket.socket()
        opening.setblocking(False)
        with opening:
            assert opening.connect_ex((VIRTUAL_IP, 80)) == errno.EINPROGRESS
            port = opening.getsockname()[1]
            wait_until(lambda: states(giver.name, port), "the giver has seen it")
            assert await giver.crossing.before_giving(await giver.plane.read()) == ()
            wait_until(lambda: states(taker.name, port), "the taker knows of it")
            assert states(taker.name, port) == states(giver.name, port) == ["SYN_RECV"]


@pytest.mark.parametrize(("threshold", "known"), [("3 50", False), ("0 0", True)])
async def test_a_connection_without_a_word_yet_needs_the_values_that_are_asked_for(
    lab: Network, real_servers: RealServers, threshold: str, known: bool
) -> None:
    async with a_pair(lab, Forwarding.NAT) as (giver, taker):
        sysctl(giver.name, "net/ipv4/vs/sync_threshold", threshold)
        sysctl(giver.name, "net/ipv4/vs/sync_refresh_period", 10 if known else 0)
        request(VIRTUAL_IP)  # so that neighbours know one another
        with in_namespace(CLIENT):
            silent = socket.create_connection((VIRTUAL_IP, 80), 5)
        with silent:
            port = silent.getsockname()[1]
            with suppress(AssertionError):
                wait_until(lambda: states(taker.name, port), "known", within_s=4.5)
            assert bool(states(taker.name, port)) is known
