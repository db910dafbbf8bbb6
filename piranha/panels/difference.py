"""The page of differences: lvs.cf on the disk, in the engine and at the backup; and Apply."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from lvsengine.control.messages import Planned, Reloaded
from lvsengine.errors import EngineError
from lvsengine.lvscf.compare import Difference, compare
from lvsengine.lvscf.problems import Severity
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import parse
from lvsengine.snapshot import Snapshot
from lvsengine.sync.values import Standing
from piranha import audit, director, linediff, numbered, sync_told, syncing
from piranha.access.roles import may, needs
from piranha.models import Role
from piranha.panels.accept import redirect
from piranha.panels.opening import CONFLICT

ANSWER = "applied"  # where the session keeps the engine's answer until it is shown
MOST_LINES = 500  # of an answer that the session keeps
MOST_SHOWN = 2000  # lines of a difference, and keys: more nobody reads, and a page has an end


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs between two revisions, by line and by key; how much of it is left out."""

    before: str
    after: str
    hunks: tuple[linediff.Hunk, ...]
    keys: tuple[Difference, ...]
    lines_left_out: int = 0
    keys_left_out: int = 0


def compared(before: tuple[str, str], after: tuple[str, str]) -> Compared:
    """Compare two texts, each given after its revision."""
    keys = compare(parse(before[1], ""), parse(after[1], ""))
    hunks, left_out = _cut(linediff.hunks(before[1], after[1]))
    return Compared(
        before[0],
        after[0],
        hunks,
        keys[:MOST_SHOWN],
        left_out,
        max(0, len(keys) - MOST_SHOWN),
    )


def _cut(hunks: tuple[linediff.Hunk, ...]) -> tuple[tuple[linediff.Hunk, ...], int]:
    shown, room = [], MOST_SHOWN
    for hunk in hunks:
        if room > 0:
            shown.append(linediff.Hunk(hunk.place, hunk.lines[:room]))
        room -= len(hunk.lines)
    return tuple(shown), max(0, -room)


@require_safe
def show_panel(request: HttpRequest) -> HttpResponse:
    answer = request.session.pop(ANSWER, None)
    return _show(request, {"answer": answer})


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def apply(request: HttpRequest) -> HttpResponse:
    """Let the engine run the file that the user was shown; who reloads a refusal looks anew."""
    if request.method != "POST":
        return redirect(reverse("difference"))
    shown, present = request.POST.get("revision", ""), director.file_revision()
    if shown != present:
        said = _("lvs.cf was changed since you looked. This is the difference now; look again.")
        return _show(request, {"refused": said}, CONFLICT)
    picture = director.picture()
    running = picture.snapshot.revision if picture.snapshot else ""
    try:
        reloaded = director.reload(request.user.get_username())
    except EngineError as error:
        audit.record(request, "apply", "lvs.cf", before=running, outcome=_refusal(error))
        return _show(request, {"refusal": error, "unknown": error.code == "no-answer"}, CONFLICT)
    audit.record(
        request,
        "apply",
        "lvs.cf",
        before=running,
        after=reloaded.revision,
        outcome=_outcome(reloaded),
    )
    request.session[ANSWER] = _kept(reloaded)
    syncing.edited()  # a file that was edited by hand goes to the peer, too, once it is applied
    return redirect(reverse("difference"))


def _refusal(error: EngineError) -> str:
    return f"refused: {error}"[:4000]


def _outcome(reloaded: Reloaded) -> str:
    """Say in English, as the engine does, what it answered; for the audit log."""
    lines = [
        f"{len(reloaded.changes)} changes of the table, {len(reloaded.addresses)} of virtual IPs,"
        f" {len(reloaded.failures)} failed",
        *reloaded.addresses,
        *reloaded.changes,
        *(f"FAILED {failure}" for failure in reloaded.failures),
    ]
    return "\n".join(lines)[:4000]


def _kept(reloaded: Reloaded) -> dict[str, Any]:
    """Cut an answer to what a session should hold."""
    cut = {
        name: list(value)[:MOST_LINES] if isinstance(value, tuple) else value
        for name, value in asdict(reloaded).items()
    }
    cut["left_out"] = max(0, len(reloaded.changes) - MOST_LINES)
    return cut


def _show(request: HttpRequest, said: dict[str, Any], status: int = 200) -> HttpResponse:
    loaded = director.load()
    snapshot = director.picture().snapshot
    context: dict[str, Any] = {"panel": "difference", "loaded": loaded, **said}
    if loaded.config is None:
        context["file_lines"] = numbered.lines(loaded.tree, loaded.problems, whole=False)
    if snapshot is not None:
        context |= _against_running(loaded, snapshot) | _against_peer(loaded, snapshot)
        context["may_apply"] = may(request, Role.ADMIN)
    state = director.sync()
    if state.standing is not Standing.ALONE:
        context["copied"] = {
            "badge": sync_told.badge(state),
            "sentence": sync_told.sentence(state),
            "why": sync_told.why(state),
        }
    context["backup_named"] = bool(loaded.config and loaded.config.backup_active)
    context["warnings"] = [one for one in loaded.problems if one.severity is Severity.WARNING]
    return render(request, "panels/difference.html", context, status=status)


def _against_running(loaded: Loaded, snapshot: Snapshot) -> dict[str, Any]:
    found: dict[str, Any] = {"same": loaded.revision == snapshot.revision}
    if found["same"]:
        return found
    found["running"] = _compared_with(snapshot.revision, loaded)
    if loaded.config is not None:
        found |= _plan(loaded)
    return found


def _plan(loaded: Loaded) -> dict[str, Any]:
    try:
        planned = director.plan(loaded.text)
    except EngineError as error:
        return {"plan_error": error}
    return {"plan": planned, "consequence": _consequence(planned)}


def _consequence(planned: Planned) -> str:
    """Say in numbers what Apply would do."""
    count = len(planned.lines) + len(planned.addresses)
    if not count:
        return _("Nothing changes in the kernel: the table and the virtual IPs stay as they are.")
    cut = sum(line.connections for line in planned.lines if line.note == "to be cut")
    changes = ngettext("%(n)d change", "%(n)d changes", count) % {"n": count}
    if not cut:
        return _("%(changes)s; no live connection is cut.") % {"changes": changes}
    return ngettext(
        "%(changes)s; %(n)d live connection will be cut.",
        "%(changes)s; %(n)d live connections will be cut.",
        cut,
    ) % {"changes": changes, "n": cut}


def _compared_with(revision: str, loaded: Loaded) -> Compared | None:
    """Compare an earlier revision with the file; None where it is not kept."""
    try:
        text = director.revision_text(revision)
    except EngineError:
        return None
    return compared((revision, text), (loaded.revision, loaded.text))


def _against_peer(loaded: Loaded, snapshot: Snapshot) -> dict[str, Any]:
    peer = snapshot.peer
    if peer is None:
        return {}
    found: dict[str, Any] = {
        "peer": peer,
        "in_step": peer.revision == loaded.revision,
        "runs_ours": peer.revision == snapshot.revision,
    }
    if peer.revision and not found["in_step"] and not found["runs_ours"]:
        found["at_peer"] = _compared_with(peer.revision, loaded)
        found["peer_kept"] = found["at_peer"] is not None
    return found


urlpatterns = [
    path("difference/", show_panel, name="difference"),
    path("difference/apply/", apply, name="apply"),
]
