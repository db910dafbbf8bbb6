from __future__ import annotations

import asyncio
import errno
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.diff import Change, Verb, diff
from lvsengine.ipvs.plane import Plane
from lvsengine.ipvs.table import EMPTY, AddressKey, Destination, DestinationKey, Service, Table
from lvsengine.ipvs.userspace import UserspacePlane
from lvsengine.net import Forwarding, Protocol
from tests.lvsengine.ipvs.plane_contract import Ability, PlaneContract, closing
from tests.lvsengine.ipvs.wires import Bench, a_service, heard

RR = Service("rr")
NAT = Destination(1, Forwarding.NAT)
ONE = ip_address("10.0.0.1")
TWO = ip_address("10.0.0.2")


class TestUserspace(PlaneContract):
    lacks = frozenset(Ability)

    @asynccontextmanager
    async def open_plane(self) -> AsyncIterator[Plane]:
        async with closing(UserspacePlane()) as plane:
            yield plane


@pytest.fixture
async def plane() -> AsyncIterator[UserspacePlane]:
    async with UserspacePlane() as plane:
        yield plane


def a_table(*keys: AddressKey) -> Table:
    """Services with two real servers each."""
    return Table(
        dict.fromkeys(keys, RR),
        {DestinationKey(key, address, 80): NAT for key in keys for address in (ONE, TWO)},
    )


async def test_it_says_which_plane_it_is(plane: UserspacePlane) -> None:
    assert plane.name == "userspace"


async def test_a_port_that_is_taken_is_a_failure_and_can_be_tried_again(
    plane: UserspacePlane,
) -> None:
    async with UserspacePlane() as other:
        key = a_service()
        change = Change(Verb.ADD, key, RR)
        assert await other.apply([change]) == []
        (failure,) = await plane.apply([change])
        assert failure.errno == errno.EADDRINUSE
        assert "another program listens there" in failure.sentence
        assert await plane.read() == EMPTY
        await other.close()
        assert await plane.apply([change]) == []


async def test_close_leaves_no_socket_and_no_task() -> None:
    gc.collect()
    before = set(os.listdir("/proc/self/fd"))
    tasks = asyncio.all_tasks()
    async with Bench(UserspacePlane()) as bench:
        listener, server = bench.real_server(), bench.datagram_end()
        web, _ = await bench.serve(RR, listener)
        dns, _ = await bench.serve(RR, server, protocol=Protocol.UDP)
        client, accepted = await bench.pair(web, listener)
        asker = bench.datagram_end()
        asker.sendto(b"?", (str(dns.address), dns.port))
        await heard(server)

        await bench.plane.close()
        assert await client.was_reset()
        assert await accepted.was_reset()
        assert await bench.plane.read() == EMPTY
        await bench.plane.close()
    assert asyncio.all_tasks() == tasks
    assert set(os.listdir("/proc/self/fd")) == before


async def test_a_closed_plane_can_be_filled_again(plane: UserspacePlane) -> None:
    changes = diff(EMPTY, a_table(a_service()))
    await plane.apply(changes)
    await plane.close()
    assert await plane.apply(changes) == []


async def test_hundreds_of_services_are_made_and_taken_away(plane: UserspacePlane) -> None:
    keys = [
        AddressKey(Protocol.UDP, ip_address(f"127.{a}.0.{b}"), 40053)
        for a in range(1, 41)
        for b in range(1, 11)
    ]
    table = a_table(*keys)
    assert await plane.apply(diff(EMPTY, table)) == []
    assert await plane.read() == table
    assert await plane.apply(diff(table, EMPTY)) == []
