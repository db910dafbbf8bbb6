"""How the sync stands, in words: few for the header, whole sentences for the pages.

Never a countdown, for what a page says must not change each second: the time of the clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from lvsengine.sync.values import Standing, State
from piranha.sentences import said
from piranha.templatetags.piranha_tags import clock, minute

# The state whose shape and colour a standing has.
BADGES = {
    Standing.ALONE: "disabled",
    Standing.NOT_PAIRED: "disabled",
    Standing.DUE: "drain",
    Standing.COPYING: "standby",
    Standing.IN_STEP: "up",
    Standing.WAITING: "down",
    Standing.STOPPED: "down",
    Standing.HOST_KEY: "down",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A state's shape and its words."""

    badge: str
    text: str


def peer(state: State) -> str:
    """Name the other director, as lvs.cf does."""
    return _("primary") if state.peer_name == "primary" else _("backup")


def badge(state: State) -> str:
    """Tell the shape and colour of a standing; copied with a warning is not all well."""
    is_warned = state.standing is Standing.IN_STEP and state.record.warning is not None
    return "quiesced" if is_warned else BADGES[state.standing]


def short(state: State) -> Told | None:
    """Say it in few words, for the header; None where there is nothing to say."""
    if not state.peer_name:
        return None  # there is none, or lvs.cf is not sound, which is said elsewhere
    if state.standing is Standing.NOT_PAIRED and not state.automatic:
        return None  # somebody decided that nothing is copied
    return Told(badge(state), _short(state))


def _short(state: State) -> str:
    match state.standing:
        case Standing.IN_STEP if state.record.warning is not None:
            return _("copied at %(at)s, with a warning") % {"at": minute(state.record.since)}
        case Standing.IN_STEP:
            return _("in step since %(at)s") % {"at": minute(state.record.since)}
        case Standing.COPYING:
            return pgettext("sync", "copying")
        case Standing.STOPPED:
            return _("stopped: the %(peer)s was edited by hand") % {"peer": peer(state)}
        case Standing.HOST_KEY if state.record.pinned:
            return _("stopped: the host key changed")
        case Standing.HOST_KEY:
            return _("stopped: the host key is unknown")
        case Standing.WAITING:
            return _waiting(state)
        case Standing.NOT_PAIRED:
            return _("not paired")
    return _("saved, not copied yet")


def _waiting(state: State) -> str:
    if not state.record.retry_at:
        return _("saved, not copied: %(why)s") % {"why": why(state)}
    return _("saved, not copied: %(why)s; tried again at %(at)s") % {
        "why": why(state),
        "at": clock(state.record.retry_at),
    }


def why(state: State) -> str:
    """Say what went wrong; empty where nothing did."""
    return said(state.trouble.sentence) if state.trouble is not None else ""


def sentence(state: State) -> str:
    """Say it in a whole sentence."""
    if not state.peer_name and state.standing is not Standing.ALONE:
        return _("lvs.cf does not tell now who the other director is, so nothing is copied.")
    words = {"peer": peer(state), "at": clock(state.record.since)}
    match state.standing:
        case Standing.ALONE:
            return _("There is no backup director, so there is nobody to copy to.")
        case Standing.NOT_PAIRED:
            return _("The two directors do not know one another yet, so nothing can be copied.")
        case Standing.DUE if state.automatic:
            return _("lvs.cf was saved here; it is copied to the %(peer)s in a moment.") % words
        case Standing.DUE:
            told = _("lvs.cf was saved here, and the %(peer)s does not have it yet.")
            return told % words
        case Standing.COPYING:
            return _("lvs.cf is being copied to the %(peer)s, since %(at)s.") % words
        case Standing.IN_STEP:
            words["revision"] = state.record.revisions.ours
            told = _("Both directors have the same lvs.cf, revision %(revision)s, since %(at)s.")
            return told % words
        case Standing.WAITING:
            told = _("lvs.cf is saved here, and could not be copied to the %(peer)s.")
            return told % words
        case Standing.STOPPED:
            return _stopped(words)
    return _host_key(state, words)


def _stopped(words: dict[str, str]) -> str:
    told = _(
        "Stopped at %(at)s: lvs.cf on the %(peer)s has edits of its own. They are not overwritten"
        " until somebody chooses."
    )
    return told % words


def _host_key(state: State, words: dict[str, str]) -> str:
    if state.record.pinned:
        told = _(
            "Stopped at %(at)s: the %(peer)s shows another host key than before. It was installed"
            " anew, or another machine answers at its address. Nothing was sent to it."
        )
        return told % words
    told = _(
        "Stopped at %(at)s: nobody has compared the host key of the %(peer)s yet. Nothing was"
        " sent to it."
    )
    return told % words


def tries(state: State) -> str:
    """Say how often it failed, and when it is tried again; empty where that is no matter."""
    if state.standing is not Standing.WAITING or not state.record.tries:
        return ""
    count = ngettext(
        "%(n)d try has failed since %(at)s.", "%(n)d tries have failed since %(at)s.",
        state.record.tries,
    ) % {"n": state.record.tries, "at": clock(state.record.since)}  # fmt: skip
    if not state.record.retry_at:
        again = _("It is tried again with the next edit.")
        return f"{count} {again}"
    again = _("It is tried again at %(at)s.") % {"at": clock(state.record.retry_at)}
    return f"{count} {again}"
