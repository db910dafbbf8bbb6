"""The kernel plane on a fake kernel: its promise, and what it makes of a kernel's faults.

That a real kernel behaves so is shown by tests/kernel/guest/test_kernel_plane.py.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.errors import EngineError, RuleError
from lvsengine.ipvs.codec import Command, Info
from lvsengine.ipvs.diff import Change, Verb, diff
from lvsengine.ipvs.exchange import MOST_AT_ONCE, Link
from lvsengine.ipvs.kernel import KernelPlane
from lvsengine.ipvs.plane import Plane, Timeouts
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.ipvs.table import (
    EMPTY,
    AddressKey,
    Destination,
    DestinationKey,
    Service,
    Table,
)
from lvsengine.net import Forwarding, Protocol
from tests.lvsengine.ipvs.fake_kernel import FakeKernel, FakeLink
from tests.lvsengine.ipvs.plane_contract import PlaneContract, closing

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
ONE = DestinationKey(WEB, ip_address("10.0.0.1"), 80)
NAT = Destination(1, Forwarding.NAT)
TABLE = Table({WEB: Service()}, {ONE: NAT})
SENDER = SyncDaemon(SyncRole.SENDER, "eth0", sync_id=9)


class TestKernelPlane(PlaneContract):
    @asynccontextmanager
    async def open_plane(self) -> AsyncIterator[Plane]:
        async with closing(await KernelPlane.open(FakeKernel().connect)) as plane:
            assert plane.name == "kernel"
            yield plane


@asynccontextmanager
async def opened(kernel: FakeKernel) -> AsyncIterator[KernelPlane]:
    plane = await KernelPlane.open(kernel.connect)
    try:
        yield plane
    finally:
        await plane.close()
        await plane.close()
        assert all(link.closed for link in kernel.links)


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel()


async def code_of_opening(kernel: FakeKernel) -> str:
    with pytest.raises(EngineError) as caught:
        await KernelPlane.open(kernel.connect)
    assert caught.value.sentence
    assert all(link.closed for link in kernel.links)
    return caught.value.code


# Opening


async def test_a_kernel_without_ipvs_says_how_to_load_it(kernel: FakeKernel) -> None:
    kernel.number = 0
    with pytest.raises(EngineError, match="modprobe ip_vs") as caught:
        await KernelPlane.open(kernel.connect)
    assert caught.value.code == "no-ipvs"


async def test_without_the_right_it_says_which_one(kernel: FakeKernel) -> None:
    kernel.refuses = errno.EPERM
    with pytest.raises(EngineError, match="CAP_NET_ADMIN") as caught:
        await KernelPlane.open(kernel.connect)
    assert caught.value.code == "not-permitted"


async def test_a_silent_and_an_odd_kernel_are_told_apart(kernel: FakeKernel) -> None:
    kernel.deaf = 99
    assert await code_of_opening(kernel) == "kernel-silent"
    kernel.deaf = 0
    kernel.refuses = errno.EIO
    assert await code_of_opening(kernel) == "kernel-refused"


async def test_a_kernel_without_netlink_has_no_ipvs() -> None:
    def connect() -> Link:
        raise OSError(errno.EPROTONOSUPPORT, "no such protocol")

    with pytest.raises(EngineError) as caught:
        await KernelPlane.open(connect)
    assert caught.value.code == "no-ipvs"


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        (b"\x01\x80", b"\x63\x80"),  # no service in the answer, but something else
        (b"\x06\0\x01\0", b"\xff\0\x01\0"),  # an attribute in it that runs past its end
    ],
)
async def test_an_answer_that_cannot_be_read_is_an_error_of_the_plane(
    kernel: FakeKernel, told: bytes, instead: bytes
) -> None:
    class OddLink(FakeLink):
        def receive(self) -> bytes:
            return super().receive().replace(told, instead)

    async with opened(kernel) as plane:
        await plane.apply(diff(EMPTY, TABLE))
        kernel.links[-1].__class__ = OddLink
        with pytest.raises(EngineError) as caught:
            await plane.counters()
        assert caught.value.code == "kernel-unreadable"


# Lost answers


@pytest.mark.parametrize("fault", ["deaf", "mute", "overrun"])
async def test_a_question_whose_answer_was_lost_is_asked_again(
    kernel: FakeKernel, fault: str
) -> None:
    async with opened(kernel) as plane:
        await plane.apply(diff(EMPTY, TABLE))
        setattr(kernel, fault, 1)
        assert await plane.read() == TABLE
        setattr(kernel, fault, 1)
        assert set((await plane.counters()).destinations) == {ONE}
        setattr(kernel, fault, 1)
        assert await plane.timeouts() == Timeouts(900, 120, 300)
        assert [link.closed for link in kernel.links] == [True, True, True, False]


@pytest.mark.parametrize("fault", ["mute", "overrun"])
async def test_changes_that_were_made_though_the_answer_was_lost_are_no_failures(
    kernel: FakeKernel, fault: str
) -> None:
    async with opened(kernel) as plane:
        setattr(kernel, fault, 1)
        assert await plane.apply(diff(EMPTY, TABLE)) == []
        setattr(kernel, fault, 1)
        assert await plane.apply([Change(Verb.SET, ONE, replace(NAT, weight=7))]) == []
        setattr(kernel, fault, 1)
        assert await plane.apply([Change(Verb.REMOVE, ONE), Change(Verb.REMOVE, WEB)]) == []
        assert await plane.read() == EMPTY


async def test_changes_that_were_not_made_and_not_answered_are_failures(
    kernel: FakeKernel,
) -> None:
    changes = [Change(Verb.REMOVE, ONE), Change(Verb.SET, WEB, Service("rr"))]
    async with opened(kernel) as plane:
        await plane.apply(diff(EMPTY, TABLE))
        kernel.deaf = 1
        failures = await plane.apply(changes)
        assert [failure.change for failure in failures] == changes
        assert {failure.errno for failure in failures} == {errno.ETIMEDOUT}
        assert failures[0].sentence == (
            "real server 10.0.0.1:80 of virtual server tcp 192.0.2.1:80: "
            "the kernel did not answer, and its table does not show the change"
        )
        assert await plane.apply(changes) == []


async def test_of_unanswered_changes_to_one_entry_the_last_tells(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        await plane.apply(diff(EMPTY, TABLE))
        kernel.mute = 1
        heavier = replace(NAT, weight=9)
        assert await plane.apply([Change(Verb.REMOVE, ONE), Change(Verb.ADD, ONE, heavier)]) == []


async def test_a_kernel_that_stays_silent_is_an_error_of_the_plane(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        kernel.deaf = 3
        with pytest.raises(EngineError) as caught:
            await plane.apply(diff(EMPTY, TABLE))
        assert caught.value.code == "kernel-silent"
        assert await plane.apply(diff(EMPTY, TABLE)) == []


# The module is loaded again


async def test_after_a_reload_of_the_module_reading_goes_on(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        await plane.apply(diff(EMPTY, TABLE))
        kernel.reload()
        assert await plane.read() == EMPTY
        kernel.reload()
        assert await plane.syncd() == ()


async def test_after_a_reload_of_the_module_changes_are_made_once(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        kernel.reload()
        kernel.commands.clear()
        assert await plane.apply(diff(EMPTY, TABLE)) == []
        assert await plane.read() == TABLE
        assert kernel.commands.count(Command.NEW_SERVICE) == 1


async def test_a_destination_that_is_missing_is_not_taken_for_a_reload(
    kernel: FakeKernel,
) -> None:
    async with opened(kernel) as plane:
        await plane.apply([Change(Verb.ADD, WEB, Service())])
        [failure] = await plane.apply([Change(Verb.REMOVE, ONE)])
        assert failure.errno == errno.ENOENT
        assert kernel.commands.count(Command.DEL_DEST) == 1


async def test_a_module_that_is_gone_is_an_error_of_the_plane(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        kernel.number = 0
        with pytest.raises(EngineError) as caught:
            await plane.read()
        assert caught.value.code == "no-ipvs"


# Many changes, many callers


async def test_many_changes_go_in_few_datagrams_and_each_refusal_finds_its_change(
    kernel: FakeKernel,
) -> None:
    keys = [replace(WEB, port=port) for port in range(1, 3 * MOST_AT_ONCE)]
    async with opened(kernel) as plane:
        received, answered = kernel.received, kernel.answered
        assert await plane.apply([Change(Verb.ADD, key, Service()) for key in keys]) == []
        assert kernel.received - received == 3
        assert kernel.answered - answered == 3  # an acknowledgement for each datagram
        odd = [Change(Verb.ADD, key, Service()) for key in keys[::2]]
        even = [Change(Verb.SET, key, Service("rr")) for key in keys[1::2]]
        failures = await plane.apply([*odd, *even])
        assert [failure.change for failure in failures] == odd
        assert len((await plane.read()).services) == len(keys)
        assert len((await plane.read(keys[:50])).services) == 50


async def test_one_changed_weight_is_one_message(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        await plane.apply(diff(EMPTY, TABLE))
        kernel.commands.clear()
        await plane.apply(diff(TABLE, Table(TABLE.services, {ONE: replace(NAT, weight=2)})))
        assert kernel.commands == [Command.SET_DEST]


async def test_a_cancelled_question_ends_before_the_next_is_asked(kernel: FakeKernel) -> None:
    asked, answer = threading.Event(), threading.Event()

    class SlowLink(FakeLink):
        def receive(self) -> bytes:
            asked.set()
            assert answer.wait(5)
            return super().receive()

    async with opened(kernel) as plane:
        await plane.apply(diff(EMPTY, TABLE))
        kernel.links[-1].__class__ = SlowLink
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(plane.read())
            await asyncio.to_thread(asked.wait, 5)
            reading.cancel()
            next_one = group.create_task(plane.read())
            await asyncio.sleep(0)
            answer.set()
        assert await next_one == TABLE
        assert [len(link.threads) for link in kernel.links] == [1]


# Timeouts, counters, info


async def test_timeouts_are_set_and_zero_leaves_them(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        await plane.set_timeouts(Timeouts(tcp_s=60, udp_s=5))
        assert await plane.timeouts() == Timeouts(60, 120, 5)
        with pytest.raises(RuleError, match="tcpfin timeout must be 0 to 2147483 seconds, not -1"):
            await plane.set_timeouts(Timeouts(tcp_s=1, tcpfin_s=-1))
        assert await plane.timeouts() == Timeouts(60, 120, 5)


async def test_counters_are_zeroed_for_one_service_or_all(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        await plane.zero()
        with pytest.raises(EngineError):
            await plane.zero(WEB)
        await plane.apply(diff(EMPTY, TABLE))
        await plane.zero(WEB)
        assert kernel.commands.count(Command.ZERO) == 3


async def test_info_tells_version_and_size(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        assert await plane.info() == Info("1.2.1", 4096)


async def test_a_flushed_table_is_empty(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        await plane.apply(diff(EMPTY, TABLE))
        await plane.flush()
        assert await plane.read() == EMPTY


# The connection-sync daemon


async def test_a_daemon_of_each_role_is_started_seen_and_stopped(kernel: FakeKernel) -> None:
    receiver = replace(SENDER, role=SyncRole.RECEIVER)
    async with opened(kernel) as plane:
        assert await plane.syncd() == ()
        await plane.start_syncd(SENDER)
        await plane.start_syncd(receiver)
        assert await plane.syncd() == (SENDER, receiver)
        await plane.stop_syncd(SyncRole.SENDER)
        assert await plane.syncd() == (receiver,)


async def test_a_stop_that_is_not_acknowledged_is_seen_at_once(kernel: FakeKernel) -> None:
    kernel.silent_stop = True
    async with opened(kernel) as plane:
        await plane.start_syncd(SENDER)
        await plane.stop_syncd(SyncRole.SENDER)
        assert await plane.syncd() == ()
        assert len(kernel.links) == 1


@pytest.mark.parametrize("fault", ["mute", "overrun"])
async def test_orders_to_the_daemon_whose_answer_was_lost_are_judged_by_what_runs(
    kernel: FakeKernel, fault: str
) -> None:
    async with opened(kernel) as plane:
        setattr(kernel, fault, 1)
        await plane.start_syncd(SENDER)
        setattr(kernel, fault, 1)
        await plane.stop_syncd(SyncRole.SENDER)
        assert await plane.syncd() == ()


async def test_orders_to_the_daemon_that_did_not_arrive_are_errors(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        kernel.deaf = 1
        with pytest.raises(EngineError) as caught:
            await plane.start_syncd(SENDER)
        assert caught.value.code == "sync-refused"
        await plane.start_syncd(SENDER)
        kernel.deaf = 1
        with pytest.raises(EngineError) as caught:
            await plane.stop_syncd(SyncRole.SENDER)
        assert caught.value.code == "sync-refused"
        assert await plane.syncd() == (SENDER,)


async def test_what_the_kernel_refuses_of_the_daemon_has_a_code_each(kernel: FakeKernel) -> None:
    async with opened(kernel) as plane:
        with pytest.raises(EngineError, match="no interface eth9") as caught:
            await plane.start_syncd(replace(SENDER, interface="eth9"))
        assert caught.value.code == "no-interface"
        with pytest.raises(EngineError) as caught:
            await plane.stop_syncd(SyncRole.SENDER)
        assert caught.value.code == "sync-not-running"
        await plane.start_syncd(SENDER)
        with pytest.raises(EngineError, match="sends runs already") as caught:
            await plane.start_syncd(SENDER)
        assert caught.value.code == "sync-running"
        with pytest.raises(RuleError):
            await plane.start_syncd(replace(SENDER, sync_id=256))


async def test_values_the_kernel_does_not_take_for_the_daemon_are_told(
    kernel: FakeKernel,
) -> None:
    kernel.daemon_refuses = errno.EINVAL
    async with opened(kernel) as plane:
        with pytest.raises(EngineError, match="mix IPv4 and IPv6") as caught:
            await plane.start_syncd(SENDER)
        assert caught.value.code == "sync-refused"
