"""What is wrong, the worst first, each in a sentence; a quiet system says so in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lvsengine.errors import EngineError
from lvsengine.snapshot import PeerState, RealServerState, Snapshot
from lvsengine.sync.values import Standing, State
from piranha import sync_told
from piranha.monitoring.board import Board, FileState
from piranha.monitoring.query import Query
from piranha.monitoring.rows import LOST, VirtualRow, ident, serves
from piranha.sentences import said
from piranha.templatetags.piranha_tags import clock, duration

SHOWN = 20  # real servers that are named one by one, and so many of one virtual server
SHOWN_OF_ONE = 3
LOSS = 0.05  # share of heartbeats lost that deserves a word


@dataclass(frozen=True, slots=True)
class Trouble:
    """One line.

    Attributes:
        weight: `error`, `warning`, or `note` for what an operator ordered.
        search: What to search for to see it among the virtual servers; may be empty.
        page: The address of the page that is about it; may be empty.
        hint: What to do; may be empty.
    """

    weight: str
    text: str
    subject: str = ""
    search: str = ""
    hint: str = ""
    page: str = ""

    @property
    def badge(self) -> str:
        return {"error": "down", "warning": "quiesced", "note": "drain"}[self.weight]

    @property
    def ident(self) -> str:
        return ident(self.weight, self.subject, self.text)

    @property
    def address(self) -> str:
        if self.page:
            return self.page
        return f"?{Query(text=self.search).address()}#virtuals" if self.search else ""


def troubles(board: Board) -> tuple[Trouble, ...]:
    """List all that is wrong, errors before warnings before notes."""
    found = [*_of_engine(board.error), *_of_file(board.file)]
    if board.snapshot is not None:
        found += _of_snapshot(board.snapshot)
    if board.sync is not None:
        found += _of_sync(board.sync)
    order = ("error", "warning", "note")
    return tuple(sorted(found, key=lambda one: order.index(one.weight)))


def quiet(snapshot: Snapshot) -> str:
    """Say that all is well."""
    reals = sum(len(one.real_servers) for one in snapshot.virtual_servers)
    return ngettext(
        "All is well: %(reals)d real servers behind %(n)d virtual server are up.",
        "All is well: %(reals)d real servers behind %(n)d virtual servers are up.",
        len(snapshot.virtual_servers),
    ) % {"reals": reals, "n": len(snapshot.virtual_servers)}


def _of_engine(error: EngineError | None) -> Iterator[Trouble]:
    if error is None:
        return
    hint = said(error.hint)
    if error.code == "not-running":
        hint = _("The kernel goes on by the table it has. As root: systemctl start pulse")
    yield Trouble("error", said(error.sentence), "pulse", hint=hint)


def _of_file(file: FileState) -> Iterator[Trouble]:
    if file.unreadable:
        yield Trouble("error", said(file.unreadable), "lvs.cf")
    if file.errors:
        yield Trouble(
            "error",
            ngettext(
                "lvs.cf has %(n)d error, so what runs is the last sound revision. %(first)s",
                "lvs.cf has %(n)d errors, so what runs is the last sound revision. %(first)s",
                len(file.errors),
            )
            % {"n": len(file.errors), "first": said(file.errors[0])},
            "lvs.cf",
        )


def _of_sync(state: State) -> Iterator[Trouble]:
    """Say where lvs.cf does not get to the peer, or what it did not do there."""
    page, subject = reverse("sync"), _("the sync")
    if not state.peer_name:
        return  # there is none, or lvs.cf is not sound, which is said elsewhere
    if state.standing in (Standing.STOPPED, Standing.HOST_KEY):
        yield Trouble("error", sync_told.sentence(state), subject, page=page)
    elif state.standing is Standing.WAITING:
        told = f"{sync_told.sentence(state)} {sync_told.why(state)}"
        yield Trouble("warning", told, subject, page=page)
    elif state.standing is Standing.NOT_PAIRED and state.automatic:
        yield Trouble("warning", sync_told.sentence(state), subject, page=page)
    elif state.standing is Standing.IN_STEP and state.record.warning is not None:
        yield Trouble("warning", said(state.record.warning.sentence), subject, page=page)


def _of_snapshot(snapshot: Snapshot) -> list[Trouble]:
    found = [*_of_virtual_servers(snapshot)]
    found += [
        Trouble("error", _since(failure.since, failure.sentence), failure.what)
        for failure in snapshot.failures
    ]
    if snapshot.peer is not None:
        found += _of_pair(snapshot, snapshot.peer)
    found += [Trouble("warning", said(text), "lvs.cf") for text in snapshot.warnings]
    return found


def _of_virtual_servers(snapshot: Snapshot) -> Iterator[Trouble]:
    named = 0
    for virtual in snapshot.virtual_servers:
        row = VirtualRow(virtual)
        if row.level == LOST:
            yield Trouble("error", row.told, virtual.name, virtual.name)
        down = []
        for real in virtual.real_servers:
            name = f"{virtual.name}/{real.name}"
            if real.override != "auto":
                yield _ordered(name, virtual.name, real)
            elif real.health == "down":
                down.append((name, real))
        shown = down[: SHOWN_OF_ONE if named < SHOWN else 0]
        named += len(shown)
        for name, real in shown:
            yield Trouble("error", _down(real), name, virtual.name)
        if len(down) > len(shown):
            yield Trouble("error", _more(len(down) - len(shown)), virtual.name, virtual.name)


def _down(real: RealServerState) -> str:
    return _("down since %(at)s: %(reason)s") % {
        "at": clock(real.since),
        "reason": said(real.reason),
    }


def _more(number: int) -> str:
    told = ngettext("%(n)d more real server is down", "%(n)d more real servers are down", number)
    return told % {"n": number}


def _ordered(name: str, virtual: str, real: RealServerState) -> Trouble:
    word = {
        "drain": _("drained by order"),
        "force-up": _("forced up by order"),
        "force-down": _("forced down by order"),
    }[real.override]
    wrong = serves(real) and real.health == "down"
    told = _("%(order)s; %(reason)s") % {"order": word, "reason": said(real.reason)}
    return Trouble("warning" if wrong else "note", told, name, virtual)


def _of_pair(snapshot: Snapshot, peer: PeerState) -> Iterator[Trouble]:
    if peer.heard_s is None:
        yield Trouble("error", _("was never heard: it could not take over"), _("the peer"))
    elif peer.silent:
        told = _("has been silent for %(time)s") % {"time": duration(peer.heard_s)}
        yield Trouble("error", told, _("the peer"))
    elif peer.state == snapshot.state == "active":
        yield Trouble("error", _("both directors are active"), _("the pair"))
    elif not peer.ready and snapshot.state == "active":
        told = _("could not take over: %(reasons)s") % {"reasons": said(peer.reasons) or "?"}
        yield Trouble("warning", told, _("the peer"))
    for reason in snapshot.not_ready:
        yield Trouble("warning", said(reason), _("this director is not ready"))
    yield from _of_links(peer)


def _of_links(peer: PeerState) -> Iterator[Trouble]:
    for link in peer.links:
        subject = _("the public link") if link.link == "public" else _("the private link")
        if link.failed:
            yield Trouble("error", said(link.failed), subject)
        elif link.heard_s is None and peer.heard_s is not None:
            yield Trouble("warning", _("the peer was never heard on it"), subject)
        elif link.loss is not None and link.loss >= LOSS:
            told = _("loses %(percent)d %% of the peer's heartbeats")
            yield Trouble("warning", told % {"percent": round(link.loss * 100)}, subject)


def _since(at: float, sentence: str) -> str:
    return _("since %(at)s: %(sentence)s") % {"at": clock(at), "sentence": said(sentence)}
