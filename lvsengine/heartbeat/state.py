"""What a director knows of itself and of the peer, and the few ways its role changes.

Functions give back a new machine; what must be done is appended to its `doing`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from lvsengine.heartbeat.values import (
    Action,
    Answer,
    Cause,
    Order,
    OrderKind,
    Ready,
    Settings,
    Sharing,
    StepDown,
    TakeOver,
)
from lvsengine.heartbeat.words import SERVING, Link, Stance, Step, Word

NEVER = float("-inf")
NOT_READY = Ready(NEVER, ok=False, reasons="not ready yet")
GOODBYES = 3


class State(Enum):
    """LETTING_GO: stepped down, and the engine has not yet said that the addresses are gone."""

    STANDBY = "standby"
    ACTIVE = "active"
    TAKING = "taking over"
    GIVING = "handing over"
    LETTING_GO = "letting go"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Peer:
    """The peer by its last word.

    Attributes:
        since: When it began to stand as it does, as heard here.
        knows: As in `receiving.Fresh`.
        served: It was active, or as good as, since we became standby.
    """

    word: Word
    heard_at: float
    since: float
    knows: float | None
    served: bool

    @property
    def stance(self) -> Stance:
        return self.word.stance


@dataclass(frozen=True, slots=True)
class Exchange:
    """A planned handover as seen from here.

    Attributes:
        step: What we say; None: nothing yet, for we tell the peer's kernel of connections.
        reasons: Why we refuse.
    """

    number: int
    step: Step | None
    force: bool
    deadline: float
    reasons: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An active director that was asleep and does not know whether it still should be."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The question to the witnesses.

    Attributes:
        at: When it was asked, or answered. `reached`: None until then.
        said: Whether it has been said that no witness answers.
    """

    at: float
    reached: bool | None = None
    said: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """One director.

    Attributes:
        since: When `state` became so. `reason`: why.
        listen_from: Silence before this does not count against the peer, nor do words.
        found_by: Until then the peer may not have been found again after all cables were out.
        quiet_until: Until then nothing is decided by words that may have waited in a buffer.
        hold_until: Until then a peer that merely stands by is no reason to take over: we have
            just given it the role.
        due_at: When the next event should have come at the latest.
        ready_since: Since when `ready` is ok without a break.
        links_down: Of this director's own. `crippled_since`: when the first was lost without
            which it cannot serve; None while it can.
        sharing: The last that was said of it. `listens_since`: since when without a break; None
            where it does not. `cold_said`: that the primary waits for it.
        contested: The peer held the addresses too while we were active.
        unaware_since: Since when it claims them without having heard our claim.
        deadline: Of LETTING_GO.
        exchanges: Numbers the planned handovers.
        goodbyes: Still to be said while STOPPING.
    """

    state: State
    reason: str
    since: float
    listen_from: float
    send_at: float
    due_at: float
    found_by: float = NEVER
    quiet_until: float = NEVER
    hold_until: float = NEVER
    peer: Peer | None = None
    ready: Ready = NOT_READY
    ready_since: float = NEVER
    links_down: frozenset[Link] = frozenset()
    crippled_since: float | None = None
    sharing: Sharing | None = None
    listens_since: float | None = None
    cold_said: bool = False
    contested: bool = False
    unaware_since: float | None = None
    doubt: Doubt | None = None
    inquiry: Inquiry | None = None
    exchange: Exchange | None = None
    exchanges: int = 0
    order: Order | None = None
    deadline: float = NEVER
    goodbyes: int = 0
    said: Word | None = None
    said_at: float = NEVER
    doing: tuple[Action, ...] = ()

    def act(self, *actions: Action) -> Machine:
        return replace(self, doing=(*self.doing, *actions))


def begun(at: float, exchanges: int = 0) -> Machine:
    """Start as standby, whatever was before.

    Args:
        exchanges: A random number, so that no handover of an earlier run has the same.
    """
    return Machine(State.STANDBY, "started", at, at, at, at, exchanges=exchanges)


def become(machine: Machine, state: State, at: float, reason: str) -> Machine:
    """Change the state, and answer the order that wanted just this."""
    machine = replace(machine, state=state, since=at, reason=reason, inquiry=None, cold_said=False)
    order = machine.order
    wanted = {OrderKind.TAKEOVER: State.ACTIVE, OrderKind.STANDBY: State.STANDBY}
    if order is not None and wanted.get(order.kind) is state:
        return answered(machine, ok=True, sentence=reason)
    return machine


def answered(machine: Machine, *, ok: bool, sentence: str) -> Machine:
    """Answer the order that is being carried out, if there is one."""
    if machine.order is None:
        return machine
    answer = Answer(machine.order.number, ok, sentence)
    return replace(machine, order=None).act(answer)


def take_over(machine: Machine, at: float, cause: Cause, reason: str) -> Machine:
    """Become active at once."""
    machine = machine.act(TakeOver(reason, cause))
    return become(settled(machine), State.ACTIVE, at, reason)


def settled(machine: Machine) -> Machine:
    """Forget what only mattered on the way here."""
    return replace(machine, exchange=None, contested=False, unaware_since=None, doubt=None)


def step_down(
    settings: Settings,
    machine: Machine,
    at: float,
    cause: Cause,
    reason: str,
    *,
    planned: bool = False,
) -> Machine:
    """Let go of the addresses; the role is free when the engine says that they are gone."""
    machine = replace(
        machine.act(StepDown(reason, cause, planned)),
        deadline=at + max(settings.deadtime_s, settings.handover_s),
        contested=False,
        unaware_since=None,
        doubt=None,
    )
    if machine.order is not None and machine.order.kind is OrderKind.TAKEOVER:
        machine = answered(machine, ok=False, sentence=reason)
    return become(machine, State.LETTING_GO, at, reason)


def let_go(settings: Settings, machine: Machine, at: float) -> Machine:
    """Stand by, or end: the addresses are gone."""
    peer, exchange = machine.peer, machine.exchange
    if exchange is not None:
        exchange = replace(exchange, step=Step.RELEASED)
    if peer is not None:
        peer = replace(peer, served=peer.stance in SERVING)
    machine = replace(
        machine,
        peer=peer,
        exchange=exchange,
        hold_until=at + settings.deadtime_s,
        listens_since=None,
    )
    if machine.order is not None and machine.order.kind is OrderKind.STOP:
        return stopping(machine, at)
    return become(machine, State.STANDBY, at, machine.reason)


def stopping(machine: Machine, at: float) -> Machine:
    return replace(become(machine, State.STOPPING, at, "stops by order"), goodbyes=GOODBYES)


def silent_since(machine: Machine) -> float:
    """When the peer was heard last, or when we began to listen."""
    heard_at = machine.peer.heard_at if machine.peer is not None else NEVER
    return max(heard_at, machine.listen_from)


def silent(settings: Settings, machine: Machine, at: float) -> bool:
    """Whether the peer counts as dead."""
    return at >= max(silent_since(machine) + settings.deadtime_s, machine.found_by)


def heard(settings: Settings, machine: Machine, at: float) -> Peer | None:
    """The peer, if it was heard within deadtime."""
    peer = machine.peer
    if peer is None or at >= peer.heard_at + settings.deadtime_s:
        return None
    return peer


def link_failed(settings: Settings, machine: Machine) -> bool:
    """Whether a lost link keeps this director from serving clients."""
    lost = machine.links_down.intersection(settings.links)
    needed = bool(lost & settings.needs)
    return settings.monitor_links and (needed or (bool(lost) and not machine.ready.reaches))


def lost_links(machine: Machine) -> str:
    """Name what is down, for people."""
    names = [link.value for link in Link if link in machine.links_down]
    return f"the {names[0]} link is down" if len(names) == 1 else "both links are down"


def cut_off(settings: Settings, machine: Machine) -> bool:
    """Whether no link is left by which the peer could be heard."""
    return machine.links_down.issuperset(settings.links)
