"""What every `Transport` promises, shown of two that are joined."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lvsengine.heartbeat.transport import Transport
from lvsengine.heartbeat.words import Link
from lvsengine.net import Address

Arrived = list[tuple[bytes, Address, Link]]
Joined = tuple[Transport, Transport]


@contextmanager
def opened(one: Transport, other: Transport) -> Iterator[tuple[Arrived, Arrived]]:
    at_one: Arrived = []
    at_other: Arrived = []
    one.open(lambda *arrived: at_one.append(arrived))
    other.open(lambda *arrived: at_other.append(arrived))
    try:
        yield at_one, at_other
    finally:
        one.close()
        other.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


class TransportContract:
    @pytest.fixture
    def joined(self) -> Joined:
        raise NotImplementedError

    async def test_a_datagram_arrives_with_its_link_and_the_peers_address(
        self, joined: Joined
    ) -> None:
        one, other = joined
        with opened(one, other) as (at_one, at_other):
            for link in Link:
                assert one.send(link, link.value.encode()) == ""
                assert other.send(link, b"x" * 512) == ""
            await until(lambda: len(at_one) == len(at_other) == 2)
        assert {(data, link) for data, _, link in at_other} == {
            (link.value.encode(), link) for link in Link
        }
        assert {source for _, source, _ in at_other} == other.sources
        assert {data for data, _, _ in at_one} == {b"x" * 512}

    async def test_what_is_not_open_sends_nothing_and_says_so(self, joined: Joined) -> None:
        one, _ = joined
        assert one.send(Link.PUBLIC, b"early") == "there is no such link"

    async def test_what_is_closed_receives_nothing_and_may_be_closed_again(
        self, joined: Joined
    ) -> None:
        one, other = joined
        with opened(one, other) as (_, at_other):
            other.close()
            one.send(Link.PUBLIC, b"late")
            await asyncio.sleep(0.01)
            assert at_other == []
