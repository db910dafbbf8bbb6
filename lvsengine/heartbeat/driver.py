"""Feed the clock and the datagrams to the machine, send its words, hand on its other actions.

Decides nothing: `machine` says who is active, `receiving` which datagram may have an effect.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from lvsengine.heartbeat import machine as machines
from lvsengine.heartbeat import packet
from lvsengine.heartbeat.packet import Key, Sender
from lvsengine.heartbeat.receiving import Copy, Fresh, Receiver, Rejection, Stranger
from lvsengine.heartbeat.state import Machine, begun
from lvsengine.heartbeat.transport import Transport
from lvsengine.heartbeat.values import (
    Action,
    Event,
    PeerKnocks,
    PeerWord,
    SendHeartbeat,
    Settings,
    Tick,
)
from lvsengine.heartbeat.words import Link, Word
from lvsengine.net import Address

log = logging.getLogger("pulse")

BITS = 64
GRAIN_S = 1e-6  # the loop fires a nanosecond early: just before the moment, in vain
MOST_EVENTS = 1000  # told before `run`, or by `on_action`; older ones are forgotten
ORIGINAL_SENTENCES = {
    Rejection.BAD_LENGTH: "bad heartbeat packet",
    Rejection.UNKNOWN: "bad heartbeat packet",
    Rejection.ELSEWHERE: "Unexpected heartbeat",
    Rejection.FOREIGN: "Incompatible heartbeat received -- other system not using identical"
    " services",
}


class Timer(Protocol):
    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]


def steady() -> float:
    """Seconds that never jump, and go on while the machine itself sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def later(delay_s: float, call: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(delay_s, call)


@dataclass(frozen=True, slots=True)
class LinkPicture:
    """One link as this director hears it.

    Attributes:
        heard_s: Seconds since the peer was last heard on it; None: never.
        loss: Share of the peer's last 100 words that did not come, 0 to 1; None: unknown.
        failed: Why the last heartbeat could not be sent; empty when it was.
    """

    heard_s: float | None
    loss: float | None
    failed: str = ""


@dataclass(frozen=True, slots=True)
class PeerPicture:
    """The peer as this director hears it.

    Attributes:
        word: Its last word; None before the first.
        heard_s: Seconds since that word.
        since_s: Seconds since it stands as it does.
        rejected: How many datagrams had no effect, by the reason why.
    """

    word: Word | None
    heard_s: float | None
    since_s: float | None
    links: dict[Link, LinkPicture] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)


class Heartbeat:
    """One director's part in the pair.

    `on_action` gets every action but `SendHeartbeat`, in order, on the loop; it must not
    block, and may call `tell`. An exception in it ends `run`.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        on_action: Callable[[Action], None],
        *,
        keys: Sequence[Key] = (),
        clock: Callable[[], float] = steady,
        later: Later = later,
        boot: int | None = None,
    ) -> None:
        """Take the parts.

        Args:
            keys: The first signs, all verify; none means the original form.
            clock: Seconds that only rise. Events told must be stamped by it: see `now`.
            later: Calls back on the loop after so many of the loop's seconds.
            boot: Tells this run from every other; random unless a test says otherwise.
        """
        self._transport = transport
        self._on_action = on_action
        self._clock = clock
        self._later = later
        self._settings = replace(settings, original=not keys)
        self._receiver = Receiver(
            transport.sources,
            keys,
            Sender.PRIMARY if settings.primary else Sender.BACKUP,
            secrets.randbits(BITS) if boot is None else boot,
            settings.deadtime_s,
        )
        # Half the range: it is counted up from here, and must fit 64 bits.
        self._machine = begun(clock(), secrets.randbits(BITS - 1))
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._running: asyncio.Future[None] | None = None
        self._timer: Timer | None = None
        self._stepping = False
        self._failed: dict[Link, str] = {}

    @property
    def machine(self) -> Machine:
        """Its state, since when, and why."""
        return self._machine

    def now(self) -> float:
        """The time with which to stamp an event."""
        return self._clock()

    async def run(self) -> None:
        """Take part until cancelled.

        Raises:
            EngineError: `no-heartbeat-socket`.
        """
        self._running = asyncio.get_running_loop().create_future()
        self._begin_now(self._clock())
        self._transport.open(self._received)
        try:
            self._tick()
            await self._running
        finally:
            self._running = None
            if self._timer is not None:
                self._timer.cancel()
            self._transport.close()

    def _begin_now(self, now: float) -> None:
        """What passed before `run` was neither silence nor sleep."""
        self._machine = replace(self._machine, since=now, listen_from=now, send_at=now, due_at=now)
        for _ in range(len(self._events)):
            self._events.append(replace(self._events.popleft(), at=now))

    def tell(self, event: Event) -> None:
        """Take an event in, stamped by `now`; one told before `run` waits for it."""
        self._events.append(event)
        if not self._stepping and self._running is not None:
            self._work()

    def configure(
        self, settings: Settings, keys: Sequence[Key], transport: Transport | None = None
    ) -> None:
        """Go on by a new lvs.cf; who is active does not change by that.

        Raises:
            EngineError: `no-heartbeat-socket`, when a new transport cannot be opened; the old
                one is closed by then.
        """
        self._settings = replace(settings, original=not keys)
        self._receiver.fresh_s = settings.deadtime_s
        self._receiver.rekey(keys)
        if transport is not None:
            self._transport.close()
            self._transport = transport
            self._receiver.sources = transport.sources
            self._failed = {}
            if self._running is not None:
                transport.open(self._received)
        self.tell(Tick(self._clock()))

    def peer(self) -> PeerPicture:
        """Draw the picture for the snapshot."""
        now, peer = self._clock(), self._machine.peer
        links = {
            link: LinkPicture(
                _age(now, self._receiver.links[link].heard_at),
                self._receiver.lost(link),
                self._failed.get(link, ""),
            )
            for link in self._settings.links
        }
        rejected = {kind.value: number for kind, number in self._receiver.rejected.items()}
        if peer is None:
            return PeerPicture(None, None, None, links, rejected)
        return PeerPicture(
            peer.word, _age(now, peer.heard_at), _age(now, peer.since), links, rejected
        )

    # --- in -------------------------------------------------------------------------------

    def _tick(self) -> None:
        self.tell(Tick(self._clock()))

    def _received(self, data: bytes, source: Address, link: Link) -> None:
        now = self._clock()
        heard = self._receiver.receive(data, source, link, now)
        match heard:
            case Fresh(word=word, knows=knows):
                self.tell(PeerWord(now, word, knows))
            case Stranger():
                self.tell(PeerKnocks(now))
            case Rejection():
                self._say_rejected(heard, source)
            case Copy():
                pass

    def _say_rejected(self, why: Rejection, source: Address) -> None:
        """Say it for the first, the tenth, the hundredth ..., so that a flood fills no log."""
        number = self._receiver.rejected[why]
        if number != 10 ** (len(str(number)) - 1):
            return
        sentence = ORIGINAL_SENTENCES.get(why, "heartbeat without effect")
        log.info("%s (%s from %s, %d so far)", sentence, why.value, source, number)

    def _work(self) -> None:
        """Take in all that waits, then wait for the machine's next moment."""
        self._stepping = True
        try:
            while self._events:
                event = self._events.popleft()
                self._machine, actions = machines.step(self._settings, self._machine, event)
                for action in actions:
                    self._carry_out(action)
        except Exception as error:
            self._end(error)
        finally:
            self._stepping = False
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._later(
            max(0.0, self._machine.due_at - self._clock()) + GRAIN_S, self._tick
        )

    def _end(self, error: Exception) -> None:
        if self._running is not None and not self._running.done():
            self._running.set_exception(error)

    # --- out ------------------------------------------------------------------------------

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, SendHeartbeat):
            self._send(action)
        else:
            self._on_action(action)

    def _send(self, action: SendHeartbeat) -> None:
        data = self._wire(action.word)
        for link in action.links:
            failed = self._transport.send(link, data)
            if failed and failed != self._failed.get(link):
                log.warning("Warning -- failed to send heartbeat (%s if): %s", link.value, failed)
            self._failed[link] = failed

    def _wire(self, word: Word) -> bytes:
        if self._settings.original:
            return packet.original(word.stance)
        numbered = self._receiver.next_packet(word, self._clock())
        return packet.seal(self._receiver.keys[0], numbered)


def _age(now: float, then: float | None) -> float | None:
    return None if then is None else now - then
