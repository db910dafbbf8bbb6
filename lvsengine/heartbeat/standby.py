"""When a standby director takes over: the peer is silent, gone, or stands by too."""

from __future__ import annotations

from lvsengine.heartbeat import failback, witness
from lvsengine.heartbeat.state import (
    Machine,
    Peer,
    heard,
    link_failed,
    silent,
    silent_since,
    take_over,
)
from lvsengine.heartbeat.values import Cause, Settings
from lvsengine.heartbeat.words import Link, Stance


def consider(settings: Settings, machine: Machine, at: float) -> Machine:
    """Decide by what is known now; called after each event."""
    if at < machine.quiet_until:
        return machine
    if link_failed(settings, machine):
        return _both_crippled(settings, machine, at)
    if silent(settings, machine, at):
        return _peer_silent(settings, machine, at)
    peer = machine.peer
    if peer is None or peer.heard_at < machine.listen_from:
        return machine  # what it said before we were away is no news of now
    who = f"the {settings.peer_is}"
    match peer.stance:
        case Stance.STOPPING:
            return take_over(machine, at, Cause.PEER_INACTIVE, f"{who} is being stopped")
        case Stance.LETTING_GO if at >= peer.since + settings.deadtime_s:
            reason = f"{who} has been letting go for {settings.deadtime_s:g} s"
            return take_over(machine, at, Cause.PEER_INACTIVE, reason)
        case Stance.STANDBY:
            return _both_stand_by(settings, machine, peer, at)
        case Stance.ACTIVE:
            return failback.consider(settings, machine, at)
        case _:
            return machine


def _peer_silent(settings: Settings, machine: Machine, at: float) -> Machine:
    silent_s = at - silent_since(machine)
    reason = f"no heartbeat from the {settings.peer_is} on any link for {silent_s:.3g} s"
    if not settings.witness:
        return take_over(machine, at, Cause.PEER_DEAD, reason)
    machine = witness.inquire(settings, machine, at, reason)
    if witness.reached(machine):
        return take_over(machine, at, Cause.PEER_DEAD, f"{reason}, and a witness answers")
    if witness.reached(machine) is False:
        return witness.said_once(machine, f"{reason}, and no witness answers: not taking over")
    return machine


def _both_stand_by(settings: Settings, machine: Machine, peer: Peer, at: float) -> Machine:
    who = f"the {settings.peer_is}"
    if peer.word.link_failed:
        reason = f"{who} has lost a link that it needs"
        return take_over(machine, at, Cause.PEER_INACTIVE, reason)
    if peer.served:
        return take_over(machine, at, Cause.PEER_INACTIVE, f"{who} stands by now")
    if at < machine.hold_until or at < cold_start_at(settings, machine, peer):
        return machine
    return take_over(machine, at, Cause.COLD_START, f"{who} stands by too")


def _both_crippled(settings: Settings, machine: Machine, at: float) -> Machine:
    """With a link lost, take over only from a peer that cannot serve either, and stands by.

    Whoever still has its public link can at least answer clients, if only to refuse them.
    """
    peer = heard(settings, machine, at)
    if peer is None or peer.heard_at < machine.listen_from or Link.PUBLIC in machine.links_down:
        return machine
    if peer.stance is not Stance.STANDBY or not peer.word.link_failed:
        return machine
    if at < machine.hold_until or at < cold_start_at(settings, machine, peer):
        return machine
    reason = f"the {settings.peer_is} stands by too, and both have lost a link"
    return take_over(machine, at, Cause.COLD_START, reason)


def cold_start_at(settings: Settings, machine: Machine, peer: Peer) -> float:
    """When one of two that only stand by ends that: the primary, if it is ready, at once.

    The others wait so long that whoever is better placed has been first.
    """
    ready = machine.ready.ok
    peer_ready = peer.word.ready or settings.original
    # A peer that has not heard us stand by may be about to take over because of that.
    told = peer.knows is None or peer.knows >= machine.since
    if settings.primary:
        deadtimes = (0 if told else 1) if ready else 2 if peer_ready else 1
    elif settings.original:
        deadtimes = 1 if ready else 3
    else:
        deadtimes = 3 if not ready else 2 if peer_ready else 1
    return max(peer.since, machine.since) + deadtimes * settings.deadtime_s
