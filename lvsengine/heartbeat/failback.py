"""When the primary takes its role back by itself: ready for long enough, and warm.

Warm: its kernel knows the connections that the peer's kernel has, so that they survive. Nobody
can ask for that; what can be seen is for how long this director has listened to what the peer
tells, and how many connections each of the two knows.
"""

from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat import handover
from lvsengine.heartbeat.state import Machine, take_over
from lvsengine.heartbeat.values import Cause, Say, Settings

REFRESH_S = 10.0  # a connection in use is told of again within this: sync_refresh_period
SHARE = 0.9  # of the peer's; its kernel tells late of those that have just begun or ended


def consider(settings: Settings, machine: Machine, at: float) -> Machine:
    """Take back, from a peer that is active, when the time has come; called by a standby."""
    if not (settings.auto_failback and settings.primary) or machine.exchange is not None:
        return machine
    if not machine.ready.ok or at < ready_at(settings, machine):
        return machine
    why_not = cold(settings, machine, at)
    if why_not:
        return _said_once(machine, f"the primary waits before it takes back: {why_not}")
    reason = f"the primary has been ready for {settings.failback_delay_s:g} s{_known(machine)}"
    if settings.original:
        return take_over(machine, at, Cause.FAILBACK, reason)
    return handover.ask(settings, machine, at, force=False).act(Say(f"taking back: {reason}"))


def ready_at(settings: Settings, machine: Machine) -> float:
    return max(machine.ready_since, machine.since, machine.hold_until) + settings.failback_delay_s


def moments(settings: Settings, machine: Machine) -> tuple[float, ...]:
    """When time alone may let the primary take back."""
    if not settings.auto_failback:
        return ()
    listened = machine.listens_since
    since = () if listened is None else (listened + REFRESH_S, listened + settings.forgets_s)
    return ready_at(settings, machine), *since


def cold(settings: Settings, machine: Machine, at: float) -> str:
    """Say why the connection table is not warm; empty when it is.

    It is when nothing is shared, when a whole refresh has been heard and nine of ten of the
    peer's connections are known, and at the latest when so long has been listened that the
    peer itself has forgotten what was never told. The original form tells no numbers.
    """
    sharing, since = machine.sharing, machine.listens_since
    if sharing is not None and sharing.listens is None:
        return ""
    if sharing is None or since is None:
        return "it does not hear of the peer's connections"
    if at >= since + settings.forgets_s:
        return ""
    theirs = None if machine.peer is None else machine.peer.word.connections
    if theirs is None or sharing.connections is None:
        return (
            "the number of the peer's connections is not known, and what it has not told of"
            f" it forgets after {settings.forgets_s:g} s"
        )
    if sharing.connections < SHARE * theirs:
        return f"it knows {sharing.connections} of the peer's {theirs} connections"
    if at < since + REFRESH_S:
        return f"it has heard of the peer's connections for less than {REFRESH_S:g} s"
    return ""


def _known(machine: Machine) -> str:
    theirs = None if machine.peer is None else machine.peer.word.connections
    ours = None if machine.sharing is None else machine.sharing.connections
    if ours is None or theirs is None:
        return ""
    return f" and knows {ours} connections, the peer {theirs}"


def _said_once(machine: Machine, sentence: str) -> Machine:
    """Say it the first time since this director stands by."""
    if machine.cold_said:
        return machine
    return replace(machine, cold_said=True).act(Say(sentence))
