"""Virtual IPs in a real kernel: what is set, what is never touched, what neighbours learn."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any

import pytest

from lvsengine.cli import send_arp
from lvsengine.net import Address
from lvsengine.vip.addresses import AddressPlane
from lvsengine.vip.announce import announce
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import Holding, diff, holdings
from lvsengine.vip.frames import gratuitous_reply
from lvsengine.vip.kernel import AT_ONCE, KernelAddresses
from lvsengine.vip.netlink import NetlinkAddresses
from lvsengine.vip.wire import PacketWire, why
from tests.kernel.lab.namespaces import PROC_SYS, in_namespace, ip_batch, run, sysctl
from tests.kernel.lab.network import VIRTUAL_IP, VIRTUAL_IP6, Network
from tests.lvsengine.vip.addresses_contract import (
    LOOPBACK,
    SIX,
    TLS,
    WEB,
    AddressesContract,
    Scenario,
    add,
    on_eth,
    remove,
)

PROMOTE = "net/ipv4/conf/eth0/promote_secondaries"


@pytest.fixture
def machine(namespace: str) -> str:
    """A machine with `lo`, `eth0` and `eth1`, which hear each other."""
    ip_batch(
        namespace,
        "link add eth0 type veth peer name eth1",
        "link set eth0 up",
        "link set eth1 up",
    )
    sysctl(namespace, "net/ipv4/conf/all/promote_secondaries", 0)
    sysctl(namespace, PROMOTE, 0)
    return namespace


def play_in(namespace: str, scenario: Scenario, plane: AddressPlane | None = None) -> None:
    async def with_plane() -> None:
        used = plane or KernelAddresses()
        await scenario(used)
        await used.close()

    with in_namespace(namespace):
        asyncio.run(with_plane())


class TestKernel(AddressesContract):
    @pytest.fixture(autouse=True)
    def _on(self, machine: str) -> None:
        self.machine = machine

    def play(self, scenario: Scenario) -> None:
        play_in(self.machine, scenario, KernelAddresses())


class TestPyroute2(AddressesContract):
    @pytest.fixture(autouse=True)
    def _on(self, machine: str) -> None:
        self.machine = machine

    def play(self, scenario: Scenario) -> None:
        play_in(self.machine, scenario, NetlinkAddresses())


def test_what_one_plane_sets_the_other_reads_alike_and_removes(machine: str) -> None:
    async def scenario(ours: AddressPlane) -> None:
        pyroute2 = NetlinkAddresses()
        held = [WEB, TLS, SIX, replace(LOOPBACK, label="")]
        for setting, removing in ((ours, pyroute2), (pyroute2, ours)):
            await applied(setting, add(*held))
            assert await ours.read() == await pyroute2.read()
            await applied(removing, remove(TLS, WEB, *held[2:]))
            assert await on_eth(ours) == []
        await pyroute2.close()

    play_in(machine, scenario)


def test_more_addresses_than_one_message_holds_come_and_go_with_nothing_beside(
    machine: str,
) -> None:
    ip_batch(machine, "addr add 192.168.26.9/24 dev eth0")
    many = [
        replace(WEB, address=WEB.address + number, label=f"eth0:{number}")
        for number in range(AT_ONCE + 20)
    ]

    async def scenario(plane: AddressPlane) -> None:
        await applied(plane, add(*many))
        entries = await on_eth(plane)
        assert {entry.held for entry in entries} > set(many)
        await applied(plane, remove(*many))
        assert [str(entry.address) for entry in await on_eth(plane)] == ["192.168.26.9"]

    play_in(machine, scenario)


def shown(namespace: str, device: str = "eth0") -> dict[str, dict[str, Any]]:
    """What ip(8) shows of a device, by address."""
    [link] = json.loads(run(namespace, "ip", "-j", "addr", "show", "dev", device))
    return {info["local"]: info for info in link["addr_info"]}


def test_ip_shows_an_address_as_ifconfig_had_set_it(machine: str) -> None:
    play_in(machine, lambda plane: applied(plane, add(WEB)))
    info = shown(machine)["192.168.26.10"]
    wanted = {"prefixlen": 24, "broadcast": "192.168.26.255", "scope": "global", "label": "eth0:1"}
    assert {key: info[key] for key in wanted} == wanted
    assert "192.168.26.0/24 proto kernel" in run(machine, "ip", "route", "show", "dev", "eth0")


def test_beside_an_address_of_its_network_ours_brings_no_second_route(machine: str) -> None:
    ip_batch(machine, "addr add 192.168.26.9/24 dev eth0")
    before = run(machine, "ip", "route")
    play_in(machine, lambda plane: applied(plane, add(WEB)))
    assert run(machine, "ip", "route") == before


def test_an_ipv6_address_serves_at_once_but_is_no_source(machine: str) -> None:
    ip_batch(machine, "addr add 2001:db8::99/64 dev eth0 nodad", "link set lo up")
    play_in(machine, lambda plane: applied(plane, add(SIX)))
    info = shown(machine)["2001:db8::10"]
    assert info["nodad"]
    assert info["deprecated"]
    assert not info.get("tentative")
    assert source_towards(machine, "2001:db8::1234") == "2001:db8::99"


def source_towards(namespace: str, destination: str) -> str:
    with in_namespace(namespace), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probing:
        probing.connect((destination, 9))
        address: str = probing.getsockname()[0]
        return address


def test_where_ipv6_is_switched_off_the_refusal_says_so(machine: str) -> None:
    sysctl(machine, "net/ipv6/conf/eth0/disable_ipv6", 1)

    async def scenario(plane: AddressPlane) -> None:
        [failure] = await plane.apply(add(SIX))
        assert failure.errno == errno.EACCES
        assert failure.sentence.endswith("Set net.ipv6.conf.eth0.disable_ipv6 to 0")

    play_in(machine, scenario)


def test_without_root_a_change_is_refused_with_a_sentence(machine: str) -> None:
    async def scenario(plane: AddressPlane) -> None:
        with unprivileged():
            [failure] = await plane.apply(add(WEB))
        assert failure.errno == errno.EPERM
        assert failure.sentence.endswith("Run pulse as root, or give it CAP_NET_ADMIN")

    play_in(machine, scenario)


@contextmanager
def unprivileged() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def applied(plane: AddressPlane, changes: list[Any]) -> None:
    assert await plane.apply(changes) == []


async def made_equal(
    plane: AddressPlane, desired: list[HeldAddress], ours: frozenset[Address]
) -> frozenset[Address]:
    """One turn of the engine; answers the addresses that are ours afterwards."""
    present = await plane.read()
    holding = holdings(present, desired, ours)
    claimed = frozenset(held.address for held in desired if holding[held] is not Holding.FOREIGN)
    assert await plane.apply(diff(present, desired, ours | claimed)) == []
    return claimed


def test_what_is_set_rests_is_replaced_and_goes_and_foreign_ones_stay(machine: str) -> None:
    ip_batch(machine, "addr add 192.168.26.9/24 dev eth0")

    async def scenario(plane: AddressPlane) -> None:
        before = {entry.held for entry in await plane.read()}
        loopback = replace(LOOPBACK, address=ip_address("127.0.0.1"))
        ours = await made_equal(plane, [WEB, SIX, loopback], frozenset())
        assert ours == {WEB.address, SIX.address}
        assert diff(await plane.read(), [WEB, SIX, loopback], ours) == []

        changed = [replace(WEB, label="eth0:5"), replace(SIX, prefix=128)]
        ours = await made_equal(plane, changed, ours)
        assert set(changed) <= {entry.held for entry in await plane.read()}
        assert diff(await plane.read(), changed, ours) == []

        await made_equal(plane, [], ours)
        assert {entry.held for entry in await plane.read()} == before

    play_in(machine, scenario)


def test_what_ip_left_under_our_alias_is_adopted_and_put_right(machine: str) -> None:
    ip_batch(machine, "addr add 192.168.26.10/32 dev eth0 label eth0:1")

    async def scenario(plane: AddressPlane) -> None:
        assert await made_equal(plane, [WEB], frozenset()) == {WEB.address}
        assert [entry.held for entry in await on_eth(plane)] == [WEB]

    play_in(machine, scenario)


def test_removing_ours_never_takes_a_foreign_address_of_its_network_along(machine: str) -> None:
    async def scenario(plane: AddressPlane) -> None:
        await applied(plane, add(WEB))
        ip_batch(machine, "addr add 192.168.26.99/24 dev eth0")
        await applied(plane, remove(WEB))
        assert [str(entry.address) for entry in await on_eth(plane)] == ["192.168.26.99"]

    play_in(machine, scenario)
    with in_namespace(machine):
        assert (PROC_SYS / PROMOTE).read_text().strip() == "0"


def test_where_secondaries_cannot_be_promoted_ours_stays_until_they_are_gone(machine: str) -> None:
    plane = KernelAddresses(promoting=lambda _: nullcontext(enter_result=False))

    async def scenario(plane: AddressPlane) -> None:
        await applied(plane, add(WEB, TLS))
        [failure] = await plane.apply(remove(WEB))
        assert failure.errno == errno.EBUSY
        assert "the kernel would drop 192.168.26.11 with it" in failure.sentence
        assert [entry.held for entry in await on_eth(plane)] == [WEB, TLS]
        await applied(plane, remove(TLS, WEB))
        assert await on_eth(plane) == []

    play_in(machine, scenario, plane)


@contextmanager
def listening(namespace: str, device: str, ethertype: int) -> Iterator[socket.socket]:
    with in_namespace(namespace):
        heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
    with heard:
        heard.bind((device, ethertype))
        heard.settimeout(5)
        yield heard


def hardware_address(namespace: str, device: str = "eth0") -> bytes:
    [link] = json.loads(run(namespace, "ip", "-j", "link", "show", "dev", device))
    return bytes.fromhex(link["address"].replace(":", ""))


def test_announcements_are_heard_as_often_as_said_and_lo_is_passed_over(machine: str) -> None:
    mac = hardware_address(machine).hex()
    with listening(machine, "eth1", 0x0806) as heard, in_namespace(machine):
        told = asyncio.run(announce([WEB, TLS, LOOPBACK], times=3, pause_s=0.02))
        frames = [heard.recv(2000) for _ in range(6)]
    assert told == []
    assert [frame[28:32] for frame in frames] == [WEB.address.packed, TLS.address.packed] * 3
    assert {frame[:14].hex() for frame in frames} == {"ffffffffffff" + mac + "0806"}


def test_an_interface_that_is_down_or_missing_cannot_announce(machine: str) -> None:
    ip_batch(machine, "link set eth1 down")
    down = replace(WEB, interface="eth1", label="eth1:1")
    missing = replace(WEB, interface="eth7", label="eth7:1")
    with in_namespace(machine):
        told = asyncio.run(announce([down, missing], times=2, pause_s=0.01))
    assert told == [
        "cannot announce 192.168.26.10/24 on eth1:1: "
        "interface eth1 is down. Bring it up: ip link set eth1 up",
        "cannot announce 192.168.26.10/24 on eth7:1: "
        "this machine has no interface eth7; it has eth0, eth1, lo",
    ]


def test_only_an_ethernet_card_has_a_hardware_address_to_announce(machine: str) -> None:
    with in_namespace(machine):
        wires = {name: PacketWire(name) for name in ("lo", "eth0")}
    for wire in wires.values():
        wire.close()
    assert wires["lo"].mac is None
    assert wires["eth0"].mac == hardware_address(machine)


def test_without_root_there_is_no_packet_socket(machine: str) -> None:
    with in_namespace(machine), unprivileged(), pytest.raises(PermissionError) as refused:
        PacketWire("eth0")
    assert why("eth0", refused.value) == "not permitted. Run it as root, or give it CAP_NET_RAW"


def test_send_arp_sends_one_frame_of_the_original_form(machine: str) -> None:
    with listening(machine, "eth1", 0x0806) as heard, in_namespace(machine):
        arguments = ["192.168.26.10", "02:00:00:00:00:07", "192.168.26.255", "ffffffffffff"]
        assert send_arp.main(arguments) == 0
        frame = heard.recv(2000)
    mac = bytes.fromhex("020000000007")
    assert frame == gratuitous_reply(b"\xff" * 6, mac, IPv4Address("192.168.26.10"))


@pytest.mark.parametrize("virtual_ip", [VIRTUAL_IP, VIRTUAL_IP6])
def test_one_announcement_moves_a_neighbour_to_the_other_director_at_once(
    lab: Network, virtual_ip: str
) -> None:
    address = ip_address(virtual_ip)
    held = HeldAddress(
        address, address.max_prefixlen, "eth0", "" if address.version == 6 else "eth0:1"
    )
    lab.forget_neighbours()
    play_in("dirA", lambda plane: applied(plane, add(held)))
    run("client", "ping", "-c1", "-W2", virtual_ip)
    assert neighbour(virtual_ip) == hardware_address("dirA")

    play_in("dirA", lambda plane: applied(plane, remove(held)))
    play_in("dirB", lambda plane: applied(plane, add(held)))
    with in_namespace("dirB"):
        assert asyncio.run(announce([held], times=1)) == []
    wait_until_neighbour(virtual_ip, hardware_address("dirB"))


def neighbour(address: str) -> bytes | None:
    """What the client believes to be the hardware address."""
    found = json.loads(run("client", "ip", "-j", "neigh", "show", address))
    return bytes.fromhex(found[0]["lladdr"].replace(":", "")) if found else None


def wait_until_neighbour(address: str, mac: bytes) -> None:
    deadline = time.monotonic() + 0.9  # before Linux would ask again by itself
    while neighbour(address) != mac:
        assert time.monotonic() < deadline, f"{address} is still at {neighbour(address)!r}"
