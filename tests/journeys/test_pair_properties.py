"""What holds of two directors' heartbeats whatever happens: under any script of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lvsengine.heartbeat.memory import ADDRESSES, CUT, FAIR, Weather
from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import OrderKind, Settings, StepDown, TakeOver
from lvsengine.heartbeat.words import Link
from tests.journeys.pair import (
    CLOCKS_S,
    KEY,
    LOOK_S,
    QUICK,
    READY_AFTER_S,
    TRIP_S,
    WORK_S,
    Pair,
    a_pair,
    running,
)
from tests.journeys.virtual_time import run_virtually

KEEPALIVE_S, DEADTIME_S = QUICK.keepalive_s, QUICK.deadtime_s
WITNESSED = replace(QUICK, witness=True)


@dataclass(frozen=True)
class Fault:
    after_s: float
    kind: str
    who: str
    weather: Weather = FAIR
    link: Link = Link.PUBLIC


WEATHERS = st.sampled_from(
    [
        CUT,
        FAIR,
        Weather(loss=0.3),
        Weather(loss=0.7, doubled=0.3, jitter_s=0.05),
        Weather(delay_s=0.02, jitter_s=0.3, doubled=0.5),
    ]
)
WHO = st.sampled_from(["primary", "backup"])
ORDERS = {"standby": OrderKind.STANDBY, "takeover": OrderKind.TAKEOVER}


def faults(*kinds: str, links: Sequence[Link] = tuple(Link)) -> st.SearchStrategy[list[Fault]]:
    one = st.builds(
        Fault,
        st.floats(0.001, 0.8),
        st.sampled_from(kinds),
        WHO,
        WEATHERS,
        st.sampled_from(links),
    )
    return st.lists(one, min_size=1, max_size=12)


def strike(pair: Pair, group: asyncio.TaskGroup, fault: Fault) -> None:
    director = pair.primary if fault.who == "primary" else pair.backup
    match fault.kind:
        case "weather":
            pair.network.change(fault.weather, fault.link, to=fault.who)
        case "crash":
            director.crash()
        case "start":
            director.start(group)
        case "sleep":
            director.sleep()
        case "wake":
            director.wake()
        case "stop":
            director.order(OrderKind.STOP)
        case "cable out" | "cable in":
            director.tell_link(fault.link, down=fault.kind == "cable out")
        case order:
            director.order(ORDERS[order])


MILD_FAULTS = ("weather", "crash", "start", "stop", "standby", "takeover", "cable out", "cable in")
MONITORED = replace(QUICK, monitor_links=True)
BY_NAT = replace(MONITORED, needs=frozenset(Link))
CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PAIRS = st.sampled_from(
    [
        QUICK,
        MONITORED,
        BY_NAT,
        replace(BY_NAT, auto_failback=True, failback_delay_s=0.5),
        replace(WITNESSED, yield_when_isolated=True),
    ]
)


@CALM
@given(
    script=faults("sleep", "wake", *MILD_FAULTS),
    settings=PAIRS,
    seed=st.integers(0, 1000),
    keyed=st.booleans(),
)
def test_after_the_network_heals_exactly_one_is_active(
    script: list[Fault], settings: Settings, seed: int, keyed: bool
) -> None:
    async def whole() -> None:
        pair = a_pair(seed, settings, keys=(KEY,) if keyed else ())
        async with running(pair) as group:
            for fault in script:
                strike(pair, group, fault)
                await asyncio.sleep(fault.after_s)
            await healed(pair, group)
            chosen = pair.active()
            assert len(chosen) == 1
            for _ in range(100):
                await asyncio.sleep(LOOK_S)
                if not settings.auto_failback:
                    assert [one.who for one in pair.both if one.holding] == chosen

    run_virtually(whole())


async def healed(pair: Pair, group: asyncio.TaskGroup) -> None:
    """Mend everything, end what was ordered, and give the pair the time that it may take."""
    for director in pair.both:
        director.wake()
    while any(one.state is State.STOPPING for one in pair.both):
        await asyncio.sleep(LOOK_S)
    for director in pair.both:
        director.start(group)
        for link in Link:
            director.tell_link(link, down=False)
    pair.network.change(FAIR)
    await asyncio.sleep(DEADTIME_S + KEEPALIVE_S + READY_AFTER_S + WORK_S + CLOCKS_S)


@CALM
@given(script=faults(*MILD_FAULTS, links=[Link.PUBLIC]), settings=PAIRS, seed=st.integers(0, 1000))
def test_while_one_link_works_there_are_never_two(
    script: list[Fault], settings: Settings, seed: int
) -> None:
    """Both hold the addresses only in a planned handover, and then for a moment."""

    async def watch(pair: Pair) -> None:
        both_s = 0.0
        while True:
            states = [one.state for one in pair.both]
            assert states != [State.ACTIVE, State.ACTIVE]
            both_s = both_s + LOOK_S if all(one.holding for one in pair.both) else 0.0
            assert both_s <= 2 * LOOK_S + WORK_S + TRIP_S
            await asyncio.sleep(LOOK_S)

    async def whole() -> None:
        pair = a_pair(seed, settings)
        async with running(pair) as group:
            watching = group.create_task(watch(pair))
            for fault in script:
                strike(pair, group, fault)
                await asyncio.sleep(fault.after_s)
            watching.cancel()

    run_virtually(whole())


@CALM
@given(
    forged=st.lists(st.binary(max_size=600), max_size=20),
    recorded=st.integers(0, 10_000),
    seed=st.integers(0, 1000),
)
def test_no_bytes_make_a_director_with_a_key_change(
    forged: list[bytes], recorded: int, seed: int
) -> None:
    """Neither made-up bytes nor recordings: of now, or of before a restart of either."""

    async def whole() -> None:
        pair = a_pair(seed)
        tape: list[bytes] = []
        carry = pair.network.carry

        async def attack() -> None:
            for data in (*forged, tape[recorded % len(tape)], *tape[-200::20]):
                for link in Link:
                    for who, other in [("primary", "backup"), ("backup", "primary")]:
                        carry(link, ADDRESSES[other][link], ADDRESSES[who][link], data)
                await asyncio.sleep(0.01)

        async with running(pair) as group:
            pair.network.on_carry = tape.append
            await pair.settle()
            await asyncio.sleep(1)
            pair.primary.order(OrderKind.STOP)
            await asyncio.sleep(1)
            pair.primary.crash()
            await attack()
            assert pair.active() == ["backup"]
            pair.primary.start(group)
            await attack()
            await asyncio.sleep(1)
            assert pair.active() == ["backup"]
            assert pair.primary.state is State.STANDBY
            steps = [a for a in pair.backup.actions if isinstance(a, TakeOver | StepDown)]
            assert len(steps) == 1

    run_virtually(whole())


@CALM
@given(
    who=WHO,
    pulls=st.lists(
        st.tuples(st.sampled_from(Link), st.booleans(), st.floats(0.001, 1.5)), max_size=12
    ),
    settings=st.sampled_from([MONITORED, BY_NAT]),
    seed=st.integers(0, 1000),
    keyed=st.booleans(),
)
def test_cables_of_one_director_that_come_and_go_never_make_two_active(
    who: str,
    pulls: list[tuple[Link, bool, float]],
    settings: Settings,
    seed: int,
    keyed: bool,
) -> None:
    """In any order, for any time. The other one once active stays so, whatever comes back."""

    async def whole() -> None:
        pair = a_pair(seed, settings, keys=(KEY,) if keyed else ())
        plugged = pair.primary if who == "primary" else pair.backup
        (other,) = set(pair.both) - {plugged}

        async def watch(seconds: float) -> None:
            for _ in range(int(seconds / LOOK_S)):
                assert [one.state for one in pair.both] != [State.ACTIVE, State.ACTIVE]
                await asyncio.sleep(LOOK_S)

        async with running(pair):
            assert await pair.settle() == "primary"
            await watch(1)
            for link, out, for_s in pulls:
                plugged.cable(link, out=out)
                await watch(for_s)
            was_active = other.state is State.ACTIVE
            for link in Link:
                plugged.cable(link, out=False)
                await watch(TRIP_S)
            await watch(2 * DEADTIME_S)
            assert len(pair.active()) == 1
            assert not was_active or pair.active() == [other.who]
            assert not any(isinstance(action, StepDown) for action in other.actions)

    run_virtually(whole())
