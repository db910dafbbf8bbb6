"""Decide which director is active: the rules of the pair, and nothing else.

No clock, socket or log in here. The caller feeds events stamped with the seconds of one
steady clock, at `due_at` at the latest; `step` answers with the next machine and what to do.

                 peer silent on both links for deadtime (and a witness answers),
                 peer stops, stands by, or has lost a link that serving needs
       STANDBY ---------------------------------------------------------> ACTIVE
        |   ^ \\                                                           |  |  ^
        |   |  \\ offered   addresses up, peer let go                       |  |  | called
        |   |   +--------> TAKING -------------------------------> ACTIVE  |  |  | off
        |   |                 | called off                                 |  v  |
   stop |   |                 v                                            | GIVING
        |   +------------- LETTING_GO <------------------------------------+  |
        |    addresses down   |  ^    both active and we are the backup,      | the peer has
        v                     |  |    asleep meanwhile, a link is lost        | them up
       STOPPING <-------------+  +--------------------------------------------+
                 by order to stop

Facts are noted first, then `consider` decides by all that is known: so it does not matter in
which order things became known. Rules by role: `standby`, `active`; the planned way: `handover`.
"""

from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat import active, failback, handover, standby, witness
from lvsengine.heartbeat.state import (
    Doubt,
    Machine,
    Peer,
    State,
    answered,
    cut_off,
    let_go,
    link_failed,
)
from lvsengine.heartbeat.values import (
    Action,
    AddressesDown,
    AddressesUp,
    Event,
    LinkDown,
    LinkUp,
    Order,
    PeerKnocks,
    PeerWord,
    Ready,
    Say,
    SendHeartbeat,
    Settings,
    Sharing,
    Told,
    WitnessAnswer,
)
from lvsengine.heartbeat.words import SERVING, Handover, Stance, Word

RETRY_S = 0.05  # between repetitions while the other side's answer is waited for
GOODBYE_S = 0.01
NEIGHBOUR_S = 1.5  # the kernel asks once a second for the hardware address of a neighbour
SETTLE_S = 0.1  # what a buffer kept for a sleeper has been read by then
NOT_IN_ORIGINAL = frozenset((Stance.LETTING_GO, Stance.LISTENING))


def step(settings: Settings, machine: Machine, event: Event) -> tuple[Machine, list[Action]]:
    """Take one event in; events come in the order of their `at`."""
    machine = _woken(settings, machine, event.at)
    machine = _crippled(settings, _noted(settings, machine, event), event.at)
    before = None
    while before != (machine.state, machine.doubt):  # what changed is considered once more
        before = machine.state, machine.doubt
        machine = _considered(settings, machine, event.at)
    machine = _spoken(settings, machine, event.at)
    actions = list(machine.doing)
    return replace(machine, doing=(), due_at=due_at(settings, machine, event.at)), actions


def _woken(settings: Settings, machine: Machine, at: float) -> Machine:
    """Notice that this director was itself asleep, and let it listen before it judges."""
    late_s = at - machine.due_at
    if late_s <= settings.deadtime_s / 2:
        return machine
    said = Say(f"this director was asleep for {late_s:.3g} s: it listens first")
    machine = replace(
        _listening_anew(machine, at).act(said),
        listen_from=at,
        quiet_until=at + min(settings.keepalive_s / 2, SETTLE_S),
        inquiry=None,
    )
    if machine.state not in (State.ACTIVE, State.GIVING):
        return machine
    if machine.state is State.GIVING and not handover.must_stop(machine):
        machine = answered(machine, ok=False, sentence="this director was asleep meanwhile")
    doubt = Doubt(at, at + settings.deadtime_s)
    return replace(machine, state=State.ACTIVE, exchange=None, doubt=doubt)


def _noted(settings: Settings, machine: Machine, event: Event) -> Machine:
    match event:
        case PeerWord():
            return _peer_heard(settings, machine, event)
        case PeerKnocks(at=at):
            soon = max(at, machine.said_at + settings.keepalive_s / 4)
            return replace(machine, send_at=min(machine.send_at, soon))
        case Ready(at=at, ok=ok):
            since = machine.ready_since if machine.ready.ok else at
            return replace(machine, ready=event, ready_since=since if ok else at)
        case Sharing(at=at, listens=listens):
            since = at if machine.listens_since is None else machine.listens_since
            return replace(machine, sharing=event, listens_since=since if listens else None)
        case AddressesUp():
            return handover.addresses_up(machine)
        case Told(at=at):
            return handover.told(settings, machine, at)
        case AddressesDown(at=at) if machine.state is State.LETTING_GO:
            return let_go(settings, machine, at)
        case LinkDown(link=link):
            return replace(machine, links_down=machine.links_down | {link})
        case LinkUp():
            return _link_up(settings, machine, event)
        case WitnessAnswer(at=at, reached=reached):
            return witness.answered(machine, at, reached=reached)
        case Order():
            return handover.obey(settings, machine, event)
        case _:
            return machine


def _link_up(settings: Settings, machine: Machine, event: LinkUp) -> Machine:
    """Speak on it at once. Where no link was up, no silence of the peer's has been heard."""
    if event.link not in machine.links_down:
        return machine
    if cut_off(settings, machine):
        machine = replace(machine, listen_from=event.at, found_by=event.at + NEIGHBOUR_S)
    return replace(
        _listening_anew(machine, event.at),
        links_down=machine.links_down - {event.link},
        send_at=event.at,
    )


def _listening_anew(machine: Machine, at: float) -> Machine:
    """What the peer told of connections meanwhile has been missed."""
    return machine if machine.listens_since is None else replace(machine, listens_since=at)


def _crippled(settings: Settings, machine: Machine, at: float) -> Machine:
    """Note since when a lost link keeps this director from serving."""
    if not link_failed(settings, machine):
        return replace(machine, crippled_since=None)
    since = at if machine.crippled_since is None else machine.crippled_since
    return replace(machine, crippled_since=since)


def _peer_heard(settings: Settings, machine: Machine, event: PeerWord) -> Machine:
    before, stance = machine.peer, event.word.stance
    same = before is not None and before.stance is stance
    peer = Peer(
        event.word,
        heard_at=event.at,
        since=before.since if before is not None and same else event.at,
        knows=event.knows,
        served=stance in SERVING or (before is not None and before.served),
    )
    machine = replace(machine, peer=peer, inquiry=None)
    if event.word.link_failed and not (before is not None and before.word.link_failed):
        machine = replace(machine, send_at=event.at)  # it waits to hear whether we can serve
    if machine.state is State.ACTIVE:
        return handover.hear_as_active(settings, machine, peer, event.at)
    if machine.state is State.STANDBY:
        return handover.hear_as_standby(settings, machine, peer, event.at)
    return machine


def _considered(settings: Settings, machine: Machine, at: float) -> Machine:
    machine = handover.faded(settings, machine, at)
    match machine.state:
        case State.STANDBY:
            return standby.consider(settings, machine, at)
        case State.ACTIVE:
            return active.consider(settings, machine, at)
        case State.TAKING:
            return handover.consider_taking(settings, machine, at)
        case State.GIVING:
            return handover.consider_giving(settings, machine, at)
        case State.LETTING_GO if at >= machine.deadline:
            machine = machine.act(Say("nobody said that the addresses are gone; going on"))
            return let_go(settings, machine, at)
        case _:
            return machine


# --- speaking -----------------------------------------------------------------------------


def word_of(settings: Settings, machine: Machine) -> Word:
    """What this director would say now."""
    exchange = machine.exchange
    reasons = "" if machine.ready.ok else machine.ready.reasons
    said: Handover | None = None
    if exchange is not None and exchange.step is not None:
        said = Handover(exchange.number, exchange.step, exchange.force)
        reasons = exchange.reasons or reasons
    stance = Stance[machine.state.name]
    return Word(
        Stance.LISTENING if machine.doubt is not None else stance,
        machine.ready.ok,
        link_failed(settings, machine),
        said,
        reasons,
        machine.ready.revision,
        machine.sharing.connections if machine.sharing is not None else None,
    )


def _spoken(settings: Settings, machine: Machine, at: float) -> Machine:
    """Send when it is time, and at once when there is something new to say."""
    if machine.state is State.STOPPING and not machine.goodbyes:
        return machine
    sooner = machine.said_at + _pause(settings, machine)
    machine = replace(machine, send_at=min(machine.send_at, sooner))
    word = word_of(settings, machine)
    news = _gist(word) != (_gist(machine.said) if machine.said is not None else None)
    if at < machine.send_at and not news:
        return machine
    machine = replace(machine, said=word, said_at=at, send_at=at + _pause(settings, machine))
    if not (settings.original and word.stance in NOT_IN_ORIGINAL):
        machine = machine.act(SendHeartbeat(settings.links, word))
    if machine.state is State.STOPPING:
        machine = replace(machine, goodbyes=machine.goodbyes - 1)
        if not machine.goodbyes:
            return answered(machine, ok=True, sentence=machine.reason)
    return machine


def _gist(word: Word) -> Word:
    """The word without what can wait for its turn."""
    return replace(word, reasons="", revision="", connections=None)


def _pause(settings: Settings, machine: Machine) -> float:
    if machine.state is State.STOPPING:
        return GOODBYE_S
    exchange = machine.exchange
    if machine.contested or (exchange is not None and exchange.step not in handover.OVER):
        return min(settings.keepalive_s, RETRY_S)
    return settings.keepalive_s


# --- when next ----------------------------------------------------------------------------


def due_at(settings: Settings, machine: Machine, at: float) -> float:
    """The next moment at which time alone may change something."""
    later = [moment for moment in _moments(settings, machine) if moment > at]
    return min(later, default=at + settings.keepalive_s)


def _moments(settings: Settings, machine: Machine) -> list[float]:
    deadtime_s = settings.deadtime_s
    moments = [machine.quiet_until, machine.hold_until, machine.deadline]
    if machine.state is not State.STOPPING or machine.goodbyes:
        moments.append(machine.send_at)
    moments += [machine.listen_from + deadtime_s, machine.found_by]
    if machine.peer is not None:
        peer = machine.peer
        moments += [peer.heard_at + deadtime_s, peer.since + deadtime_s]
        moments.append(standby.cold_start_at(settings, machine, peer))
    if machine.unaware_since is not None:
        moments.append(machine.unaware_since + deadtime_s)
    if machine.crippled_since is not None:
        moments += active.relieved_at(settings, machine.crippled_since)
    if machine.doubt is not None:
        moments.append(machine.doubt.until)
    if machine.exchange is not None:
        moments.append(machine.exchange.deadline)
    if machine.inquiry is not None:
        moments.append(witness.expires(settings, machine.inquiry))
    return [*moments, *failback.moments(settings, machine)]
