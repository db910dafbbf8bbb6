"""The connection-sync daemon: what we order, ipvsadm sees; and the order that is not answered."""

from __future__ import annotations

import errno
import time
from collections.abc import Sequence
from contextlib import closing
from ipaddress import ip_address

import pytest

from lvsengine.errors import EngineError
from lvsengine.ipvs.codec import Command
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.exchange import DEADLINE_S, Exchange, SocketLink
from lvsengine.ipvs.kernel import KernelPlane
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole, start_body, stop_body
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey, Service
from lvsengine.net import Forwarding, Protocol
from tests.kernel.lab.namespaces import in_namespace, ip_batch, run

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
TUNNEL = Destination(1, Forwarding.TUNNEL)

SENDER = SyncDaemon(SyncRole.SENDER, "dummy0", sync_id=9)


def daemons(namespace: str) -> str:
    return run(namespace, "ipvsadm", "-Ln", "--daemon")


def dummy(address: str) -> Sequence[str]:
    return ("link add dummy0 type dummy", f"addr add {address} dev dummy0", "link set dummy0 up")


async def test_ipvsadm_sees_the_daemons_of_both_roles(plane: KernelPlane, namespace: str) -> None:
    ip_batch(namespace, *dummy("10.9.9.1/24"))
    group = ip_address("239.1.2.3")
    receiver = SyncDaemon(SyncRole.RECEIVER, "dummy0", 255, 1200, group, 7777, 33)
    await plane.start_syncd(SENDER)
    await plane.start_syncd(receiver)
    told = daemons(namespace).splitlines()
    assert told == [
        "master sync daemon (mcast=dummy0, syncid=9, "
        "maxlen=1472, group=224.0.0.81, port=8848, ttl=1)",
        "backup sync daemon (mcast=dummy0, syncid=255, "
        "maxlen=1200, group=239.1.2.3, port=7777, ttl=33)",
    ]
    assert (await plane.syncd())[1] == receiver
    with pytest.raises(EngineError) as caught:
        await plane.start_syncd(SENDER)
    assert caught.value.code == "sync-running"
    await plane.stop_syncd(SyncRole.SENDER)
    assert "master" not in daemons(namespace)
    await plane.stop_syncd(SyncRole.RECEIVER)
    assert await plane.syncd() == ()


async def test_a_daemon_may_sync_over_ipv6(plane: KernelPlane, namespace: str) -> None:
    ip_batch(namespace, *dummy("2001:db8:9::1/64"))
    group = ip_address("ff05::51")
    await plane.start_syncd(SyncDaemon(SyncRole.SENDER, "dummy0", 1, group=group))
    [daemon] = await plane.syncd()
    assert daemon.group == group
    assert "group=ff05::51" in daemons(namespace)
    await plane.stop_syncd(SyncRole.SENDER)


async def test_orders_that_cannot_be_carried_out_say_why(plane: KernelPlane) -> None:
    with pytest.raises(EngineError) as caught:
        await plane.stop_syncd(SyncRole.SENDER)
    assert caught.value.code == "sync-not-running"
    with pytest.raises(EngineError) as caught:
        await plane.start_syncd(SENDER)
    assert caught.value.code == "no-interface"


async def test_a_daemon_stopped_before_it_ran_is_known_to_be_stopped_at_once(
    plane: KernelPlane, namespace: str
) -> None:
    """The kernel does not answer DEL_DAEMON then; the plane must not wait out its deadline."""
    ip_batch(namespace, *dummy("10.9.9.1/24"))

    def started_and_stopped() -> int:
        # In one breath of one thread: else the daemon runs in between.
        started = plane._order(Command.NEW_DAEMON, start_body(SENDER), SENDER.role, runs=True)
        return started or plane._order(
            Command.DEL_DAEMON, stop_body(SENDER.role), SENDER.role, runs=False
        )

    began = time.monotonic()
    for _ in range(10):
        assert await plane._run(started_and_stopped) == 0
        assert await plane.syncd() == ()
    assert time.monotonic() - began < DEADLINE_S


async def test_answered_or_not_that_order_stops_the_daemon(namespace: str) -> None:
    """Mostly this kernel says nothing; if it always spoke, `_order` could be simpler."""
    ip_batch(namespace, *dummy("10.9.9.1/24"))
    with in_namespace(namespace):
        exchange = Exchange(SocketLink, "IPVS")
        exchange.dump(Command.GET_DAEMON)
    with closing(exchange):
        exchange.ask(Command.NEW_DAEMON, start_body(SENDER))
        stop = (Command.DEL_DAEMON, stop_body(SENDER.role))
        answer, daemons = exchange.ask_and_dump(stop, (Command.GET_DAEMON, b""))
    assert answer in (None, 0)
    assert daemons == []


async def test_the_families_do_not_mix_while_the_sync_daemon_runs(
    plane: KernelPlane, namespace: str
) -> None:
    ip_batch(namespace, *dummy("10.9.9.1/24"))
    mixed = DestinationKey(WEB, ip_address("2001:db8:1::7"), 80)
    await plane.apply([Change(Verb.ADD, WEB, Service())])
    await plane.start_syncd(SENDER)
    [failure] = await plane.apply([Change(Verb.ADD, mixed, TUNNEL)])
    assert (failure.errno, "do not mix" in failure.sentence) == (errno.EINVAL, True)
    await plane.stop_syncd(SyncRole.SENDER)
    assert await plane.apply([Change(Verb.ADD, mixed, TUNNEL)]) == []
    with pytest.raises(EngineError, match="mix IPv4 and IPv6"):
        await plane.start_syncd(SENDER)
