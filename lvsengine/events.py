"""What happened lately: numbered, bounded, and handed on to whoever follows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from lvsengine.control.messages import Event

KEPT = 500
QUEUED = 200


class EventLog:
    """The last 500 events, and the followers of those to come.

    A follower that falls more than 200 events behind is let go: it can ask again from the
    last number that it saw.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._followers: set[asyncio.Queue[Event | None]] = set()
        self._number = 0

    def add(self, at: float, kind: str, subject: str, sentence: str) -> Event:
        self._number += 1
        event = Event(self._number, at, kind, subject, sentence)
        self._events.append(event)
        for queue in tuple(self._followers):
            if queue.full():
                self._followers.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)
        return event

    def after(self, number: int) -> tuple[Event, ...]:
        return tuple(event for event in self._events if event.number > number)

    async def so_far(self, number: int) -> AsyncIterator[Event]:
        """Yield the events after `number`, and end."""
        for event in self.after(number):
            yield event

    async def follow(self, number: int) -> AsyncIterator[Event]:
        """Yield the events after `number`, then each as it comes."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUED)
        self._followers.add(queue)
        try:
            for event in self.after(number):
                yield event
            while (event_or_end := await queue.get()) is not None:
                yield event_or_end
        finally:
            self._followers.discard(queue)
