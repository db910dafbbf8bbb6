from __future__ import annotations

import errno
from collections.abc import Sequence
from ipaddress import ip_address

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.ipvs.plane import Failure
from lvsengine.ipvs.table import (
    EMPTY,
    AddressKey,
    Destination,
    DestinationKey,
    Service,
    Table,
)
from lvsengine.net import Forwarding, Protocol
from lvsengine.reconciler import AddressReconciler, Outcome, Reconciler
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import Holding, PresentAddress
from lvsengine.vip.memory import MemoryAddresses

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
DNS = AddressKey(Protocol.UDP, ip_address("192.0.2.2"), 53)
ONE = DestinationKey(WEB, ip_address("10.0.0.1"), 80)
TWO = DestinationKey(WEB, ip_address("10.0.0.2"), 80)
FOREIGN = DestinationKey(DNS, ip_address("10.0.0.3"), 53)


def a_table(*destinations: DestinationKey, weight: int = 1) -> Table:
    return Table(
        {WEB: Service()},
        {key: Destination(weight, Forwarding.NAT) for key in destinations},
    )


OTHERS = Table({DNS: Service("rr")}, {FOREIGN: Destination(1, Forwarding.DIRECT)})


async def test_the_plane_becomes_what_is_desired_and_then_rests() -> None:
    plane = MemoryPlane()
    reconciler = Reconciler(plane)
    outcome = await reconciler.reconcile(a_table(ONE, TWO), ())
    assert [change.verb for change in outcome.made] == [Verb.ADD] * 3
    assert reconciler.table == await plane.read() == a_table(ONE, TWO)
    assert await reconciler.reconcile(a_table(ONE, TWO), ()) == Outcome()


async def test_foreign_services_are_not_touched_and_ours_go() -> None:
    plane = MemoryPlane(OTHERS)
    reconciler = Reconciler(plane)
    await reconciler.refresh()
    await reconciler.reconcile(a_table(ONE), ())
    await reconciler.reconcile(EMPTY, {WEB})
    assert await plane.read() == OTHERS


async def test_a_foreign_service_that_was_made_ours_goes() -> None:
    plane = MemoryPlane(OTHERS)
    reconciler = Reconciler(plane)
    await reconciler.refresh()
    await reconciler.reconcile(EMPTY, {DNS})
    assert await plane.read() == EMPTY


async def test_what_is_refused_is_reported_the_rest_is_done_and_it_is_tried_again() -> None:
    plane = MemoryPlane(refuse={ONE: errno.ENOMEM})
    reconciler = Reconciler(plane)
    outcome = await reconciler.reconcile(a_table(ONE, TWO), ())
    (failure,) = outcome.failures
    assert (failure.change.key, failure.errno) == (ONE, errno.ENOMEM)
    assert {change.key for change in outcome.made} == {WEB, TWO}

    plane.refuse.clear()
    outcome = await reconciler.reconcile(a_table(ONE, TWO), ())
    assert [change.key for change in outcome.made] == [ONE]
    assert outcome.failures == ()


async def test_a_refused_service_is_one_failure_and_not_one_for_each_of_its_real_servers() -> None:
    plane = MemoryPlane(refuse={WEB: errno.ENOMEM})
    outcome = await Reconciler(plane).reconcile(a_table(ONE, TWO), ())
    assert [failure.change.key for failure in outcome.failures if failure.errno == errno.ENOMEM]
    assert errno.EIO not in {failure.errno for failure in outcome.failures}


class Forgetful(MemoryPlane):
    """Says yes to a weight and keeps the old one, as a kernel with another idea would."""

    async def apply(self, changes: Sequence[Change]) -> list[Failure]:
        return await super().apply([one for one in changes if one.verb is not Verb.SET])


async def test_what_reads_back_otherwise_is_a_failure_though_it_was_accepted() -> None:
    reconciler = Reconciler(Forgetful(a_table(ONE)))
    await reconciler.refresh()
    outcome = await reconciler.reconcile(a_table(ONE, weight=5), ())
    (failure,) = outcome.failures
    assert failure.errno == errno.EIO
    assert "shows other values" in failure.sentence
    assert outcome.made == ()


async def test_what_does_not_appear_is_a_failure_too() -> None:
    class Deaf(MemoryPlane):
        async def apply(self, changes: Sequence[Change]) -> list[Failure]:
            return []

    outcome = await Reconciler(Deaf()).reconcile(a_table(), ())
    assert "does not show it" in outcome.failures[0].sentence


VIP = HeldAddress(ip_address("192.0.2.1"), 24, "eth0", "eth0:1", ip_address("192.0.2.255"))
THERE = PresentAddress(ip_address("192.0.2.1"), 32, "lo", "lo")


async def test_addresses_come_and_go() -> None:
    plane = MemoryAddresses()
    reconciler = AddressReconciler(plane)
    await reconciler.refresh([VIP], ())
    assert reconciler.claimable() == {VIP.address}
    made = await reconciler.hold([VIP], {VIP.address})
    assert [change.address for change in made] == [VIP]
    assert reconciler.holdings == {VIP: Holding.OURS}, "known before it is read back"
    await reconciler.refresh([VIP], {VIP.address})
    assert reconciler.holdings == {VIP: Holding.OURS}
    assert reconciler.ours({VIP.address, ip_address("192.0.2.9")}) == {VIP.address}
    assert await reconciler.hold([VIP], {VIP.address}) == ()
    await reconciler.refresh((), {VIP.address})
    await reconciler.hold((), {VIP.address})
    await reconciler.refresh((), {VIP.address})
    assert await plane.read() == ()
    assert reconciler.ours({VIP.address}) == frozenset()


async def test_an_address_that_somebody_else_holds_is_neither_claimed_nor_touched() -> None:
    plane = MemoryAddresses(present=[THERE])
    reconciler = AddressReconciler(plane)
    await reconciler.refresh([VIP], ())
    assert reconciler.claimable() == frozenset()
    assert await reconciler.hold([VIP], ()) == ()
    assert reconciler.holdings == {VIP: Holding.FOREIGN}
    assert plane.applied == []


async def test_an_address_that_cannot_be_added_is_a_failure_with_its_reason() -> None:
    reconciler = AddressReconciler(MemoryAddresses(interfaces=["lo"]))
    await reconciler.refresh([VIP], ())
    assert await reconciler.hold([VIP], {VIP.address}) == ()
    (failure,) = reconciler.failures
    assert failure.errno == errno.ENODEV
    assert "no interface eth0" in failure.sentence
    assert reconciler.holdings == {VIP: Holding.ABSENT}
