"""Two directors' heartbeats in one process: what each holds, and how they can come to harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from lvsengine.heartbeat.driver import Heartbeat
from lvsengine.heartbeat.memory import MemoryNetwork, MemoryTransport
from lvsengine.heartbeat.packet import Key
from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.transport import Receive
from lvsengine.heartbeat.values import (
    Action,
    AddressesDown,
    AddressesUp,
    Answer,
    AskWitness,
    Give,
    LinkDown,
    LinkUp,
    Order,
    OrderKind,
    Ready,
    Settings,
    Sharing,
    StepDown,
    TakeOver,
    Told,
    WitnessAnswer,
)
from lvsengine.heartbeat.words import Link
from lvsengine.net import Address

KEY = Key(7, b"k" * 32)
WORK_S = 0.004  # to raise the addresses, or take them away
LOOK_S = 0.005
READY_AFTER_S = 0.02
CLOCKS_S = 0.01  # what half a per cent of clock rate makes of a deadtime, and rounding
TRIP_S = 0.002  # there and back in fair weather, with the looks between


class _Gate:
    """A director's door to the network: nothing goes through while it sleeps."""

    def __init__(self, transport: MemoryTransport, asleep: Callable[[], bool]) -> None:
        self._transport = transport
        self._asleep = asleep
        self._kept: list[tuple[bytes, Address, Link]] = []
        self._receive: Receive | None = None
        self.sources = transport.sources
        self.send = transport.send
        self.close = transport.close

    def open(self, receive: Receive) -> None:
        self._receive = receive
        self._transport.open(self._arrive)

    def _arrive(self, data: bytes, source: Address, link: Link) -> None:
        if self._asleep():
            self._kept.append((data, source, link))
        elif self._receive is not None:
            self._receive(data, source, link)

    def wake(self) -> None:
        kept, self._kept = self._kept, []
        for one in kept:
            self._arrive(*one)


@dataclass(eq=False)
class Director:
    """One of the two; `holding` is what a real one would have on its interfaces.

    Attributes:
        clock_ahead_s, clock_rate: Its steady clock beside the loop's.
    """

    who: str
    settings: Settings
    network: MemoryNetwork
    keys: Sequence[Key] = (KEY,)
    clock_ahead_s: float = 0.0
    clock_rate: float = 1.0
    witness_answers: bool = True
    holding: bool = False
    actions: list[Action] = field(default_factory=list)
    heartbeat: Heartbeat | None = None
    _task: asyncio.Task[None] | None = None
    _gate: _Gate | None = None
    _asleep: bool = False
    _kept: list[Callable[[], None]] = field(default_factory=list)
    _orders: int = 0

    def clock(self) -> float:
        return self.clock_ahead_s + self.clock_rate * asyncio.get_running_loop().time()

    def later(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        heartbeat = self.heartbeat

        def fire() -> None:
            if self._asleep:
                self._kept.append(fire)
            elif self.heartbeat is heartbeat:  # else it died meanwhile
                call()

        return asyncio.get_running_loop().call_later(delay_s, fire)

    def start(self, group: asyncio.TaskGroup) -> None:
        if self.heartbeat is not None:
            return
        self._gate = _Gate(self.network.join(self.who), lambda: self._asleep)
        self.heartbeat = Heartbeat(
            self.settings,
            self._gate,
            self._on_action,
            keys=self.keys,
            clock=self.clock,
            later=self.later,
        )
        self._task = group.create_task(self.heartbeat.run())
        self.later(READY_AFTER_S, self.be_ready)

    def be_ready(self, *, ok: bool = True, reasons: str = "") -> None:
        assert self.heartbeat is not None
        self.heartbeat.tell(Ready(self.clock(), ok, reasons))
        self.heartbeat.tell(Sharing(self.clock(), listens=None))

    def crash(self) -> None:
        """Lose power."""
        self.wake()
        if self._task is not None:
            self._task.cancel()
        self.heartbeat = self._task = self._gate = None
        self.holding = False

    def sleep(self) -> None:
        self._asleep = self.heartbeat is not None

    def wake(self) -> None:
        """Go on: what came in meanwhile is read first, then the timers fire."""
        if not self._asleep:
            return
        self._asleep = False
        if self._gate is not None:
            self._gate.wake()
        kept, self._kept = self._kept, []
        for fire in kept:
            fire()

    def tell_link(self, link: Link = Link.PUBLIC, *, down: bool) -> None:
        """Pull or put back a cable, as far as the director can see it."""
        if self.heartbeat is not None and not self._asleep:
            event = LinkDown if down else LinkUp
            self.heartbeat.tell(event(self.clock(), link))

    def cable(self, link: Link, *, out: bool) -> None:
        """Pull or put back a cable: nothing goes through it, and the director sees so."""
        self.network.unplug(link, self.who, out=out)
        self.tell_link(link, down=out)

    def order(self, kind: OrderKind, *, force: bool = False) -> None:
        self._orders += 1
        if self.heartbeat is not None and not self._asleep:
            self.heartbeat.tell(Order(self.clock(), self._orders, kind, force))

    @property
    def state(self) -> State | None:
        return self.heartbeat.machine.state if self.heartbeat is not None else None

    @property
    def awake(self) -> bool:
        return not self._asleep

    def answers(self) -> list[Answer]:
        return [action for action in self.actions if isinstance(action, Answer)]

    def _on_action(self, action: Action) -> None:
        self.actions.append(action)
        match action:
            case TakeOver():
                self.later(WORK_S, self._up)
            case StepDown():
                self.later(WORK_S, self._down)
            case Give():
                self.later(WORK_S, self._told)
            case AskWitness():
                self.later(LOOK_S, self._witness)
            case Answer() if self.state is State.STOPPING:
                self.later(0.0, self.crash)  # all is said and done: the process ends

    def _up(self) -> None:
        assert self.heartbeat is not None
        if self.state is not State.LETTING_GO:
            self.holding = True
            self.heartbeat.tell(AddressesUp(self.clock()))

    def _told(self) -> None:
        assert self.heartbeat is not None
        self.heartbeat.tell(Told(self.clock()))

    def _down(self) -> None:
        assert self.heartbeat is not None
        self.holding = False
        self.heartbeat.tell(AddressesDown(self.clock()))

    def _witness(self) -> None:
        assert self.heartbeat is not None
        self.heartbeat.tell(WitnessAnswer(self.clock(), self.witness_answers))


@dataclass
class Pair:
    network: MemoryNetwork
    primary: Director
    backup: Director

    @property
    def both(self) -> tuple[Director, Director]:
        return self.primary, self.backup

    def active(self) -> list[str]:
        return [one.who for one in self.both if one.state is State.ACTIVE and one.holding]

    async def settle(self, within_s: float = 30.0) -> str:
        """Wait until just one is active, and say which."""
        async with asyncio.timeout(within_s):
            while len(self.active()) != 1:
                await asyncio.sleep(LOOK_S)
        return self.active()[0]


QUICK = Settings(primary=True, keepalive_s=0.1, deadtime_s=0.3)


def a_pair(
    seed: int = 0,
    settings: Settings = QUICK,
    *,
    keys: Sequence[Key] = (KEY,),
    backup_keys: Sequence[Key] | None = None,
) -> Pair:
    """Make two directors, none started, whose clocks agree in nothing."""
    network = MemoryNetwork(seed)
    rate = 1 + (seed % 11 - 5) / 1000
    primary = Director("primary", settings, network, keys, 1000.5 * seed, rate)
    backup = Director(
        "backup",
        replace(settings, primary=False),
        network,
        keys if backup_keys is None else backup_keys,
        -777.7 * seed,
        2 - rate,
    )
    return Pair(network, primary, backup)


@asynccontextmanager
async def running(pair: Pair) -> AsyncIterator[asyncio.TaskGroup]:
    async with asyncio.TaskGroup() as group:
        for director in pair.both:
            director.start(group)
        yield group
        for director in pair.both:
            director.crash()
