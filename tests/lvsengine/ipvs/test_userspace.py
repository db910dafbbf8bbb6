from __future__ import annotations

import asyncio
import errno
import gc
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.diff import Change, Verb, diff
from lvsengine.ipvs.plane import Failure, Plane
from lvsengine.ipvs.table import EMPTY, AddressKey, Destination, DestinationKey, Service, Table
from lvsengine.ipvs.userspace import UserspacePlane
from lvsengine.net import Forwarding, Protocol
from tests.lvsengine.ipvs.wires import Bench, a_service, add, heard, remove, set_weight

RR = Service("rr")
NAT = Destination(1, Forwarding.NAT)
ONE = ip_address("10.0.0.1")
TWO = ip_address("10.0.0.2")


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


async def test_it_is_a_plane_of_its_own_name(plane: UserspacePlane) -> None:
    promised: Plane = plane
    assert promised.name == "userspace"


async def test_what_was_applied_is_read_back_in_its_order(plane: UserspacePlane) -> None:
    wanted = a_table(a_service(), a_service(Protocol.UDP), a_service(host="::1"))
    wanted = replace(
        wanted,
        destinations={
            key: value
            for key, value in wanted.destinations.items()
            if key.address.version == key.service.family
        },
    )
    assert await plane.apply(diff(EMPTY, wanted)) == []

    table = await plane.read()
    assert list(table.services.items()) == list(wanted.services.items())
    assert list(table.destinations.items()) == list(wanted.destinations.items())


async def test_only_the_services_that_are_asked_for_are_read(plane: UserspacePlane) -> None:
    one, two, absent = a_service(), a_service(), a_service(Protocol.UDP)
    await plane.apply(diff(EMPTY, a_table(one, two)))
    assert await plane.read(only=[two, absent]) == a_table(two)


async def test_values_are_set_and_entries_removed(plane: UserspacePlane) -> None:
    key = a_service()
    one, two = DestinationKey(key, ONE, 80), DestinationKey(key, TWO, 80)
    await plane.apply(diff(EMPTY, a_table(key)))
    await plane.apply([set_weight(one, 7), Change(Verb.SET, key, Service("lc")), remove(two)])
    assert await plane.read() == Table({key: Service("lc")}, {one: replace(NAT, weight=7)})

    await plane.apply([remove(key)])
    assert await plane.read() == EMPTY


async def test_what_fails_is_reported_and_the_rest_is_made(plane: UserspacePlane) -> None:
    key = a_service()
    missing = remove(DestinationKey(key, ONE, 80))
    failures = await plane.apply(
        [Change(Verb.ADD, key, RR), missing, add(DestinationKey(key, TWO, 80))]
    )
    assert failures == [
        Failure(
            missing,
            errno.ENOENT,
            f"real server 10.0.0.1:80 of virtual server tcp 127.0.0.1:{key.port}: it is not there",
        )
    ]
    assert list((await plane.read()).destinations) == [DestinationKey(key, TWO, 80)]


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


async def test_every_entry_has_its_counters(plane: UserspacePlane) -> None:
    table = a_table(a_service(), a_service())
    await plane.apply(diff(EMPTY, table))
    usage = await plane.counters()
    assert usage.services.keys() == table.services.keys()
    assert usage.destinations.keys() == table.destinations.keys()


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
