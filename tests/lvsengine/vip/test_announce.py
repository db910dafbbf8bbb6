from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

import pytest

from lvsengine.vip.announce import announce
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.frames import gratuitous_arp, neighbour_advertisement

MACS = {"lo": None, "eth0": b"\x02\x00\x00\x00\x00\x01", "eth1": b"\x02\x00\x00\x00\x00\x02"}
WEB = HeldAddress(IPv4Address("192.168.26.10"), 24, "eth0", "eth0:1")
SIX = HeldAddress(IPv6Address("2001:db8::10"), 64, "eth0")
ROUTER = HeldAddress(IPv4Address("10.11.12.10"), 24, "eth1", "eth1:1")


@dataclass
class Ether:
    """What happened on all interfaces, in order; `errors` are raised by name, then spent."""

    events: list[object] = field(default_factory=list)
    errors: dict[str, list[int]] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)

    def open(self, interface: str) -> FakeWire:
        assert interface not in self.opened, "one socket per interface at most"
        if interface not in MACS:
            raise OSError(errno.ENODEV, "no such device")
        self.opened.add(interface)
        return FakeWire(self, interface, MACS[interface])

    async def sleep(self, seconds: float) -> None:
        self.events.append(seconds)

    @property
    def frames(self) -> list[object]:
        return [event for event in self.events if not isinstance(event, float)]


@dataclass
class FakeWire:
    ether: Ether
    interface: str
    mac: bytes | None

    def send(self, frame: bytes) -> None:
        assert self.interface in self.ether.opened
        errors = self.ether.errors.get(self.interface)
        if errors:
            raise OSError(errors.pop(0), "refused")
        self.ether.events.append((self.interface, frame))

    def close(self) -> None:
        self.ether.opened.remove(self.interface)


async def told(ether: Ether, *addresses: HeldAddress, times: int = 5) -> list[str]:
    return await announce(
        addresses, times=times, pause_s=1.0, open_wire=ether.open, sleep=ether.sleep
    )


def arp(held: HeldAddress) -> tuple[str, bytes]:
    assert isinstance(held.address, IPv4Address)
    return held.interface, gratuitous_arp(MACS[held.interface] or b"", held.address)


async def test_five_times_a_second_apart_and_no_wait_at_the_end() -> None:
    ether = Ether()
    assert await told(ether, WEB) == []
    assert ether.events == [arp(WEB), *[1.0, arp(WEB)] * 4]


async def test_a_round_announces_all_addresses_before_the_pause() -> None:
    ether = Ether()
    assert await told(ether, WEB, ROUTER, times=2) == []
    assert ether.events == [arp(WEB), arp(ROUTER), 1.0, arp(WEB), arp(ROUTER)]


async def test_ipv6_is_announced_by_an_advertisement() -> None:
    ether = Ether()
    await told(ether, SIX, times=1)
    assert ether.events == [
        ("eth0", neighbour_advertisement(MACS["eth0"] or b"", IPv6Address("2001:db8::10")))
    ]


async def test_an_interface_without_neighbours_is_passed_over_in_silence() -> None:
    ether = Ether()
    loopback = HeldAddress(IPv4Address("127.0.0.9"), 8, "lo", "lo:1")
    assert await told(ether, loopback) == []
    assert ether.frames == []


async def test_a_missing_interface_is_a_sentence_and_the_others_are_announced() -> None:
    ether = Ether()
    lost = HeldAddress(IPv4Address("192.168.26.11"), 24, "eth7", "eth7:1")
    [sentence] = await told(ether, lost, WEB)
    assert sentence.startswith(
        "cannot announce 192.168.26.11/24 on eth7:1: this machine has no interface eth7; it has "
    )
    assert ether.frames == [arp(WEB)] * 5


async def test_an_interface_that_comes_up_in_time_is_no_failure() -> None:
    ether = Ether(errors={"eth0": [errno.ENETDOWN] * 3})
    assert await told(ether, WEB, SIX) == []
    assert len(ether.frames) == 4


async def test_an_interface_that_stays_down_fails_each_of_its_addresses() -> None:
    ether = Ether(errors={"eth0": [errno.ENETDOWN] * 5})
    assert await told(ether, WEB, SIX) == [
        "cannot announce 192.168.26.10/24 on eth0:1: "
        "interface eth0 is down. Bring it up: ip link set eth0 up",
        "cannot announce 2001:db8::10/64 on eth0: "
        "interface eth0 is down. Bring it up: ip link set eth0 up",
    ]


async def test_no_socket_stays_open() -> None:
    ether = Ether()
    await told(ether, WEB, ROUTER)
    assert ether.opened == set()


async def test_cancelling_stops_at_once_and_closes_the_sockets() -> None:
    ether = Ether()
    pausing = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pausing.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(announce([WEB], open_wire=ether.open, sleep=sleep))
        await pausing.wait()
        task.cancel()
    assert task.cancelled()
    assert ether.frames == [arp(WEB)]
    assert ether.opened == set()


async def test_nothing_to_announce_opens_nothing() -> None:
    ether = Ether()
    assert await told(ether) == []
    assert ether.frames == []


@pytest.mark.parametrize("times", [0, 1])
async def test_it_pauses_only_between_rounds(times: int) -> None:
    ether = Ether()
    await told(ether, WEB, times=times)
    assert ether.events == [arp(WEB)] * times
