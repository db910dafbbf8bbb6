"""How a virtual or real server of the file stands in the running engine, and what is at stake."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from lvsengine.snapshot import RealServerState, Snapshot, Traffic, VirtualServerState
from piranha.sentences import said
from piranha.templatetags.piranha_tags import clock, grouped

RANKS = ("down", "degraded", "drain", "quiesced", "unknown", "up", "disabled")  # trouble first


@dataclass(frozen=True, slots=True)
class Standing:
    """A state as a badge shows it; `why` is the rest of the sentence, empty where none is needed.

    Attributes:
        state: Its shape and colour. `word`: what it is called.
    """

    state: str
    word: str
    why: str = ""

    @property
    def rank(self) -> int:
        return RANKS.index(self.state)


def virtual_state(snapshot: Snapshot | None, name: str) -> VirtualServerState | None:
    """Find a virtual server among those that run."""
    running = snapshot.virtual_servers if snapshot is not None else ()
    return next((one for one in running if one.name == name), None)


def real_state(state: VirtualServerState | None, name: str) -> RealServerState | None:
    """Find a real server among those that run."""
    running = state.real_servers if state is not None else ()
    return next((one for one in running if one.name == name), None)


def of_virtual(
    snapshot: Snapshot | None, state: VirtualServerState | None, *, enabled: bool
) -> Standing:
    """Tell how a virtual server stands."""
    early = _not_running(snapshot, enabled=enabled, runs=state is not None)
    if early is not None or state is None:
        return early or Standing("unknown", "")
    servers = state.real_servers
    if not servers:
        return Standing("down", pgettext("state", "down"), _("it has no enabled real server"))
    up = sum(1 for server in servers if _serves(server))
    counted = _("%(up)d of %(all)d real servers up") % {"up": up, "all": len(servers)}
    if up == len(servers):
        return Standing("up", pgettext("state", "up"), counted)
    if up:
        return Standing("degraded", pgettext("state", "degraded"), counted)
    if state.sorry_server:
        sorry = _("no real server is up; %(address)s stands in") % {"address": state.sorry_server}
        return Standing("down", pgettext("state", "down"), sorry)
    return Standing("down", pgettext("state", "down"), counted)


def of_real(
    snapshot: Snapshot | None,
    state: RealServerState | None,
    *,
    enabled: bool,
    offered: bool = True,
) -> Standing:
    """Tell how a real server stands; `offered` is whether its virtual server is enabled."""
    if enabled and not offered and state is None:
        why = _("its virtual server is disabled")
        return Standing("unknown", pgettext("state", "enabled"), why)
    early = _not_running(snapshot, enabled=enabled, runs=state is not None)
    if early is not None or state is None:
        return early or Standing("unknown", "")
    badge, word = _condition(state)
    if state.since:
        reason = _("since %(at)s: %(reason)s") % {
            "at": clock(state.since),
            "reason": said(state.reason),
        }
        return Standing(badge, word, reason)
    return Standing(badge, word, said(state.reason))


def _not_running(snapshot: Snapshot | None, *, enabled: bool, runs: bool) -> Standing | None:
    """Tell of what the engine does not run, or what the file has disabled; None of the rest."""
    if not enabled:
        why = _("it still runs until you apply lvs.cf") if runs else ""
        return Standing("disabled", pgettext("state", "disabled"), why)
    if snapshot is None:
        return Standing("unknown", pgettext("state", "enabled"), _("pulse is not running"))
    if not runs:
        why = _("it does not run until you apply lvs.cf")
        return Standing("unknown", pgettext("state", "enabled"), why)
    return None


def _serves(state: RealServerState) -> bool:
    if state.override == "auto":
        return state.health == "up"
    return state.override == "force-up"


def _condition(state: RealServerState) -> tuple[str, str]:
    ordered = {
        "drain": ("drain", pgettext("state", "drained")),
        "force-up": ("up", pgettext("state", "forced up")),
        "force-down": ("down", pgettext("state", "forced down")),
    }
    if state.override in ordered:
        return ordered[state.override]
    if state.health == "up" and state.weight == 0:
        return "quiesced", pgettext("state", "quiesced")
    words = {
        "up": pgettext("state", "up"),
        "down": pgettext("state", "down"),
        "unknown": pgettext("state", "unknown"),
    }
    return state.health, words.get(state.health, state.health)


def loss_of_virtual(snapshot: Snapshot | None, name: str) -> str:
    """Say what clients lose when a virtual server goes, in numbers."""
    state = virtual_state(snapshot, name)
    early = _nothing_lost(snapshot, runs=state is not None)
    if early or state is None:
        return early
    count = _open(state.traffic)
    servers = len(state.real_servers)
    if servers == 1:
        sentence = ngettext(
            "%(count)s connection on 1 real server will be cut when you apply lvs.cf.",
            "%(count)s connections on 1 real server will be cut when you apply lvs.cf.",
            count,
        )
    else:
        sentence = ngettext(
            "%(count)s connection on %(servers)d real servers will be cut when you apply lvs.cf.",
            "%(count)s connections on %(servers)d real servers will be cut when you apply lvs.cf.",
            count,
        )
    return sentence % {"count": grouped(count), "servers": servers}


def loss_of_real(snapshot: Snapshot | None, virtual: str, real: str) -> str:
    """Say what clients lose when a real server goes, in numbers."""
    parent = virtual_state(snapshot, virtual)
    state = real_state(parent, real)
    early = _nothing_lost(snapshot, runs=state is not None)
    if early or state is None or parent is None:
        return early
    count = _open(state.traffic)
    cut = ngettext(
        "%(count)s connection will be cut when you apply lvs.cf.",
        "%(count)s connections will be cut when you apply lvs.cf.",
        count,
    ) % {"count": grouped(count)}
    others = sum(1 for one in parent.real_servers if one is not state and _serves(one))
    rest = ngettext(
        "%(others)d other real server is up to take new ones.",
        "%(others)d other real servers are up to take new ones.",
        others,
    ) % {"others": others}
    return f"{cut} {rest}"


def _nothing_lost(snapshot: Snapshot | None, *, runs: bool) -> str:
    if snapshot is None:
        return _("pulse is not running here, so no connection is touched now.")
    if not runs:
        return _("It does not run, so no connection is touched.")
    if snapshot.state != "active":
        return _(
            "This director stands by and has no connections; those of the active one are cut"
            " when it gets this lvs.cf."
        )
    return ""


def _open(traffic: Traffic) -> int:
    """Count the connections that clients still use; UDP has none that are established."""
    return traffic.active or traffic.inactive
