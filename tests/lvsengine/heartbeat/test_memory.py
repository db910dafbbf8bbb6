from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from lvsengine.heartbeat.memory import CUT, MemoryNetwork, Weather
from lvsengine.heartbeat.words import Link
from tests.journeys.virtual_time import run_virtually
from tests.lvsengine.heartbeat.transport_contract import Joined, TransportContract, opened


class TestMemoryTransport(TransportContract):
    @pytest.fixture
    def joined(self) -> Joined:
        network = MemoryNetwork()
        return network.join("primary"), network.join("backup")


def sent(weather: Weather, number: int = 1000, seed: int = 1) -> list[int]:
    """What arrives of so many datagrams, in the order in which it does."""

    async def send() -> list[int]:
        network = MemoryNetwork(seed)
        network.change(weather, Link.PUBLIC, to="backup")
        one, other = network.join("primary"), network.join("backup")
        with opened(one, other) as (_, at_other):
            for n in range(number):
                one.send(Link.PUBLIC, n.to_bytes(2, "big"))
                await asyncio.sleep(0.01)
            await asyncio.sleep(10)
        return [int.from_bytes(data, "big") for data, _, _ in at_other]

    return run_virtually(send())


def test_fair_weather_keeps_everything_and_its_order() -> None:
    assert sent(Weather()) == list(range(1000))


def test_loss_delay_doubling_and_overtaking_are_as_the_weather_says() -> None:
    assert 250 < len(sent(Weather(loss=0.7))) < 350
    doubled = Counter(sent(Weather(doubled=0.5)).__iter__()).values()
    assert 400 < list(doubled).count(2) < 600
    overtaking = sent(Weather(jitter_s=0.1))
    assert overtaking != sorted(overtaking)
    assert sorted(overtaking) == list(range(1000))


def test_the_same_seed_gives_the_same_weather() -> None:
    storm = Weather(loss=0.5, jitter_s=0.1, doubled=0.5)
    assert sent(storm) == sent(storm)
    assert sent(storm) != sent(storm, seed=2)


def test_a_link_can_be_cut_in_one_direction() -> None:
    assert sent(CUT) == []

    async def back() -> int:
        network = MemoryNetwork()
        network.change(CUT, to="backup")
        one, other = network.join("primary"), network.join("backup")
        with opened(one, other) as (at_one, at_other):
            for link in Link:
                one.send(link, b"x")
                other.send(link, b"x")
            await asyncio.sleep(1)
            assert at_other == []
            return len(at_one)

    assert run_virtually(back()) == 2


def test_a_restarted_director_takes_the_place_of_the_former() -> None:
    async def restart() -> None:
        network = MemoryNetwork()
        former, one, peer = network.join("backup"), network.join("backup"), network.join("primary")
        heard: list[str] = []
        former.open(lambda *_: heard.append("former"))
        one.open(lambda *_: heard.append("new"))
        former.close()
        peer.open(lambda *_: None)
        peer.send(Link.PUBLIC, b"x")
        await asyncio.sleep(1)
        assert heard == ["new"]

    run_virtually(restart())
