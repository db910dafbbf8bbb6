from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.crossing import Crossing
from lvsengine.hush.apply import Ended, Hushing
from lvsengine.hush.rules import Hush
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.ipvs.syncd_policy import WANTED, Finding
from lvsengine.ipvs.table import EMPTY
from lvsengine.lvscf.model import Config, FloatingAddress, VirtualServer
from tests.lvsengine.sharing import Kernel, Listing

VIRTUAL = ip_address("192.168.26.10")
WEB = VirtualServer("web", FloatingAddress(VIRTUAL, "eth0:1"), enabled=True)
PAIR = Config(backup_active=True, syncdaemon=True, syncd_iface="eth1", virtual_servers=(WEB,))
ALONE = replace(PAIR, syncdaemon=False)
OTHERWISE = Finding(WANTED[0], "0")


class Firewall:
    """A tool that works, or not."""

    name = "firewall"

    def __init__(self, *, works: bool = True, loads: bool = True) -> None:
        self.rules: Hush | None = None
        self.prepared: Hush | None = None
        self._works, self._loads = works, loads

    async def prepare(self, hush: Hush, seconds: int) -> Ended:
        self.prepared = hush if self._works else None
        return Ended(ok=self._works, said="" if self._works else "firewall is not installed")

    async def begin(self) -> Ended:
        self.rules = self.prepared if self._loads else None
        return Ended(ok=self._loads, said="" if self._loads else "table full")

    async def end(self) -> Ended:
        self.rules = None
        return Ended(ok=True)

    async def remove(self) -> Ended:
        self.rules = self.prepared = None
        return Ended(ok=True)


class SlowFirewall(Firewall):
    """Takes its time to end."""

    def __init__(self) -> None:
        super().__init__()
        self.ending, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def end(self) -> Ended:
        self.ending.set()
        await self.may_go_on.wait()
        return await super().end()


class Director:
    """A director with a crossing on a kernel, a firewall and a list of its own."""

    def __init__(
        self,
        firewall: Firewall | None = None,
        listing: Listing | None = None,
        found: tuple[Finding, ...] = (),
    ) -> None:
        self.kernel = Kernel()
        self.firewall = firewall or Firewall()
        self.listing = listing or Listing()
        self.mended: list[Finding] = []
        self.crossing = Crossing(
            self.kernel,
            Hushing([self.firewall]),
            telling=self.listing.telling,
            check=lambda: found,
            mend=self.mend,
            settling_s=0,
            calm_s=0,
        )

    def mend(self, found: Iterable[Finding]) -> tuple[str, ...]:
        self.mended.extend(found)
        return ()


async def settled(director: Director) -> None:
    """Let `run` come to the end of what it has to do."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(director.crossing.run())
        async with asyncio.timeout(5):
            while SyncRole.SENDER not in director.kernel.roles:
                await asyncio.sleep(0)
        running.cancel()


async def test_in_a_planned_handover_the_taker_is_quiet_and_listens_until_it_is_settled() -> None:
    taker = Director()
    assert await taker.crossing.prepare(PAIR, serves=False) == ()
    assert taker.kernel.roles == [SyncRole.RECEIVER]

    assert await taker.crossing.before_taking(planned=True) == ()
    assert taker.firewall.rules == Hush((VIRTUAL,))
    assert await taker.crossing.taken(planned=True) == ()
    assert taker.kernel.roles == [SyncRole.RECEIVER]

    await settled(taker)
    assert taker.firewall.rules is None
    assert taker.kernel.roles == [SyncRole.SENDER]


async def test_after_a_crash_it_answers_and_sends_at_once() -> None:
    taker = Director()
    await taker.crossing.prepare(PAIR, serves=False)
    assert await taker.crossing.before_taking(planned=False) == ()
    assert taker.firewall.rules is None
    assert await taker.crossing.taken(planned=False) == ()
    assert taker.kernel.roles == [SyncRole.SENDER]


async def test_the_giver_tells_before_and_after_and_then_listens() -> None:
    giver = Director()
    await giver.crossing.prepare(PAIR, serves=True)
    assert giver.kernel.roles == [SyncRole.SENDER]
    assert await giver.crossing.before_giving(EMPTY) == ()
    assert giver.listing.readings == 1
    assert await giver.crossing.given(EMPTY) == ()
    assert giver.listing.readings == 3
    assert await giver.crossing.stands_by() == ()
    assert giver.kernel.roles == [SyncRole.RECEIVER]


async def test_a_director_that_steps_down_unplanned_tells_nothing() -> None:
    giver = Director()
    await giver.crossing.prepare(PAIR, serves=True)
    assert await giver.crossing.given(EMPTY) == ()
    assert await giver.crossing.stands_by() == ()
    assert (giver.listing.readings, giver.kernel.roles) == (0, [SyncRole.RECEIVER])


async def prepared(director: Director, hush: Hush | None) -> None:
    """Let `run` make its rules ready for the role, or take them away."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(director.crossing.run())
        async with asyncio.timeout(5):
            while director.firewall.prepared != hush:
                await asyncio.sleep(0)
        running.cancel()


async def test_only_who_stands_by_has_rules_ready_once_the_change_of_role_is_over() -> None:
    director = Director()
    await director.crossing.prepare(PAIR, serves=False)
    assert director.firewall.prepared == Hush((VIRTUAL,))
    await director.crossing.taken(planned=False)
    await prepared(director, None)
    await director.crossing.prepare(PAIR, serves=True)
    assert director.firewall.prepared is None
    await director.crossing.stands_by()
    await prepared(director, Hush((VIRTUAL,)))


async def test_who_takes_back_at_once_is_quiet_though_no_rules_are_ready_yet() -> None:
    director = Director()
    await director.crossing.prepare(PAIR, serves=True)
    await director.crossing.stands_by()
    assert director.firewall.prepared is None
    assert await director.crossing.before_taking(planned=True) == ()
    assert director.firewall.rules == Hush((VIRTUAL,))


async def test_a_firewall_that_stops_working_is_said_once_the_change_of_role_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    director = Director(Firewall(works=False))
    await director.crossing.prepare(PAIR, serves=True)
    await director.crossing.stands_by()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(director.crossing.run())
        async with asyncio.timeout(5):
            while not caplog.messages:
                await asyncio.sleep(0)
        running.cancel()
    assert "firewall is not installed" in caplog.messages[0]


async def test_a_handover_called_off_ends_the_hush() -> None:
    taker = Director()
    await taker.crossing.prepare(PAIR, serves=False)
    await taker.crossing.before_taking(planned=True)
    assert await taker.crossing.stands_by() == ()
    assert (taker.firewall.rules, taker.kernel.roles) == (None, [SyncRole.RECEIVER])


async def test_a_handover_called_off_after_it_was_taken_leaves_the_director_listening() -> None:
    taker = Director()
    await taker.crossing.prepare(PAIR, serves=False)
    await taker.crossing.taken(planned=True)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(taker.crossing.run())
        await asyncio.sleep(0)
        await taker.crossing.stands_by()
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
    assert taker.kernel.roles == [SyncRole.RECEIVER]


async def test_who_hands_back_while_its_hush_is_ended_listens_and_does_not_send() -> None:
    taker = Director(SlowFirewall())
    await taker.crossing.prepare(PAIR, serves=False)
    await taker.crossing.before_taking(planned=True)
    await taker.crossing.taken(planned=True)
    assert isinstance(taker.firewall, SlowFirewall)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(taker.crossing.run())
        await taker.firewall.ending.wait()
        await taker.crossing.given(EMPTY)
        await taker.crossing.stands_by()
        taker.firewall.may_go_on.set()
        for _ in range(10):
            await asyncio.sleep(0)
        running.cancel()
    assert taker.kernel.roles == [SyncRole.RECEIVER]


async def test_a_reload_amid_a_handover_leaves_the_hush() -> None:
    taker = Director()
    await taker.crossing.prepare(PAIR, serves=False)
    await taker.crossing.before_taking(planned=True)
    await taker.crossing.prepare(PAIR, serves=False)
    assert taker.firewall.rules == Hush((VIRTUAL,))


async def test_a_sender_that_does_not_start_after_a_handover_is_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taker = Director()
    await taker.crossing.prepare(replace(PAIR, syncd_iface="eth7"), serves=False)
    await taker.crossing.taken(planned=True)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(taker.crossing.run())
        async with asyncio.timeout(5):
            while not caplog.messages:
                await asyncio.sleep(0)
        running.cancel()
    assert caplog.messages == ["no interface eth7 here"]


async def test_a_director_that_leaves_stops_its_daemon_and_no_other() -> None:
    director = Director()
    await director.crossing.prepare(PAIR, serves=True)
    foreign = SyncDaemon(SyncRole.RECEIVER, "eth9")
    director.kernel.daemons[SyncRole.RECEIVER] = foreign
    assert await director.crossing.leave() == ()
    assert await director.kernel.syncd() == (foreign,)


async def test_a_director_that_leaves_takes_its_rules_along() -> None:
    director = Director()
    await director.crossing.prepare(PAIR, serves=False)
    await director.crossing.before_taking(planned=True)
    assert await director.crossing.leave() == ()
    assert (director.firewall.rules, director.firewall.prepared) == (None, None)


async def test_leaving_without_anything_shared_is_easy() -> None:
    director = Director()
    await director.crossing.prepare(ALONE, serves=True)
    assert await director.crossing.leave() == ()


async def test_a_daemon_that_does_not_stop_is_said() -> None:
    director = Director()
    await director.crossing.prepare(PAIR, serves=True)
    director.kernel.stuck = True
    assert await director.crossing.leave() == ("the daemon did not stop",)


async def test_a_list_that_cannot_be_read_does_not_stop_a_handover() -> None:
    giver = Director(listing=Listing(broken=True))
    await giver.crossing.prepare(PAIR, serves=True)
    expected = ("cannot tell the peer of the connections that are open: no list",)
    assert await giver.crossing.before_giving(EMPTY) == expected
    assert await giver.crossing.given(EMPTY) == expected
    assert await giver.crossing.stands_by() == ()
    assert giver.kernel.roles == [SyncRole.RECEIVER]


async def test_without_a_firewall_it_goes_on_and_says_so() -> None:
    taker = Director(Firewall(works=False))
    [said] = await taker.crossing.prepare(PAIR, serves=False)
    assert "firewall is not installed" in said
    assert await taker.crossing.before_taking(planned=True) == ()


async def test_rules_that_do_not_load_are_said() -> None:
    taker = Director(Firewall(loads=False))
    await taker.crossing.prepare(PAIR, serves=False)
    [said] = await taker.crossing.before_taking(planned=True)
    assert said.endswith("could not be put in force by firewall: table full")


async def test_a_daemon_that_does_not_start_is_kept_as_a_failure_until_it_does() -> None:
    director = Director()
    [said] = await director.crossing.prepare(replace(PAIR, syncd_iface="eth7"), serves=True)
    assert said == "no interface eth7 here"
    assert list(director.crossing.failures) == [said]
    await director.crossing.prepare(PAIR, serves=True)
    assert not director.crossing.failures


@pytest.mark.parametrize("manage", [False, True])
async def test_values_of_the_kernel_are_set_only_where_the_admin_allows_it(manage: bool) -> None:
    director = Director(found=(OTHERWISE,))
    said = await director.crossing.prepare(replace(PAIR, manage_sysctls=manage), serves=True)
    assert director.mended == ([OTHERWISE] if manage else [])
    assert said == (() if manage else (str(OTHERWISE.sentence),))


async def test_directors_that_share_nothing_run_nothing() -> None:
    director = Director(found=(OTHERWISE,))
    crossing = director.crossing
    assert await crossing.prepare(ALONE, serves=True) == ()
    assert await crossing.before_giving(EMPTY) == ()
    assert await crossing.given(EMPTY) == ()
    assert await crossing.before_taking(planned=True) == ()
    assert await crossing.taken(planned=True) == ()
    assert (director.kernel.roles, director.firewall.rules) == ([], None)


async def test_without_the_kernels_plane_it_says_that_nothing_is_shared() -> None:
    crossing = Crossing(None, Hushing([Firewall()]))
    [said] = await crossing.prepare(PAIR, serves=True)
    assert said == "syncdaemon = 1 needs the kernel's IPVS: connections are not shared"
    assert await crossing.taken(planned=True) == ()
