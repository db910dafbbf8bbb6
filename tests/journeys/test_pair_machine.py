"""Journeys of two directors' heartbeats: takeovers, handovers, splits, sleep; and properties.

Clocks agree in nothing, not even in how fast they run; the wall clock is never asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from lvsengine.heartbeat.memory import CUT, FAIR, Weather
from lvsengine.heartbeat.packet import Key
from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import (
    Announce,
    Cause,
    OrderKind,
    StepDown,
    TakeOver,
)
from lvsengine.heartbeat.words import Link
from tests.journeys.pair import (
    KEY,
    LOOK_S,
    QUICK,
    TRIP_S,
    WORK_S,
    Director,
    Pair,
    a_pair,
    running,
)
from tests.journeys.virtual_time import run_virtually

KEEPALIVE_S, DEADTIME_S = QUICK.keepalive_s, QUICK.deadtime_s
WITNESSED = replace(QUICK, witness=True)


def play(journey: Callable[[Pair, asyncio.TaskGroup], Awaitable[None]], pair: Pair) -> None:
    """Let a pair begin, with the primary active, and go through `journey`."""

    async def whole() -> None:
        async with running(pair) as group:
            assert await pair.settle() == "primary"
            await asyncio.sleep(5 * pair.primary.settings.keepalive_s)
            for director in pair.both:
                director.actions.clear()
            await journey(pair, group)

    run_virtually(whole())


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> float:
    """Wait for it, and say how long it took."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(LOOK_S / 5)
    return loop.time() - begun


# --- one fault at a time --------------------------------------------------------------------


@pytest.mark.parametrize(("keepalive_s", "deadtime_s"), [(0.05, 0.15), (0.1, 0.3), (6.0, 18.0)])
@pytest.mark.parametrize("seed", range(5))
def test_a_dead_active_is_replaced_after_deadtime_and_no_sooner(
    keepalive_s: float, deadtime_s: float, seed: int
) -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        await asyncio.sleep(seed * keepalive_s / 5)
        pair.primary.crash()
        took_s = await until(lambda: pair.active() == ["backup"], within_s=30)
        assert deadtime_s - keepalive_s <= took_s * 1.01
        assert took_s <= deadtime_s * 1.01 + WORK_S + TRIP_S

    play(journey, a_pair(seed, replace(QUICK, keepalive_s=keepalive_s, deadtime_s=deadtime_s)))


def test_one_heard_link_is_enough() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.network.change(CUT, Link.PUBLIC)
        await asyncio.sleep(2)
        pair.network.change(FAIR)
        pair.network.change(CUT, Link.PRIVATE)
        await asyncio.sleep(2)
        assert pair.active() == ["primary"]
        assert pair.backup.actions == pair.primary.actions == []

    play(journey, a_pair())


def test_each_link_has_its_own_loss_and_age() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.network.change(CUT, Link.PRIVATE, to="backup")
        pair.network.change(Weather(loss=0.3), Link.PUBLIC, to="backup")
        await asyncio.sleep(15)
        assert pair.backup.heartbeat is not None
        links = pair.backup.heartbeat.peer().links
        assert links[Link.PRIVATE].loss == 1.0
        assert (links[Link.PRIVATE].heard_s or 0) > 14
        assert 0.15 < (links[Link.PUBLIC].loss or 0) < 0.5
        assert (links[Link.PUBLIC].heard_s or 9) < 1

    play(journey, a_pair())


@pytest.mark.parametrize("order", [OrderKind.STANDBY, OrderKind.TAKEOVER])
def test_a_planned_handover_leaves_no_moment_without_addresses(order: OrderKind) -> None:
    async def hand_over(giver: Director, taker: Director) -> None:
        ordered = giver if order is OrderKind.STANDBY else taker
        ordered.order(order)
        overlap_s = await until(lambda: giver.holding and taker.holding)
        assert overlap_s < 2 * WORK_S + 2 * TRIP_S
        assert await until(lambda: not giver.holding) < WORK_S + TRIP_S
        await asyncio.sleep(0.2)
        assert ordered.answers()[-1].ok
        causes = [action.cause for action in taker.actions if isinstance(action, TakeOver)]
        assert causes == [Cause.HANDOVER]
        giver.actions.clear()

    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        await hand_over(pair.primary, pair.backup)
        assert pair.active() == ["backup"]
        await hand_over(pair.backup, pair.primary)
        assert pair.active() == ["primary"]

    play(journey, a_pair())


def test_a_planned_handover_gets_through_a_link_that_loses_half() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.network.change(Weather(loss=0.5))
        pair.primary.order(OrderKind.STANDBY)
        await until(lambda: pair.backup.holding and not pair.primary.holding)
        pair.network.change(FAIR)
        await asyncio.sleep(1)
        assert pair.active() == ["backup"]

    for seed in range(20):
        play(journey, a_pair(seed, replace(QUICK, deadtime_s=1.0)))


def test_a_standby_that_is_not_ready_refuses_with_its_reasons() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.backup.be_ready(ok=False, reasons="its table differs")
        await asyncio.sleep(1)
        pair.primary.order(OrderKind.STANDBY)
        pair.backup.order(OrderKind.TAKEOVER)
        await asyncio.sleep(1)
        (from_primary,), (from_backup,) = pair.primary.answers(), pair.backup.answers()
        assert not from_primary.ok
        assert from_primary.sentence == "the backup is not ready: its table differs"
        assert not from_backup.ok
        assert from_backup.sentence == "not ready: its table differs"
        assert pair.active() == ["primary"]

        pair.primary.order(OrderKind.STANDBY, force=True)
        await asyncio.sleep(1)
        assert pair.active() == ["backup"]

    play(journey, a_pair())


def test_a_stop_hands_over_and_a_stop_with_nobody_there_just_stops() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.primary.order(OrderKind.STOP)
        gap = await until(lambda: pair.backup.holding)
        assert pair.primary.holding, "the giver held on until the taker had them"
        assert gap < 2 * WORK_S + 2 * TRIP_S
        await until(lambda: pair.primary.state is None)
        assert pair.primary.answers()[-1].ok
        pair.backup.order(OrderKind.STOP)
        assert await until(lambda: bool(pair.backup.answers())) < 0.1
        assert not pair.backup.holding

    play(journey, a_pair())


def test_the_goodbye_of_a_director_that_could_not_hand_over_ends_the_wait() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.backup.be_ready(ok=False, reasons="most real servers are down")
        await asyncio.sleep(0.2)
        pair.primary.order(OrderKind.STOP)
        assert await until(lambda: pair.backup.holding) < 2 * WORK_S + 2 * TRIP_S
        assert not pair.primary.holding

    play(journey, a_pair())


def test_a_lost_public_link_is_said_over_the_private_one() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.network.change(CUT, Link.PUBLIC)
        pair.primary.tell_link(down=True)
        assert await until(lambda: pair.active() == ["backup"]) < 2 * WORK_S + 2 * TRIP_S
        await asyncio.sleep(1)
        assert pair.active() == ["backup"]
        pair.backup.crash()
        await asyncio.sleep(1)
        assert pair.active() == [], "without its public link it does not take over"
        pair.primary.tell_link(down=False)
        await asyncio.sleep(0.1)
        assert pair.active() == ["primary"]

    play(journey, a_pair(settings=replace(QUICK, monitor_links=True)))


def test_a_lost_public_link_changes_nothing_while_the_peer_cannot_serve_either() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.backup.tell_link(down=True)
        await asyncio.sleep(0.2)
        pair.primary.tell_link(down=True)
        await asyncio.sleep(1)
        assert pair.active() == ["primary"]
        pair.backup.tell_link(down=False)
        assert await until(lambda: pair.active() == ["backup"]) < 0.1

    play(journey, a_pair(settings=replace(QUICK, monitor_links=True)))


def test_after_a_split_the_backup_yields_and_then_the_primary_announces() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.network.change(CUT)
        await until(lambda: pair.active() == ["primary", "backup"])
        await asyncio.sleep(2)
        announced: list[bool] = []
        pair.network.change(FAIR)
        await until(lambda: any(isinstance(a, StepDown) for a in pair.backup.actions))
        assert not any(isinstance(a, Announce) for a in pair.primary.actions)
        while not announced:
            if any(isinstance(a, Announce) for a in pair.primary.actions):
                announced.append(pair.backup.holding)
            await asyncio.sleep(LOOK_S / 5)
        assert announced == [False], "the backup had let go by then"
        assert pair.active() == ["primary"]

    play(journey, a_pair())


@pytest.mark.parametrize("sleeper", ["primary", "backup"])
@pytest.mark.parametrize("keys", [True, False])
def test_an_active_that_slept_lets_go_at_once_and_makes_nobody_yield(
    sleeper: str, keys: bool
) -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        slept, other = (
            (pair.primary, pair.backup) if sleeper == "primary" else (pair.backup, pair.primary)
        )
        if slept is pair.backup:
            pair.primary.order(OrderKind.STANDBY)
            await asyncio.sleep(0.5)
        assert pair.active() == [slept.who]
        slept.actions.clear()
        other.actions.clear()
        slept.sleep()
        await asyncio.sleep(2 * DEADTIME_S)
        assert other.state is State.ACTIVE
        slept.wake()
        at_once_s = KEEPALIVE_S / 4 + WORK_S + 2 * TRIP_S
        assert await until(lambda: not slept.holding) < at_once_s
        await asyncio.sleep(1)
        assert pair.active() == [other.who]
        assert not any(isinstance(action, StepDown) for action in other.actions)

    play(journey, a_pair() if keys else a_pair(keys=()))


@pytest.mark.parametrize("keys", [True, False])
def test_a_standby_that_slept_does_not_declare_its_peer_dead(keys: bool) -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.backup.sleep()
        await asyncio.sleep(3 * DEADTIME_S)
        pair.backup.wake()
        await asyncio.sleep(1)
        assert not any(isinstance(action, TakeOver) for action in pair.backup.actions)
        assert pair.active() == ["primary"]

    play(journey, a_pair() if keys else a_pair(keys=()))


def test_a_restarted_active_finds_its_peer_active_and_stays_standby() -> None:
    async def journey(pair: Pair, group: asyncio.TaskGroup) -> None:
        pair.primary.crash()
        await asyncio.sleep(0.05)
        pair.primary.start(group)
        await asyncio.sleep(2)
        assert pair.active() == ["backup"]
        assert pair.primary.state is State.STANDBY

    play(journey, a_pair())


def test_the_primary_takes_back_only_when_told_to_and_long_enough_ready() -> None:
    async def journey(pair: Pair, group: asyncio.TaskGroup) -> None:
        pair.primary.crash()
        await until(lambda: pair.active() == ["backup"])
        pair.primary.start(group)
        await asyncio.sleep(2.0)
        pair.primary.be_ready(ok=False)
        pair.primary.be_ready()
        waited_s = await until(lambda: pair.active() == ["primary"])
        assert 2.95 < waited_s < 3.1

    play(journey, a_pair(settings=replace(QUICK, auto_failback=True, failback_delay_s=3.0)))


def test_a_standby_that_reaches_no_witness_is_the_isolated_one() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.backup.witness_answers = False
        pair.network.change(CUT)
        await asyncio.sleep(2)
        assert pair.active() == ["primary"]
        pair.backup.witness_answers = True
        assert await until(lambda: "backup" in pair.active()) < DEADTIME_S + 0.1

    play(journey, a_pair(settings=WITNESSED))


def test_an_isolated_active_yields_only_when_told_to() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.primary.witness_answers = False
        pair.network.change(CUT)
        await asyncio.sleep(2)
        kept = not pair.primary.settings.yield_when_isolated
        assert pair.active() == (["primary", "backup"] if kept else ["backup"])

    play(journey, a_pair(settings=WITNESSED))
    play(journey, a_pair(settings=replace(WITNESSED, yield_when_isolated=True)))


def test_of_two_active_the_one_that_is_not_heard_yields() -> None:
    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        pair.network.change(CUT, to="backup")  # the primary hears the backup, not vice versa
        await asyncio.sleep(4 * DEADTIME_S)
        assert pair.active() == ["backup"]

    play(journey, a_pair())


def test_both_keys_are_valid_while_the_key_is_changed() -> None:
    new = Key(8, b"n" * 32)

    async def journey(pair: Pair, _group: asyncio.TaskGroup) -> None:
        for keys in [(KEY, new), (new, KEY), (new,)]:
            for director in pair.both:
                assert director.heartbeat is not None
                director.heartbeat.configure(director.settings, keys)
                await asyncio.sleep(1)
        assert pair.active() == ["primary"]
        assert pair.primary.actions == pair.backup.actions == []

    play(journey, a_pair())


# --- the original's four bytes ----------------------------------------------------------------


def test_a_pair_without_a_key_takes_over_and_stops_as_the_original_does() -> None:
    async def journey(pair: Pair, group: asyncio.TaskGroup) -> None:
        pair.primary.order(OrderKind.STOP)
        assert await until(lambda: pair.active() == ["backup"]) < 2 * WORK_S + 2 * TRIP_S
        pair.primary.crash()
        pair.primary.start(group)
        await asyncio.sleep(2)
        assert pair.active() == ["backup"]
        pair.backup.crash()
        assert await until(lambda: pair.active() == ["primary"]) < DEADTIME_S + 0.02
        pair.backup.start(group)
        pair.network.change(CUT)
        await asyncio.sleep(2)
        pair.network.change(FAIR)
        await asyncio.sleep(0.5)
        assert pair.active() == ["primary"]
        assert any(isinstance(action, Announce) for action in pair.primary.actions)
        pair.primary.order(OrderKind.STANDBY)
        await asyncio.sleep(0.5)
        assert pair.active() == ["backup"]

    play(journey, a_pair(keys=()))


def test_a_pair_of_which_only_one_has_the_key_does_not_hear_each_other() -> None:
    async def whole() -> None:
        pair = a_pair(backup_keys=())
        async with running(pair):
            await asyncio.sleep(2)
            assert pair.active() == ["primary", "backup"]
            assert pair.primary.heartbeat is not None
            assert set(pair.primary.heartbeat.peer().rejected) == {"old form"}

    run_virtually(whole())
