"""What every `AddressPlane` promises. A subclass says which plane it is; see test_memory.py.

The machine under test has `lo`, `eth0` and `eth1`, and nothing on the last two.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.vip.addresses import AddressPlane
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb

WEB = HeldAddress(ip_address("192.168.26.10"), 24, "eth0", "eth0:1", ip_address("192.168.26.255"))
TLS = replace(WEB, address=ip_address("192.168.26.11"), label="eth0:2")
ALONE = HeldAddress(ip_address("192.168.26.12"), 32, "eth0", "eth0:3")
SIX = HeldAddress(ip_address("2001:db8::10"), 64, "eth0")
LOOPBACK = HeldAddress(ip_address("127.0.0.9"), 32, "lo", "lo:1")

Scenario = Callable[[AddressPlane], Awaitable[None]]


def add(*held: HeldAddress) -> list[AddressChange]:
    return [AddressChange(Verb.ADD, one) for one in held]


def remove(*held: HeldAddress) -> list[AddressChange]:
    return [AddressChange(Verb.REMOVE, one) for one in held]


async def on_eth(plane: AddressPlane) -> list[PresentAddress]:
    """What the plane shows, without `lo` and the addresses that Linux gives each link."""
    entries = await plane.read()
    return [
        entry
        for entry in entries
        if entry.interface.startswith("eth") and not entry.address.is_link_local
    ]


class AddressesContract:
    def play(self, scenario: Scenario) -> None:
        """Run a scenario on a fresh plane of this kind."""
        raise NotImplementedError

    @pytest.mark.parametrize("held", [WEB, ALONE, SIX], ids=str)
    def test_what_is_added_is_read_back_as_it_was_said(self, held: HeldAddress) -> None:
        async def scenario(plane: AddressPlane) -> None:
            assert await plane.apply(add(held)) == []
            assert [entry.held for entry in await on_eth(plane)] == [held]
            assert await plane.apply(remove(held)) == []
            assert await on_eth(plane) == []

        self.play(scenario)

    def test_an_address_of_the_loopback_net_has_host_scope(self) -> None:
        async def scenario(plane: AddressPlane) -> None:
            assert await plane.apply(add(LOOPBACK, WEB)) == []
            scopes = {entry.address: entry.scope for entry in await plane.read()}
            assert (scopes[LOOPBACK.address], scopes[WEB.address]) == (254, 0)

        self.play(scenario)

    def test_without_a_label_an_ipv4_address_is_labelled_by_its_interface(self) -> None:
        async def scenario(plane: AddressPlane) -> None:
            assert await plane.apply(add(replace(ALONE, label=""))) == []
            assert [entry.label for entry in await on_eth(plane)] == ["eth0"]

        self.play(scenario)

    @pytest.mark.parametrize(
        ("there", "again", "refusal"),
        [
            (WEB, replace(WEB, label="eth0:9"), errno.EEXIST),
            (WEB, replace(WEB, prefix=25), 0),
            (WEB, replace(WEB, interface="eth1"), 0),
            (SIX, replace(SIX, prefix=128), errno.EEXIST),
            (SIX, replace(SIX, interface="eth1"), 0),
        ],
    )
    def test_an_address_fits_once_in_its_place(
        self, there: HeldAddress, again: HeldAddress, refusal: int
    ) -> None:
        async def scenario(plane: AddressPlane) -> None:
            assert await plane.apply(add(there)) == []
            failures = await plane.apply(add(again))
            assert [failure.errno for failure in failures] == ([refusal] if refusal else [])
            assert len(await on_eth(plane)) == (1 if refusal else 2)

        self.play(scenario)

    @pytest.mark.parametrize(
        "absent",
        [TLS, replace(WEB, prefix=25), replace(WEB, label="eth0:9"), SIX],
        ids=["address", "prefix", "label", "ipv6"],
    )
    def test_what_is_not_there_cannot_be_removed(self, absent: HeldAddress) -> None:
        async def scenario(plane: AddressPlane) -> None:
            await plane.apply(add(WEB))
            failures = await plane.apply(remove(absent))
            assert [failure.errno for failure in failures] == [errno.EADDRNOTAVAIL]
            assert [entry.held for entry in await on_eth(plane)] == [WEB]

        self.play(scenario)

    @pytest.mark.parametrize(
        ("bad", "refusal"),
        [
            (replace(WEB, label="eth0:0123456789"), 0),
            (replace(WEB, label="eth0:0123456789a"), errno.ERANGE),
            (replace(WEB, prefix=33, broadcast=None), errno.EINVAL),
            (replace(SIX, prefix=129), errno.EINVAL),
        ],
    )
    def test_a_label_or_prefix_that_is_too_long_is_refused(
        self, bad: HeldAddress, refusal: int
    ) -> None:
        async def scenario(plane: AddressPlane) -> None:
            failures = await plane.apply(add(bad))
            assert [failure.errno for failure in failures] == ([refusal] if refusal else [])

        self.play(scenario)

    def test_a_missing_interface_is_named_with_those_that_exist(self) -> None:
        async def scenario(plane: AddressPlane) -> None:
            lost = replace(WEB, interface="eth7", label="eth7:1")
            failures = await plane.apply([*add(lost), *remove(lost)])
            assert [failure.errno for failure in failures] == [errno.ENODEV, errno.ENODEV]
            assert failures[0].sentence == (
                "cannot add 192.168.26.10/24 on eth7:1: this machine has no interface eth7; "
                "it has eth0, eth1, lo. Correct the device in lvs.cf, or make the interface"
            )

        self.play(scenario)

    def test_one_refused_change_does_not_stop_the_others(self) -> None:
        async def scenario(plane: AddressPlane) -> None:
            changes = add(WEB, WEB, ALONE)
            failures = await plane.apply(changes)
            assert [failure.change for failure in failures] == [changes[1]]
            assert [entry.held for entry in await on_eth(plane)] == [WEB, ALONE]

        self.play(scenario)

    def test_the_second_address_of_a_network_is_secondary_until_the_first_goes(self) -> None:
        async def scenario(plane: AddressPlane) -> None:
            await plane.apply(add(WEB, TLS, ALONE))
            assert await secondaries(plane) == {TLS.address}
            assert await plane.apply(remove(WEB)) == []
            assert sorted(entry.held.label for entry in await on_eth(plane)) == [
                "eth0:2",
                "eth0:3",
            ]
            assert await secondaries(plane) == set()

        self.play(scenario)


async def secondaries(plane: AddressPlane) -> set[object]:
    return {entry.address for entry in await on_eth(plane) if entry.secondary}
