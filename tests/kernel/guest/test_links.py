"""Links in a real kernel: pulled cables, interfaces switched off or gone, one upon another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address

import pytest

from lvsengine.vip.interfaces import LinkState
from lvsengine.vip.links import Links, hearing
from lvsengine.vip.route_socket import NetlinkSocket, RouteSocket
from lvsengine.vip.rtnetlink import LINKS
from tests.kernel.lab.namespaces import in_namespace, ip_batch
from tests.kernel.lab.network import Network, cable
from tests.lvsengine.vip.news_writing import link_message

PUBLIC, PRIVATE = ip_address("192.168.26.9"), ip_address("10.11.12.9")
HERE = ip_address("192.0.2.11")


class Watch:
    """Links of one namespace, and what was told of them, with the time."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.told: list[tuple[LinkState, float]] = []
        self._some = asyncio.Event()
        self.links = Links(self._on_change, self._connect)

    def _connect(self) -> RouteSocket:
        with in_namespace(self.namespace):
            return hearing()

    def _on_change(self, state: LinkState) -> None:
        self.told.append((state, time.monotonic()))
        self._some.set()

    async def next(self) -> tuple[LinkState, float]:
        async with asyncio.timeout(5):
            while not self.told:
                self._some.clear()
                await self._some.wait()
        return self.told.pop(0)


@contextmanager
def watching(namespace: str, *addresses: str) -> Iterator[Watch]:
    watch = Watch(namespace)
    watch.links.open()
    watch.links.watch(map(ip_address, addresses))
    try:
        yield watch
    finally:
        watch.links.close()


async def test_a_pulled_cable_is_known_at_once_and_a_plugged_one_too(lab: Network) -> None:
    with watching("dirA", str(PUBLIC), str(PRIVATE)) as watch:
        assert watch.links.states() == {str(PUBLIC): True, str(PRIVATE): True}
        for pulled in (cable("dirA", "public"), cable("dirA", "private")):
            took = await seconds_until(watch, partial(lab.pull, pulled))
            assert str(watch.links.look(ip_address(pulled.address))) == (
                f"{pulled.device}, which holds {pulled.address}, has no carrier"
            )
            assert took < 0.05
            await seconds_until(watch, partial(lab.plug, pulled), is_up=True)


async def seconds_until(watch: Watch, act: Callable[[], object], *, is_up: bool = False) -> float:
    """Return the seconds from the end of an action until it was told; 0 if told during it."""
    await asyncio.to_thread(act)
    done = time.monotonic()
    state, at = await watch.next()
    assert state.is_up is is_up
    return max(0.0, at - done)


async def test_an_interface_that_vanishes_or_is_switched_off_is_down(namespace: str) -> None:
    ip_batch(
        namespace,
        "link add eth0 type veth peer name eth1",
        "link set eth0 up",
        "link set eth1 up",
        f"addr add {HERE}/24 dev eth0",
    )
    with watching(namespace, str(HERE)) as watch:
        for command, up, said in (
            ("link set eth0 down", False, "is switched off"),
            ("link set eth0 up", True, "can carry packets"),
            (f"addr del {HERE}/24 dev eth0", False, f"no interface holds {HERE}"),
            (f"addr add {HERE}/24 dev eth0", True, "can carry packets"),
            ("link del eth0", False, f"no interface holds {HERE}"),
        ):
            ip_batch(namespace, command)
            state, _ = await watch.next()
            assert state.is_up is up
            assert str(state).endswith(said)


async def test_an_interface_upon_others_is_down_when_nothing_below_it_works(
    namespace: str,
) -> None:
    ip_batch(
        namespace,
        "link add br0 type bridge",
        "link add veth2 type veth peer name veth3",
        "link set veth2 master br0 up",
        "link set veth3 up",
        "link set br0 up",
        f"addr add {HERE}/24 dev br0",
    )
    with watching(namespace, str(HERE)) as watch:
        while not watch.links.states()[str(HERE)]:
            await watch.next()
        watch.told.clear()
        ip_batch(namespace, "link set veth3 down")
        state, _ = await watch.next()
        assert str(state) == f"br0, which holds {HERE}, has no carrier"


async def test_where_the_buffer_ran_over_everything_is_read_again(namespace: str) -> None:
    ip_batch(
        namespace,
        "link add eth0 type veth peer name eth1",
        "link set eth0 up",
        "link set eth1 up",
        f"addr add {HERE}/24 dev eth0",
    )
    with watching(namespace, str(HERE)) as watch:
        [route] = [watch.links._socket]
        assert isinstance(route, NetlinkSocket)
        route._socket.setsockopt(1, 8, 1)  # SO_RCVBUF: as small as can be
        flood = [f"addr add 10.9.{n // 200}.{n % 200 + 1}/32 dev lo" for n in range(400)]
        ip_batch(namespace, *flood, "link set eth1 down")
        state, _ = await watch.next()
        assert str(state) == f"eth0, which holds {HERE}, has no carrier"
        assert watch.links._socket is not route


async def test_only_the_kernel_is_heard(namespace: str) -> None:
    with in_namespace(namespace):
        hearer, stranger = NetlinkSocket(LINKS), NetlinkSocket()
    port = hearer._socket.getsockname()[0]
    stranger._socket.sendto(link_message(1, "lo", 0, 0), (port, 0))
    stranger._socket.sendto(link_message(1, "lo", 0, 0), (0, LINKS))
    with pytest.raises(BlockingIOError):
        hearer.receive(0)
    hearer.close()
    stranger.close()
