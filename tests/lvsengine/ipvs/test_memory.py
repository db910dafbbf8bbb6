"""The plane in memory keeps the promise of every plane, and fails as it is told to."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.ipvs.plane import Counters, Plane, Timeouts, Usage
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey, Service, Table
from lvsengine.net import Forwarding, Protocol
from tests.lvsengine.ipvs.plane_contract import PlaneContract, closing

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
ONE = DestinationKey(WEB, ip_address("10.0.0.1"), 80)
NAT = Destination(1, Forwarding.NAT)


class TestMemory(PlaneContract):
    @asynccontextmanager
    async def open_plane(self) -> AsyncIterator[Plane]:
        async with closing(MemoryPlane()) as plane:
            assert plane.name == "memory"
            yield plane


async def test_a_key_is_refused_as_told_and_the_rest_is_made() -> None:
    plane = MemoryPlane(refuse={ONE: errno.ENOMEM})
    changes = [Change(Verb.ADD, WEB, Service()), Change(Verb.ADD, ONE, NAT)]
    [failure] = await plane.apply(changes)
    assert (failure.change, failure.errno) == (changes[1], errno.ENOMEM)
    assert failure.sentence == (
        "real server 10.0.0.1:80 of virtual server tcp 192.0.2.1:80: "
        "the kernel has no memory left for it"
    )
    assert plane.applied == changes[:1]
    plane.refuse.clear()
    assert await plane.apply(changes[1:]) == []
    assert plane.applied == changes


async def test_a_plane_begins_with_the_table_it_is_given_and_leaves_that_alone() -> None:
    table = Table({WEB: Service()}, {ONE: NAT})
    plane = MemoryPlane(table)
    await plane.apply([Change(Verb.REMOVE, WEB)])
    assert (await plane.read()).services == {}
    assert table.services == {WEB: Service()}


async def test_a_table_that_was_read_does_not_change_afterwards() -> None:
    plane = MemoryPlane(Table({WEB: Service()}, {ONE: NAT}))
    table = await plane.read()
    await plane.apply([Change(Verb.REMOVE, WEB)])
    assert list(table.destinations) == [ONE]


async def test_counters_are_those_given_for_what_is_there() -> None:
    plane = MemoryPlane(Table({WEB: Service()}))
    plane.usage = Usage({WEB: Counters(connections=3)}, {ONE: Counters(active=1)})
    usage = await plane.counters()
    assert (usage.services, usage.destinations) == ({WEB: Counters(connections=3)}, {})


async def test_a_timeout_of_zero_leaves_the_value_as_it_was() -> None:
    plane = MemoryPlane()
    await plane.set_timeouts(Timeouts(tcp_s=60))
    assert plane.timeouts == Timeouts(60, 120, 300)
    await plane.set_timeouts(Timeouts(udp_s=5, tcpfin_s=7))
    assert plane.timeouts == Timeouts(60, 7, 5)
