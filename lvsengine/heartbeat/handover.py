"""The planned handover: an acknowledged exchange in which the giver alone decides.

    taker                                   giver
    STANDBY   -- ASK ------------------->   ACTIVE    (left out when the giver begins)
                                            GIVING    tells of the connections that are open
              <------------------- OFFER --
    TAKING    -- ACCEPTED --------------->            raises the addresses
              -- TAKEN ------------------>  LETTING_GO
    ACTIVE    <---------------- RELEASED -- STANDBY   announces once more

Each side repeats its step until it hears the other's next, so lost words only cost time. Up
to TAKEN the giver may call it off: it says so by being ACTIVE, and the taker lets go again.
From TAKEN on it never does. A taker that hears nothing more goes on as after a crash.
"""

from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat.state import (
    Exchange,
    Machine,
    Peer,
    State,
    answered,
    become,
    heard,
    link_failed,
    lost_links,
    settled,
    silent,
    step_down,
    stopping,
    take_over,
)
from lvsengine.heartbeat.values import Cause, Give, Order, OrderKind, Say, Settings, TakeOver
from lvsengine.heartbeat.words import Handover, Stance, Step

_UNDER_WAY = "another order is being carried out"
TELL_S = 1.0  # offered after so long at the latest: a kernel may take long to list very many
OVER = frozenset((Step.RELEASED, Step.REFUSED, Step.CANCELLED))


# --- orders -------------------------------------------------------------------------------


def obey(settings: Settings, machine: Machine, order: Order) -> Machine:
    """Begin to carry out an order, or refuse it."""
    if order.kind is OrderKind.STOP:
        machine = answered(machine, ok=False, sentence="this director is being stopped")
        return _stop(settings, replace(machine, order=order), order.at)
    if machine.order is not None or machine.state not in (State.STANDBY, State.ACTIVE):
        return replace(
            answered(replace(machine, order=order), ok=False, sentence=_UNDER_WAY),
            order=machine.order,
        )
    machine = replace(machine, order=order)
    is_active = machine.state is State.ACTIVE
    if is_active == (order.kind is OrderKind.TAKEOVER):
        return answered(
            machine, ok=True, sentence=f"this director is {machine.state.value} already"
        )
    if order.kind is OrderKind.TAKEOVER:
        return _obey_takeover(settings, machine, order)
    return give(settings, machine, order.at)


def _obey_takeover(settings: Settings, machine: Machine, order: Order) -> Machine:
    peer = heard(settings, machine, order.at)
    alone = peer is None or peer.stance is Stance.STANDBY
    if alone and order.force:
        return take_over(machine, order.at, Cause.FORCED, "ordered by an operator, forced")
    if peer is None:
        who = f"the {settings.peer_is}"
        return answered(machine, ok=False, sentence=f"{who} is not heard; it can be forced")
    if not machine.ready.ok and not order.force:
        return answered(machine, ok=False, sentence=f"not ready: {machine.ready.reasons}")
    if alone:
        sentence = "both directors stand by, and one takes over by itself in a moment"
        return answered(machine, ok=False, sentence=f"{sentence}; it can be forced")
    if not settings.original:
        return ask(settings, machine, order.at, force=order.force)
    if settings.primary and order.force:
        return take_over(machine, order.at, Cause.FORCED, "ordered by an operator, forced")
    sentence = f"the {settings.peer_is} speaks the original heartbeat, which cannot be asked"
    return answered(machine, ok=False, sentence=f"{sentence}: let it stand by instead")


def _stop(settings: Settings, machine: Machine, at: float) -> Machine:
    if machine.state is State.STANDBY:
        return stopping(machine, at)
    if machine.state is State.TAKING:
        return step_down(settings, machine, at, Cause.STOP, "stops by order")
    return machine  # ACTIVE: see must_stop; GIVING and LETTING_GO lead there anyway


def must_stop(machine: Machine) -> bool:
    return machine.order is not None and machine.order.kind is OrderKind.STOP


def give(settings: Settings, machine: Machine, at: float) -> Machine:
    """Hand over to the peer. Where it cannot take, an order to stop is carried out anyway."""
    order = machine.order
    stop = must_stop(machine)
    force = order is not None and order.force and not stop
    peer = heard(settings, machine, at)
    obstacle = _obstacle(settings, peer, force=force)
    if obstacle and not stop:
        return answered(machine, ok=False, sentence=obstacle)
    if obstacle or settings.original:
        cause = Cause.STOP if stop else Cause.HANDOVER
        reason = "stops by order" if stop else "ordered by an operator"
        return step_down(settings, machine, at, cause, reason)
    return _begin_giving(settings, machine, machine.exchanges + 1, at, force=force)


def _obstacle(settings: Settings, peer: Peer | None, *, force: bool) -> str:
    """Why the peer cannot take over; empty when it can."""
    who = f"the {settings.peer_is}"
    if peer is None or peer.stance is Stance.STOPPING:
        return f"{who} is not heard, so nobody would serve"
    if peer.stance is not Stance.STANDBY:
        return f"{who} does not stand by"
    if settings.original or force:
        return ""
    if peer.word.link_failed:
        return f"{who} has lost a link that it needs"
    return "" if peer.word.ready else f"{who} is not ready: {peer.word.reasons}"


# --- the giver ----------------------------------------------------------------------------


def _begin_giving(
    settings: Settings, machine: Machine, number: int, at: float, *, force: bool
) -> Machine:
    exchange = Exchange(number, None, force, at + TELL_S)
    machine = replace(machine, exchange=exchange, exchanges=machine.exchanges + 1)
    reason = f"handing over to the {settings.peer_is}"
    return become(machine.act(Give(reason)), State.GIVING, at, reason)


def told(settings: Settings, machine: Machine, at: float) -> Machine:
    """Offer the role: the peer's kernel knows, or will soon, what is open here."""
    exchange = machine.exchange
    if machine.state is not State.GIVING or exchange is None or exchange.step is not None:
        return machine
    offer = replace(exchange, step=Step.OFFER, deadline=at + settings.handover_s)
    return replace(machine, exchange=offer)


def hear_as_active(settings: Settings, machine: Machine, peer: Peer, at: float) -> Machine:
    """The peer asks for the role."""
    asked = peer.word.handover
    if asked is None or asked.step is not Step.ASK or machine.doubt is not None:
        return machine
    if machine.exchange is not None and machine.exchange.number == asked.number:
        return machine  # refused or called off already
    obstacle = _obstacle(settings, peer, force=asked.force)
    if not obstacle:
        return _begin_giving(settings, machine, asked.number, at, force=asked.force)
    refusal = Exchange(asked.number, Step.REFUSED, asked.force, at + settings.handover_s, obstacle)
    return replace(machine, exchange=refusal).act(Say(f"handover refused: {obstacle}"))


def consider_giving(settings: Settings, machine: Machine, at: float) -> Machine:
    """Let go once the peer has the addresses up; call it off when that does not come about."""
    who, exchange = f"the {settings.peer_is}", machine.exchange
    peer = heard(settings, machine, at)
    if peer is None:
        return _call_off(settings, machine, at, f"{who} is silent")
    said = peer.word.handover
    same = said is not None and exchange is not None and said.number == exchange.number
    if peer.stance is Stance.ACTIVE or (same and said is not None and said.step is Step.TAKEN):
        reason = f"handed over: {who} has the addresses up"
        return step_down(settings, machine, at, Cause.HANDOVER, reason, planned=True)
    if same and said is not None and said.step is Step.REFUSED:
        return _call_off(settings, machine, at, f"{who} refuses: {peer.word.reasons}")
    if exchange is not None and at < exchange.deadline:
        return machine
    if exchange is not None and exchange.step is None:
        return told(settings, machine, at)
    return _call_off(settings, machine, at, f"{who} did not take over in time")


def _call_off(settings: Settings, machine: Machine, at: float, why: str) -> Machine:
    if must_stop(machine):
        return step_down(settings, machine, at, Cause.STOP, f"stops by order; {why}")
    sentence = f"the handover is called off: {why}"
    machine = answered(machine.act(Say(sentence)), ok=False, sentence=sentence)
    exchange = machine.exchange and replace(
        machine.exchange, step=Step.CANCELLED, deadline=at + settings.handover_s
    )
    return become(replace(machine, exchange=exchange), State.ACTIVE, at, sentence)


# --- the taker ----------------------------------------------------------------------------


def ask(settings: Settings, machine: Machine, at: float, *, force: bool) -> Machine:
    """Ask the active peer for the role."""
    number = machine.exchanges + 1
    exchange = Exchange(number, Step.ASK, force, at + settings.handover_s)
    return replace(machine, exchange=exchange, exchanges=number)


def hear_as_standby(settings: Settings, machine: Machine, peer: Peer, at: float) -> Machine:
    """The peer offers the role, or refuses to give it."""
    said, exchange = peer.word.handover, machine.exchange
    if said is None or at < machine.quiet_until:
        return machine
    same = exchange is not None and exchange.number == said.number
    if peer.stance is Stance.GIVING and said.step is Step.OFFER:
        if same and exchange is not None and exchange.step is Step.REFUSED:
            return machine
        return _take_or_refuse(settings, machine, said, at)
    if same and exchange is not None and exchange.step is Step.ASK and said.step is Step.REFUSED:
        return _not_given(machine, f"the {settings.peer_is} refuses: {peer.word.reasons}", at)
    return machine


def _take_or_refuse(settings: Settings, machine: Machine, offer: Handover, at: float) -> Machine:
    force = offer.force or bool(machine.exchange and machine.exchange.force)
    exchange = Exchange(offer.number, Step.ACCEPTED, force, at + settings.handover_s)
    obstacle = "" if machine.ready.ok else machine.ready.reasons
    if link_failed(settings, machine):
        obstacle = lost_links(machine)
    if obstacle and not force:
        refusal = replace(exchange, step=Step.REFUSED, reasons=obstacle)
        return replace(machine, exchange=refusal)
    reason = f"the {settings.peer_is} hands over"
    machine = machine.act(TakeOver(reason, Cause.HANDOVER, planned=True))
    return become(replace(settled(machine), exchange=exchange), State.TAKING, at, reason)


def _not_given(machine: Machine, sentence: str, at: float) -> Machine:
    """Go on standing by. A failback waits its delay again before it asks once more."""
    machine = answered(machine.act(Say(sentence)), ok=False, sentence=sentence)
    return replace(machine, exchange=None, hold_until=at)


def faded(settings: Settings, machine: Machine, at: float) -> Machine:
    """End an exchange that is over, and a question that nobody answers."""
    exchange = machine.exchange
    if exchange is None or at < exchange.deadline:
        return machine
    if exchange.step is Step.ASK:
        return _not_given(machine, f"the {settings.peer_is} did not hand over in time", at)
    return replace(machine, exchange=None) if exchange.step in OVER else machine


def consider_taking(settings: Settings, machine: Machine, at: float) -> Machine:
    """Wait for the giver's decision; its silence leaves the role with us."""
    if at < machine.quiet_until:
        return machine
    who = f"the {settings.peer_is}"
    if silent(settings, machine, at):
        return _taken(machine, at, f"{who} fell silent while it handed over", contested=False)
    peer = machine.peer
    match peer.stance if peer is not None else Stance.GIVING:
        case Stance.GIVING | Stance.TAKING:
            return machine
        case Stance.ACTIVE | Stance.LISTENING:
            reason = f"{who} called the handover off"
            return step_down(settings, machine, at, Cause.HANDOVER, reason)
        case _:
            return _taken(machine, at, f"{who} handed over", contested=True)


def _taken(machine: Machine, at: float, reason: str, *, contested: bool) -> Machine:
    # Contested: the peer held the addresses until now, so announce once more when it let go.
    machine = replace(settled(machine), contested=contested)
    return become(machine, State.ACTIVE, at, reason)


def addresses_up(machine: Machine) -> Machine:
    if machine.state is not State.TAKING or machine.exchange is None:
        return machine
    return replace(machine, exchange=replace(machine.exchange, step=Step.TAKEN))
