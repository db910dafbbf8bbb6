from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.plane import Counters, Timeouts
from lvsengine.ipvs.table import AddressKey, DestinationKey, Service
from lvsengine.ipvs.userspace import UserspacePlane
from lvsengine.net import Protocol
from tests.lvsengine.ipvs.wires import Bench, FakeClock, add, heard, remove, set_weight

RR = Service("rr")
UDP = Protocol.UDP


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with Bench(UserspacePlane()) as bench:
        yield bench


def say(end: socket.socket, key: AddressKey, data: bytes) -> None:
    end.sendto(data, (str(key.address), key.port))


async def counted(bench: Bench, key: DestinationKey) -> Counters:
    return (await bench.plane.counters()).destinations[key]


async def settled(bench: Bench, key: DestinationKey, connections: int) -> Counters:
    """Wait until so many connections were counted."""
    async with asyncio.timeout(5):
        while (counters := await counted(bench, key)).connections < connections:
            await asyncio.sleep(0)
    return counters


async def test_a_question_and_its_answer_go_through_and_are_counted(bench: Bench) -> None:
    key, (real,) = await bench.serve(RR, server := bench.datagram_end(), protocol=UDP)
    client = bench.datagram_end()

    say(client, key, b"name?")
    question, asker = await heard(server)
    server.sendto(b"192.0.2.9", asker)
    answer, answerer = await heard(client)

    assert (question, answer) == (b"name?", b"192.0.2.9")
    assert answerer == (str(key.address), key.port)
    assert await counted(bench, real) == Counters(1, 1, 1, 5, 9, inactive=1)


async def test_an_empty_datagram_is_a_datagram(bench: Bench) -> None:
    key, _ = await bench.serve(RR, server := bench.datagram_end(), protocol=UDP)
    say(bench.datagram_end(), key, b"")
    assert (await heard(server))[0] == b""


async def test_a_client_keeps_its_real_server_and_another_gets_the_next(bench: Bench) -> None:
    one, two = bench.datagram_end(), bench.datagram_end()
    key, _ = await bench.serve(RR, one, two, protocol=UDP)
    first, second = bench.datagram_end(), bench.datagram_end()
    for _ in range(2):
        say(first, key, b"first")
        assert (await heard(two))[0] == b"first"
    say(second, key, b"second")
    assert (await heard(one))[0] == b"second"


async def test_with_one_packet_scheduling_each_datagram_goes_to_the_next(bench: Bench) -> None:
    one, two = bench.datagram_end(), bench.datagram_end()
    key, (real, _) = await bench.serve(Service("rr", one_packet=True), one, two, protocol=UDP)
    client = bench.datagram_end()
    askers = set()
    for end in (two, one, two, one):
        say(client, key, b"?")
        askers.add((await heard(end))[1])
    assert (await counted(bench, real)).connections == 2
    assert len(askers) == 2  # one socket towards each real server, used again


async def test_weight_0_keeps_the_clients_it_has(bench: Bench) -> None:
    one, two = bench.datagram_end(), bench.datagram_end()
    key, (_, second) = await bench.serve(RR, one, two, protocol=UDP)
    old, new = bench.datagram_end(), bench.datagram_end()
    say(old, key, b"before")
    await heard(two)
    await bench.make(set_weight(second, 0))

    say(old, key, b"after")
    assert (await heard(two))[0] == b"after"
    say(new, key, b"new")
    assert (await heard(one))[0] == b"new"


async def test_a_removed_real_servers_clients_get_another(bench: Bench) -> None:
    one, two = bench.datagram_end(), bench.datagram_end()
    key, (_, second) = await bench.serve(RR, one, two, protocol=UDP)
    client = bench.datagram_end()
    say(client, key, b"before")
    await heard(two)
    await bench.make(remove(second))
    say(client, key, b"after")
    assert (await heard(one))[0] == b"after"


async def test_a_removed_service_is_heard_no_more(bench: Bench) -> None:
    key, _ = await bench.serve(RR, server := bench.datagram_end(), protocol=UDP)
    client = bench.datagram_end()
    say(client, key, b"before")
    await heard(server)
    await bench.make(remove(key))
    client.connect((str(key.address), key.port))
    client.send(b"after")
    with pytest.raises(ConnectionRefusedError):
        await heard(client)


async def test_a_silent_client_is_forgotten_after_the_udp_timeout() -> None:
    clock = FakeClock()
    async with Bench(UserspacePlane(clock=clock)) as bench:
        await bench.plane.set_timeouts(Timeouts(udp_s=100))
        one, two = bench.datagram_end(), bench.datagram_end()
        key, (_, second) = await bench.serve(RR, one, two, protocol=UDP)
        client = bench.datagram_end()
        say(client, key, b"1")
        await heard(two)
        bench.plane.tick()
        clock.now_s += 99
        bench.plane.tick()
        assert (await counted(bench, second)).inactive == 1
        clock.now_s += 1
        bench.plane.tick()
        assert (await counted(bench, second)).inactive == 0
        say(client, key, b"2")
        assert (await heard(one))[0] == b"2"


async def test_without_a_real_server_a_datagram_is_dropped_and_counted(bench: Bench) -> None:
    key, _ = await bench.serve(RR, protocol=UDP)
    say(bench.datagram_end(), key, b"anybody?")
    async with asyncio.timeout(5):
        while bench.plane.refused.no_real_server != 1:
            await asyncio.sleep(0)


async def test_beyond_the_bound_new_clients_are_dropped_and_counted() -> None:
    async with Bench(UserspacePlane(most=1)) as bench:
        key, (real,) = await bench.serve(RR, server := bench.datagram_end(), protocol=UDP)
        known, new = bench.datagram_end(), bench.datagram_end()
        say(known, key, b"known")
        await heard(server)
        say(new, key, b"new")
        assert (await settled(bench, real, 2)).inactive == 1
        assert bench.plane.refused.no_room == 1
        say(known, key, b"still known")
        assert (await heard(server))[0] == b"still known"


async def test_a_real_server_that_comes_back_hears_the_next_datagram(bench: Bench) -> None:
    server = bench.datagram_end()
    key, (real,) = await bench.serve(RR, server, protocol=UDP)
    client, address = bench.datagram_end(), server.getsockname()
    server.close()
    say(client, key, b"lost")  # the system answers: port unreachable
    await settled(bench, real, 1)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
        back.settimeout(0)
        back.bind(address)
        say(client, key, b"found")
        assert (await heard(back))[0] == b"found"


async def test_a_real_server_without_a_way_there_is_counted(bench: Bench) -> None:
    key, _ = await bench.serve(RR, protocol=UDP)
    # The kernel refuses to connect to a broadcast address.
    await bench.make(add(DestinationKey(key, ip_address("127.255.255.255"), 53)))
    say(bench.datagram_end(), key, b"?")
    async with asyncio.timeout(5):
        while bench.plane.refused.not_connected != 1:
            await asyncio.sleep(0)


async def test_an_answer_to_a_client_that_has_gone_is_lost_and_no_more(bench: Bench) -> None:
    key, (real,) = await bench.serve(RR, server := bench.datagram_end(), protocol=UDP)
    client = bench.datagram_end()
    say(client, key, b"?")
    _, asker = await heard(server)
    client.close()
    for _ in range(3):  # the second finds the answer to the first: port unreachable
        server.sendto(b"!", asker)
    async with asyncio.timeout(5):
        while (await counted(bench, real)).packets_out < 3:
            await asyncio.sleep(0)
