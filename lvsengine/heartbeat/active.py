"""When an active director lets go: the peer is active too, or can serve where we cannot."""

from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat import handover, witness
from lvsengine.heartbeat.state import (
    NEVER,
    Doubt,
    Machine,
    Peer,
    cut_off,
    heard,
    lost_links,
    silent,
    step_down,
)
from lvsengine.heartbeat.values import Announce, Cause, Say, SendHeartbeat, Settings
from lvsengine.heartbeat.words import HOLDING, Link, Stance, Word

ANSWER_S = 0.1  # so long the peer may take to say that it has lost such a link too


def consider(settings: Settings, machine: Machine, at: float) -> Machine:
    """Decide by what is known now; called after each event."""
    if machine.doubt is not None:
        return _in_doubt(settings, machine, machine.doubt, at)
    if handover.must_stop(machine):
        return handover.give(settings, machine, at)
    peer = heard(settings, machine, at)
    if peer is None:
        return _alone(settings, machine, at)
    if peer.stance in HOLDING:
        machine = replace(machine, contested=True)
    elif machine.contested:
        return _announce(machine, f"the {settings.peer_is} has let go of the addresses")
    if peer.stance is Stance.ACTIVE:
        return _both_active(settings, machine, peer, at)
    machine = replace(machine, unaware_since=None)
    if machine.crippled_since is not None and peer.stance is Stance.STANDBY:
        return _crippled(settings, machine, peer, machine.crippled_since, at)
    return machine


def _crippled(
    settings: Settings, machine: Machine, peer: Peer, since: float, at: float
) -> Machine:
    """A lost link keeps us from serving: give up when the peer is better off.

    Not before it has had the time to say that it lost such a link too, as when a switch dies:
    then nobody moves. Without the public link we are of no use to anybody, and an answer is
    enough; else the peer is given the whole time, for its own loss may reach it later, and one
    that is not ready is tried only when the link has been away for deadtime.
    """
    if peer.word.link_failed:
        return machine
    answer_at, unready_at = relieved_at(settings, since)
    useless = Link.PUBLIC in machine.links_down
    told = peer.knows is None or peer.knows >= since or cut_off(settings, machine)
    if at < (since if useless and told else answer_at):
        return machine
    if at < unready_at and not (useless or peer.word.ready or settings.original):
        return machine
    reason = f"{lost_links(machine)}, and the {settings.peer_is} can serve"
    return step_down(settings, machine, at, Cause.LINK_FAILED, reason)


def relieved_at(settings: Settings, since: float) -> tuple[float, float]:
    """When a peer that said nothing, and one that is not ready, may relieve us."""
    return since + min(ANSWER_S, settings.keepalive_s), since + settings.deadtime_s


def _in_doubt(settings: Settings, machine: Machine, doubt: Doubt, at: float) -> Machine:
    """We were asleep. The peer may have taken over: then it is the active one, whoever it is."""
    peer = heard(settings, machine, at)
    if peer is not None and peer.heard_at >= doubt.since:
        if peer.stance in (Stance.ACTIVE, Stance.TAKING):
            reason = f"the {settings.peer_is} took over while this director was asleep"
            return step_down(settings, machine, at, Cause.RESUMED, reason)
        if (
            peer.heard_at >= machine.quiet_until
            if peer.knows is None
            else peer.knows >= doubt.since
        ):
            return replace(machine, doubt=None).act(Say("the peer has not taken over meanwhile"))
    if at >= doubt.until:
        return replace(machine, doubt=None).act(Say("nobody has taken over meanwhile"))
    return machine


def _both_active(settings: Settings, machine: Machine, peer: Peer, at: float) -> Machine:
    """After a healed split the backup yields; but who is not heard yields to who is not told.

    A claim made before the peer could hear ours is no answer to it: it may be the last word
    of a director that was asleep. It has deadtime to learn of us. If it then still does not
    hear us, it never will yield, so we must.
    """
    if settings.original:
        return machine if settings.primary else _yield_to_original(settings, machine, at)
    told_at = NEVER if peer.knows is None else peer.knows
    if told_at >= max(machine.since, peer.heard_at - settings.deadtime_s):
        if not settings.primary:
            return step_down(settings, machine, at, Cause.CONFLICT, "the primary is active too")
        return replace(machine, unaware_since=None)
    since = at if machine.unaware_since is None else machine.unaware_since
    if at >= since + settings.deadtime_s:
        reason = f"the {settings.peer_is} is active too and does not hear this director"
        return step_down(settings, machine, at, Cause.CONFLICT, reason)
    return replace(machine, unaware_since=since)


def _yield_to_original(settings: Settings, machine: Machine, at: float) -> Machine:
    """Say it once more, as the original does: it makes an original primary announce again."""
    machine = machine.act(SendHeartbeat(settings.links, Word(Stance.ACTIVE)))
    return step_down(settings, machine, at, Cause.CONFLICT, "the primary is active too")


def _alone(settings: Settings, machine: Machine, at: float) -> Machine:
    if machine.contested:
        return _announce(machine, f"the {settings.peer_is} is silent now")
    if not (settings.yield_when_isolated and silent(settings, machine, at)):
        return machine
    machine = witness.inquire(settings, machine, at, f"the {settings.peer_is} is silent")
    if witness.reached(machine) is False:
        reason = f"neither the {settings.peer_is} nor a witness answers"
        return step_down(settings, machine, at, Cause.ISOLATED, reason)
    return machine


def _announce(machine: Machine, reason: str) -> Machine:
    return replace(machine, contested=False, unaware_since=None).act(Announce(reason))
