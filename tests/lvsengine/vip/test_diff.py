from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.net import Address
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import (
    AddressChange,
    Holding,
    PresentAddress,
    Verb,
    diff,
    dropped_along,
    holdings,
)
from lvsengine.vip.memory import MemoryAddresses

WEB = HeldAddress(ip_address("192.168.26.10"), 24, "eth0", "eth0:1", ip_address("192.168.26.255"))
SIX = HeldAddress(ip_address("2001:db8::10"), 64, "eth0")
NOBODY: frozenset[Address] = frozenset()


def present(held: HeldAddress, *, secondary: bool = False) -> PresentAddress:
    return PresentAddress(
        held.address,
        held.prefix,
        held.interface,
        held.label,
        held.broadcast,
        secondary=secondary,
    )


def add(held: HeldAddress) -> AddressChange:
    return AddressChange(Verb.ADD, held)


def remove(held: HeldAddress) -> AddressChange:
    return AddressChange(Verb.REMOVE, held)


def test_what_is_absent_is_added() -> None:
    assert diff([], [WEB, SIX], NOBODY) == [add(WEB), add(SIX)]


def test_what_is_there_as_it_should_be_needs_no_change() -> None:
    assert diff([present(WEB), present(SIX)], [WEB, SIX], {WEB.address, SIX.address}) == []


def test_ours_goes_when_nobody_wants_it_any_more() -> None:
    assert diff([present(WEB), present(SIX)], [SIX], {WEB.address, SIX.address}) == [remove(WEB)]


def test_a_foreign_address_is_left_alone_wanted_or_not() -> None:
    loopback = present(HeldAddress(ip_address("127.0.0.1"), 8, "lo", "lo"))
    wanted = HeldAddress(ip_address("127.0.0.1"), 32, "lo", "lo:1")
    assert diff([loopback], [wanted], NOBODY) == []
    assert diff([loopback], [], NOBODY) == []


def test_an_address_under_its_alias_was_left_by_an_earlier_run_and_is_ours() -> None:
    left = replace(present(WEB), prefix=32, broadcast=None)
    assert diff([left], [WEB], NOBODY) == [add(WEB), remove(left.held)]


@pytest.mark.parametrize("change", [{"interface": "eth1"}, {"label": "eth0:2"}])
def test_under_another_alias_or_interface_it_is_foreign(change: dict[str, str]) -> None:
    other = replace(present(WEB), **change)  # type: ignore[arg-type] # a row of strings
    assert diff([other], [WEB], NOBODY) == []


def test_a_plain_interface_name_as_label_proves_nothing() -> None:
    plain = replace(WEB, label="eth0")
    assert diff([replace(present(plain), prefix=32)], [plain], NOBODY) == []


def test_a_new_mask_comes_before_the_old_one_goes() -> None:
    old = replace(WEB, prefix=25)
    assert diff([present(old)], [WEB], {WEB.address}) == [add(WEB), remove(old)]


@pytest.mark.parametrize("change", [{"label": "eth0:7"}, {"broadcast": None}])
def test_a_new_label_or_broadcast_needs_the_old_one_away(change: dict[str, str | None]) -> None:
    old = replace(WEB, **change)  # type: ignore[arg-type] # a row of strings
    assert diff([present(old)], [WEB], {WEB.address}) == [remove(old), add(WEB)]


def test_ipv6_keeps_an_address_once_per_interface_whatever_the_prefix() -> None:
    old = replace(SIX, prefix=128)
    assert diff([present(old)], [SIX], {SIX.address}) == [remove(old), add(SIX)]
    moved = replace(SIX, interface="eth1")
    assert diff([present(moved)], [SIX], {SIX.address}) == [add(SIX), remove(moved)]


def test_secondaries_go_before_their_primary() -> None:
    other = replace(WEB, address=ip_address("192.168.26.11"))
    here = [present(WEB), present(other, secondary=True)]
    assert diff(here, [], {WEB.address, other.address}) == [remove(other), remove(WEB)]


def test_what_goes_is_gone_before_anything_comes() -> None:
    other = replace(WEB, address=ip_address("192.168.26.11"))
    assert diff([present(WEB)], [other], {WEB.address}) == [remove(WEB), add(other)]


def test_each_desired_address_is_ours_foreign_or_absent() -> None:
    loopback = HeldAddress(ip_address("127.0.0.1"), 8, "lo", "lo")
    here = [present(WEB), present(loopback)]
    assert holdings(here, [WEB, loopback, SIX], NOBODY) == {
        WEB: Holding.OURS,
        loopback: Holding.FOREIGN,
        SIX: Holding.ABSENT,
    }
    assert holdings(here, [loopback], {loopback.address}) == {loopback: Holding.OURS}


def test_only_a_primary_takes_the_secondaries_of_its_network_along() -> None:
    other = replace(WEB, address=ip_address("192.168.26.11"))
    elsewhere = replace(WEB, address=ip_address("192.168.27.1"))
    here = [present(WEB), present(other, secondary=True), present(elsewhere)]
    assert dropped_along(here, WEB) == [other.address]
    assert dropped_along(here, other) == []
    assert dropped_along(here, elsewhere) == []


def test_a_change_reads_as_a_line() -> None:
    assert str(add(WEB)) == "add 192.168.26.10/24 on eth0:1"


def test_beside_our_alias_the_same_address_elsewhere_is_foreign() -> None:
    loopback = HeldAddress(WEB.address, 32, "lo", "lo")
    here = [present(WEB), present(loopback)]
    assert diff(here, [WEB], {WEB.address}) == []
    assert diff(here, [], {WEB.address}) == [remove(WEB)]
    plain = replace(WEB, label="eth0")
    assert diff([present(plain), present(loopback)], [plain], {WEB.address}) == []


def test_where_a_foreign_entry_takes_the_place_of_ours_both_stay() -> None:
    ours = replace(WEB, prefix=25)
    foreign = replace(WEB, label="eth0")
    assert diff([present(foreign), present(ours)], [WEB], NOBODY) == []


def test_the_only_entry_of_an_address_that_we_added_is_ours_without_an_alias_too() -> None:
    plain = HeldAddress(WEB.address, 32, "lo", "lo")
    assert diff([present(plain)], [], {WEB.address}) == [remove(plain)]
    assert diff([present(plain)], [WEB], {WEB.address}) == [add(WEB), remove(plain)]


ADDRESSES = [ip_address(text) for text in ("10.0.0.1", "10.0.0.2", "10.0.0.130", "2001:db8::1")]


@st.composite
def held_addresses(draw: st.DrawFn) -> HeldAddress:
    address = draw(st.sampled_from(ADDRESSES))
    interface = draw(st.sampled_from(["eth0", "eth1"]))
    if address.version == 6:
        return HeldAddress(address, draw(st.sampled_from([64, 128])), interface)
    prefix = draw(st.sampled_from([24, 25, 32]))
    network = ip_network((address, prefix), strict=False)
    label = draw(st.sampled_from([interface, f"{interface}:1", f"{interface}:2"]))
    broadcast = network.broadcast_address if prefix < 31 and draw(st.booleans()) else None
    return HeldAddress(address, prefix, interface, label, broadcast)


@given(
    start=st.lists(held_addresses(), max_size=6),
    wanted=st.lists(held_addresses(), max_size=4, unique_by=lambda held: held.address),
    ours=st.frozensets(st.sampled_from(ADDRESSES)),
)
def test_any_addresses_reach_the_desired_ones_and_then_rest(
    start: list[HeldAddress], wanted: list[HeldAddress], ours: frozenset[Address]
) -> None:
    async def reach() -> None:
        plane = MemoryAddresses()
        await plane.apply([add(held) for held in start if not rivals(held, wanted)])
        before = await plane.read()
        foreign = {entry.held for entry in before if is_foreign(entry, before, wanted, ours)}
        known = await settle(plane, wanted, ours)
        after = await plane.read()
        assert diff(after, wanted, known) == []
        assert foreign <= {entry.held for entry in after}
        assert {held.address for held in wanted} <= {entry.address for entry in after}

    asyncio.run(reach())


def rivals(held: HeldAddress, wanted: list[HeldAddress]) -> bool:
    """Whether it is a wanted address under another alias.

    The state file tells addresses, not aliases, so later such an entry passes for ours.
    """
    places = {other.address: (other.interface, other.label) for other in wanted}
    place = (held.interface, held.label)
    return ":" in held.label and places.get(held.address, place) != place


def is_foreign(
    entry: PresentAddress,
    before: tuple[PresentAddress, ...],
    wanted: list[HeldAddress],
    ours: frozenset[Address],
) -> bool:
    if (entry.address, entry.label) in {(held.address, held.label) for held in wanted}:
        return ":" not in entry.label and entry.address not in ours
    if entry.address not in ours:
        return True
    same = [other for other in before if other.address == entry.address]
    return ":" not in entry.label and any(":" in other.label for other in same)


async def settle(
    plane: MemoryAddresses, wanted: list[HeldAddress], ours: frozenset[Address]
) -> frozenset[Address]:
    here = await plane.read()
    holding = holdings(here, wanted, ours)
    claimed = {held.address for held in wanted if holding[held] is not Holding.FOREIGN}
    await plane.apply(diff(here, wanted, ours | claimed))
    return frozenset(claimed)
