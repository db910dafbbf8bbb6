from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

from lvsengine.errors import EngineError
from lvsengine.heartbeat.udp import AT_ONCE, Ends, UdpTransport
from lvsengine.heartbeat.words import Link
from tests.lvsengine.heartbeat.transport_contract import (
    Joined,
    TransportContract,
    opened,
    until,
)

A, B, C, D, NOT_HERE = map(
    ip_address, ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "192.0.2.1")
)


def a_free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((str(A), 0))
        return int(free.getsockname()[1])


def two() -> tuple[UdpTransport, UdpTransport, int]:
    port = a_free_port()
    one = UdpTransport({Link.PUBLIC: Ends(A, B), Link.PRIVATE: Ends(C, D)}, port)
    other = UdpTransport({Link.PUBLIC: Ends(B, A), Link.PRIVATE: Ends(D, C)}, port)
    return one, other, port


class TestUdpTransport(TransportContract):
    @pytest.fixture
    def joined(self) -> Joined:
        one, other, _ = two()
        return one, other


async def test_it_speaks_from_the_heartbeat_port_to_the_heartbeat_port() -> None:
    one, other, port = two()
    with (
        opened(one, other) as (_, at_other),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stand_in,
    ):
        other.close()
        stand_in.bind((str(B), port))
        one.send(Link.PUBLIC, b"beat")
        stand_in.settimeout(5)
        data, source = await asyncio.to_thread(stand_in.recvfrom, 10)
        assert (data, source) == (b"beat", (str(A), port))
        assert at_other == []


async def test_an_original_may_answer_from_any_port() -> None:
    one, other, port = two()
    with (
        opened(one, other) as (at_one, _),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stand_in,
    ):
        stand_in.bind((str(B), 0))
        stand_in.sendto(b"beat", (str(A), port))
        await until(lambda: at_one == [(b"beat", B, Link.PUBLIC)])


async def test_a_flood_takes_only_its_share_of_each_turn_of_the_loop() -> None:
    one, other, _ = two()
    with opened(one, other) as (_, at_other):
        for _ in range(3 * AT_ONCE):
            one.send(Link.PUBLIC, b"x")
        shares = []
        while len(at_other) < 3 * AT_ONCE:
            before = len(at_other)
            await asyncio.sleep(0)
            shares.append(len(at_other) - before)
        assert max(shares) == AT_ONCE


@pytest.mark.parametrize("own", [NOT_HERE, ip_address("2001:db8::1")])
async def test_an_address_that_is_not_here_is_named(own: object) -> None:
    address = ip_address(str(own))
    transport = UdpTransport({Link.PRIVATE: Ends(A, B), Link.PUBLIC: Ends(address, B)}, 15390)
    with pytest.raises(
        EngineError, match=f"failed to bind to heartbeat address .*{own}"
    ) as caught:
        transport.open(lambda *_: None)
    assert caught.value.code == "no-heartbeat-socket"
    assert transport.send(Link.PRIVATE, b"x") == "there is no such link", "all or none"


async def test_a_heartbeat_that_cannot_go_out_says_why() -> None:
    port = a_free_port()
    transport = UdpTransport({Link.PUBLIC: Ends(A, NOT_HERE)}, port)
    transport.open(lambda *_: None)
    assert transport.send(Link.PUBLIC, b"x") != ""
    transport.close()


async def test_ipv6_works_the_same() -> None:
    loopback, port = ip_address("::1"), a_free_port()
    transport = UdpTransport({Link.PUBLIC: Ends(loopback, loopback)}, port)
    arrived: list[object] = []
    transport.open(lambda data, source, _: arrived.append((data, source)))
    transport.send(Link.PUBLIC, b"x")
    await until(lambda: arrived == [(b"x", loopback)])
    transport.close()


def test_it_can_be_closed_where_no_loop_runs() -> None:
    transport, _, _ = two()

    async def leave_open() -> None:
        transport.open(lambda *_: None)

    asyncio.run(leave_open())
    transport.close()
