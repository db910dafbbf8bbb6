from __future__ import annotations

import asyncio

from lvsengine.control.messages import Event
from lvsengine.events import KEPT, QUEUED, EventLog


def an_event_log(count: int) -> EventLog:
    events = EventLog()
    for number in range(count):
        events.add(float(number), "health", "web/one", f"event {number}")
    return events


async def test_only_the_last_events_are_kept_and_their_numbers_go_on() -> None:
    events = an_event_log(KEPT + 10)
    numbers = [event.number for event in events.after(0)]
    assert (numbers[0], numbers[-1], len(numbers)) == (11, KEPT + 10, KEPT)


async def test_what_has_happened_so_far_can_be_asked_from_a_number_on() -> None:
    assert [event.number async for event in an_event_log(5).so_far(3)] == [4, 5]


async def test_a_follower_gets_the_old_and_then_the_new() -> None:
    events = an_event_log(1)
    follower = events.follow(0)
    first = await anext(follower)
    events.add(9.0, "table", "web", "new")
    async with asyncio.timeout(1):
        second = await anext(follower)
    assert (first.sentence, second.sentence) == ("event 0", "new")


async def test_a_follower_that_is_too_slow_is_let_go_and_nobody_waits_for_it() -> None:
    events = an_event_log(0)
    follower = events.follow(0)
    events.add(0.0, "health", "web/one", "first")
    seen: list[Event] = [await anext(follower)]
    for number in range(QUEUED + 1):
        events.add(1.0, "health", "web/one", f"flood {number}")
    async with asyncio.timeout(1):
        seen += [event async for event in follower]
    assert len(seen) <= QUEUED + 1
    assert events.add(2.0, "health", "web/one", "after").number == QUEUED + 3
