from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.choosing import RoundRobin
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.limits import Limits
from lvsengine.ipvs.live import LiveService
from lvsengine.ipvs.plane import Counters, Timeouts
from lvsengine.ipvs.streams import CHUNK, StreamListener
from lvsengine.ipvs.table import AddressKey, DestinationKey, Service
from lvsengine.ipvs.userspace import UserspacePlane
from lvsengine.net import Protocol
from tests.lvsengine.ipvs.wires import (
    Bench,
    FakeClock,
    Wire,
    a_destination,
    a_service,
    add,
    remove,
    set_weight,
)

RR = Service("rr")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with Bench(UserspacePlane(connect_s=1.0)) as bench:
        yield bench


async def counted(bench: Bench, key: DestinationKey) -> Counters:
    return (await bench.plane.counters()).destinations[key]


async def open_connections(bench: Bench, key: DestinationKey) -> tuple[int, int]:
    counters = await counted(bench, key)
    return counters.active, counters.inactive


async def test_what_either_side_says_arrives_at_the_other(bench: Bench) -> None:
    key, _ = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)

    await client.send(b"hello")
    assert await server.receive() == b"hello"
    await server.send(b"good day")
    assert await client.receive() == b"good day"


async def test_connections_packets_and_bytes_are_counted(bench: Bench) -> None:
    key, (real,) = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)
    await client.send(b"hello")
    await server.receive()
    await server.send(b"good day")
    await client.receive()

    expected = Counters(1, 1, 1, 5, 8, active=1)
    assert await counted(bench, real) == expected
    assert (await bench.plane.counters()).services[key] == expected


async def test_a_client_that_has_said_all_still_gets_its_answer(bench: Bench) -> None:
    key, (real,) = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)

    await client.send(b"question")
    client.end()
    assert await server.rest() == b"question"
    assert await open_connections(bench, real) == (0, 1)
    await server.send(b"answer")
    server.close()
    assert await client.rest() == b"answer"
    assert await open_connections(bench, real) == (0, 0)


async def test_a_real_server_that_has_said_all_still_hears_the_client(bench: Bench) -> None:
    key, _ = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)

    server.end()
    assert await client.rest() == b""
    await client.send(b"upload")
    client.end()
    assert await server.rest() == b"upload"


async def test_a_reset_is_passed_on_both_ways(bench: Bench) -> None:
    key, (real,) = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)
    client.reset()
    assert await server.was_reset()

    client, server = await bench.pair(key, listener)
    server.reset()
    assert await client.was_reset()
    assert await open_connections(bench, real) == (0, 0)


async def test_a_client_that_resets_after_its_last_word_ends_the_real_servers_answer(
    bench: Bench,
) -> None:
    key, (real,) = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)
    client.end()
    assert await server.rest() == b""
    client.reset()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        await talk_on(server)
    assert await open_connections(bench, real) == (0, 0)


async def talk_on(wire: Wire) -> None:
    while True:
        await wire.send(b"are you there?")
        await asyncio.sleep(0)


async def test_ten_megabytes_each_way_arrives_whole_though_the_readers_are_slow(
    bench: Bench,
) -> None:
    key, _ = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)
    up, down = bytes(range(256)) * 40_000, bytes(reversed(range(256))) * 40_000

    async def say_all(wire: Wire, data: bytes) -> None:
        await wire.send(data)
        wire.end()

    async with asyncio.TaskGroup() as group:
        group.create_task(say_all(client, up))
        group.create_task(say_all(server, down))
        received_up = group.create_task(server.rest())
        received_down = group.create_task(client.rest())
    assert received_up.result() == up
    assert received_down.result() == down


async def test_a_sender_is_held_back_while_the_other_side_does_not_read(bench: Bench) -> None:
    key, (real,) = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.send(bytes(64 * 1024 * 1024))

    taken = (await counted(bench, real)).bytes_in
    received = 0
    while received + CHUNK < taken:
        received += len(await server.receive())
    # What the plane had taken and not yet passed on was at most one chunk.
    assert taken - received <= CHUNK


async def test_a_reset_while_data_waits_to_be_sent_ends_both(bench: Bench) -> None:
    key, (real,) = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.send(bytes(64 * 1024 * 1024))
    server.reset()
    assert await client.was_reset()
    assert await open_connections(bench, real) == (0, 0)


async def test_without_a_real_server_a_client_is_reset_and_counted(bench: Bench) -> None:
    key, _ = await bench.serve(RR)
    client = await bench.client(key)
    assert await client.was_reset()
    assert bench.plane.refused.no_real_server == 1


async def test_a_refused_connect_resets_the_client_and_is_counted(bench: Bench) -> None:
    key, (real,) = await bench.serve(RR, listener := bench.real_server())
    listener.close()
    client = await bench.client(key)
    assert await client.was_reset()
    assert bench.plane.refused.not_connected == 1
    assert await open_connections(bench, real) == (0, 0)
    assert (await counted(bench, real)).connections == 1


async def test_a_real_server_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    async with Bench(UserspacePlane(connect_s=0.05)) as bench:
        key, (real,) = await bench.serve(RR, listener := bench.real_server(backlog=0))
        await bench.client(a_key_of(listener))  # fills the backlog: further SYNs are dropped
        client = await bench.client(key)
        assert await client.was_reset()
        assert bench.plane.refused.not_connected == 1
        assert await open_connections(bench, real) == (0, 0)


def a_key_of(listener: socket.socket) -> AddressKey:
    host, port = listener.getsockname()[:2]
    return AddressKey(Protocol.TCP, ip_address(host), port)


async def test_an_unreachable_real_server_resets_the_client(bench: Bench) -> None:
    key, _ = await bench.serve(RR)
    # The kernel refuses a broadcast address before any packet is sent.
    await bench.make(add(DestinationKey(key, ip_address("127.255.255.255"), 80)))
    assert await (await bench.client(key)).was_reset()
    assert bench.plane.refused.not_connected == 1


async def test_weight_0_keeps_what_is_open_and_takes_nothing_new(bench: Bench) -> None:
    one, two = bench.real_server(), bench.real_server()
    key, (first, second) = await bench.serve(RR, one, two)
    await bench.make(set_weight(second, 0))
    client, server = await bench.pair(key, one)

    await bench.make(set_weight(first, 0), set_weight(second, 1))
    await client.send(b"still here")
    assert await server.receive() == b"still here"
    await bench.pair(key, two)


async def test_a_removed_real_servers_connections_are_cut_and_others_stay(bench: Bench) -> None:
    one, two = bench.real_server(), bench.real_server()
    key, (first, _) = await bench.serve(RR, one, two)
    client_two, server_two = await bench.pair(key, two)  # the last added comes first
    client_one, server_one = await bench.pair(key, one)

    await bench.make(remove(first))
    assert await client_one.was_reset()
    assert await server_one.was_reset()
    await client_two.send(b"on we go")
    assert await server_two.receive() == b"on we go"


async def test_a_removed_service_closes_its_door_and_cuts_its_connections(bench: Bench) -> None:
    key, _ = await bench.serve(RR, listener := bench.real_server())
    client, server = await bench.pair(key, listener)

    await bench.make(remove(key))
    assert await client.was_reset()
    assert await server.was_reset()
    with pytest.raises(ConnectionRefusedError):
        await bench.client(key)


async def test_a_connection_that_is_still_being_made_is_cut_with_its_real_server() -> None:
    async with Bench(UserspacePlane(connect_s=60.0)) as bench:
        key, (real,) = await bench.serve(RR, listener := bench.real_server(backlog=0))
        await bench.client(a_key_of(listener))
        client = await bench.client(key)
        async with asyncio.timeout(5):
            while await open_connections(bench, real) != (1, 0):
                await asyncio.sleep(0)
        await bench.make(remove(real))
        assert await client.was_reset()


async def test_connections_go_round_as_the_scheduler_says(bench: Bench) -> None:
    one, two = bench.real_server(), bench.real_server()
    key, _ = await bench.serve(RR, one, two)
    for listener in (two, one, two, one):
        await bench.pair(key, listener)


async def test_another_scheduler_is_for_new_connections(bench: Bench) -> None:
    one, two = bench.real_server(), bench.real_server()
    key, (_, second) = await bench.serve(RR, one, two)
    client, server = await bench.pair(key, two)

    await bench.make(Change(Verb.SET, key, Service("lc")))
    await bench.pair(key, one)
    await client.send(b"same place")
    assert await server.receive() == b"same place"
    assert await open_connections(bench, second) == (1, 0)


async def test_a_persistent_client_stays_though_others_are_due() -> None:
    clock = FakeClock()
    async with Bench(UserspacePlane(clock=clock)) as bench:
        one, two = bench.real_server(), bench.real_server()
        key, (_, second) = await bench.serve(Service("rr", persistence_s=60), one, two)
        client, server = await bench.pair(key, two)
        await bench.pair(key, two)
        assert (await counted(bench, second)).persistent == 1

        clock.now_s += 3600  # open connections keep the bond
        third, at_two = await bench.pair(key, two)
        for wire in (client, server, third, at_two):
            wire.close()


async def test_beyond_the_bound_clients_wait_until_one_has_gone() -> None:
    async with Bench(UserspacePlane(most=1)) as bench:
        key, (real,) = await bench.serve(RR, listener := bench.real_server())
        client, server = await bench.pair(key, listener)
        waiting = await bench.client(key)
        await waiting.send(b"my turn yet?")
        # A turn of the loop in which the plane could have taken it.
        await client.send(b"x")
        await server.receive()
        assert (await counted(bench, real)).connections == 1

        client.reset()
        assert await (await bench.accept(listener)).receive() == b"my turn yet?"


async def test_a_service_may_be_removed_while_its_clients_wait() -> None:
    async with Bench(UserspacePlane(most=1)) as bench:
        key, _ = await bench.serve(RR, listener := bench.real_server())
        await bench.pair(key, listener)
        waiting = await bench.client(key)
        other, _ = await bench.serve(RR)
        await bench.make(remove(key))
        assert await waiting.was_reset()
        assert await (await bench.client(other)).was_reset()  # there is room again


async def test_an_idle_connection_is_cut_after_its_timeout() -> None:
    clock = FakeClock()
    async with Bench(UserspacePlane(clock=clock)) as bench:
        await bench.plane.set_timeouts(Timeouts(tcp_s=100, tcpfin_s=10))
        key, _ = await bench.serve(RR, listener := bench.real_server())
        idle, _ = await bench.pair(key, listener)
        busy, server = await bench.pair(key, listener)
        half, half_server = await bench.pair(key, listener)
        half.end()
        assert await half_server.rest() == b""

        bench.plane.tick()
        clock.now_s += 50
        await busy.send(b"alive")
        await server.receive()
        bench.plane.tick()
        assert await half.was_reset()
        clock.now_s += 50
        bench.plane.tick()
        assert await idle.was_reset()
        await busy.send(b"alive")
        assert await server.receive() == b"alive"


async def test_ipv6_is_forwarded_to_ipv6(bench: Bench) -> None:
    listener = bench.real_server("::1")
    key = a_service(host="::1")
    await bench.make(Change(Verb.ADD, key, RR), add(a_destination(key, listener)))
    client, server = await bench.pair(key, listener)
    await client.send(b"six")
    assert await server.receive() == b"six"


async def test_port_0_of_a_real_server_is_the_port_that_the_client_asked_for(bench: Bench) -> None:
    listener = socket.create_server(("127.0.0.2", 0))
    listener.settimeout(0)
    with listener:
        key = AddressKey(Protocol.TCP, ip_address("127.0.0.1"), listener.getsockname()[1])
        real = DestinationKey(key, ip_address("127.0.0.2"), 0)
        await bench.make(Change(Verb.ADD, key, RR), add(real))
        await bench.pair(key, listener)


class Exhausted(socket.socket):
    """A door behind which the machine has run out of something, once."""

    left = 1

    def accept(self) -> tuple[socket.socket, object]:
        if Exhausted.left:
            Exhausted.left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_when_the_machine_has_no_more_files_a_client_waits_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    key = a_service()
    door = Exhausted()
    door.settimeout(0)
    door.bind((str(key.address), key.port))
    door.listen()
    live = LiveService(RR, RoundRobin)
    listener = StreamListener(loop, key, live, door, Limits(loop.time), pause_s=0.01)
    with socket.create_connection((str(key.address), key.port)) as client:
        client.settimeout(0)
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionResetError):
                await loop.sock_recv(client, 1)
    listener.close()
    assert "Too many open files" in caplog.text
