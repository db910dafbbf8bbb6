"""The page of the sync: how the peer's files stand to ours, and what a person decides of it."""

from __future__ import annotations

import gzip
import shlex
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lvsengine.errors import EngineError
from lvsengine.lvscf.compare import Difference, compare
from lvsengine.lvscf.syntax import parse
from lvsengine.sync.values import FileState, Revisions, Standing, State
from piranha import audit, director, sync_told, syncing
from piranha.access.roles import may, needs
from piranha.header import facts
from piranha.models import Role
from piranha.monitoring import live
from piranha.panels import control
from piranha.panels.accept import UNPROCESSABLE, redirect
from piranha.panels.opening import CONFLICT
from piranha.sentences import failure
from piranha.three_way import laid_out

PANEL = "sync"
STANDING = "panels/sync_standing.html"
LOOKS_EACH_S = 2  # a copy is over in a second or two, and somebody is waiting for it
GONE_WRONG = (Standing.WAITING, Standing.STOPPED, Standing.HOST_KEY, Standing.NOT_PAIRED)


@require_safe
@never_cache
def show_panel(request: HttpRequest) -> HttpResponse:
    state = director.sync()
    context = {
        **_standing(request, state),
        "live": True,
        "every": LOOKS_EACH_S,
        "moves": state.standing is Standing.COPYING
        or (state.automatic and state.standing is Standing.DUE),
    }
    return render(request, "panels/sync.html", context)


@require_safe
@never_cache
def update(request: HttpRequest) -> HttpResponse:
    """Answer how it stands and what the header says; 204 where the browser has just that."""
    picture = director.picture()
    standing = render_to_string(STANDING, _standing(request, director.sync()))
    html = f"{facts(picture.snapshot, picture.error)}\n{standing.strip()}"
    token = f"{live.START}{hash(html) & (2**64 - 1):016x}"
    same = request.GET.get("seen") == token
    zipped = b"" if same else gzip.compress(html.encode(), live.LEVEL)
    return control.parts(request, token, zipped)


def _standing(request: HttpRequest, state: State) -> dict[str, Any]:
    return {
        "panel": PANEL,
        "state": state,
        "standing": state.standing.name,
        "badge_of": sync_told.badge(state),
        "sentence": sync_told.sentence(state),
        "tries": sync_told.tries(state),
        "peer": sync_told.peer(state),
        "may_copy": may(request, Role.OPERATOR),
        "may_choose": may(request, Role.ADMIN),
        "join": _join(),
    }


def _join() -> str:
    """Write what is typed on the backup to make the two directors known to one another."""
    try:
        config = director.load().config
    except EngineError:
        config = None
    primary = "PRIMARY" if config is None or config.primary is None else str(config.primary)
    return f"lvsctl pair join {shlex.quote(primary)} CODE"


@require_POST
@needs(Role.OPERATOR)
def copy(request: HttpRequest) -> HttpResponse:
    """Copy what is due: in the background where it is copied by itself, else now."""
    before = syncing.state().record.revisions.ours
    try:
        state = syncing.copy()
    except EngineError as error:
        audit.record(request, "copy", "lvs.cf", after=before, outcome=str(error))
        messages.error(request, failure(error))
        return redirect(reverse("sync"))
    outcome = "ordered" if state.automatic else _outcome(state)
    audit.record(request, "copy", "lvs.cf", after=state.record.revisions.ours, outcome=outcome)
    if not state.automatic:
        add = messages.error if state.standing in GONE_WRONG else messages.success
        add(request, sync_told.sentence(state))
    return redirect(reverse("sync"))


def _outcome(state: State) -> str:
    """Say in English, as the engine does, what a copy came to; for the audit log."""
    trouble = state.trouble or state.record.warning
    return f"{state.standing.value}: {trouble.sentence}" if trouble else state.standing.value


# --- the peer has edits of its own ----------------------------------------------------------


@require_safe
@never_cache
def show_comparison(request: HttpRequest) -> HttpResponse:
    return _compared(request)


def _compared(request: HttpRequest, status: int = 200, said: str = "") -> HttpResponse:
    """Ask the peer for its file and show all three; say why where it cannot be asked."""
    state = syncing.state()
    context: dict[str, Any] = {
        "panel": PANEL,
        "state": state,
        "peer": sync_told.peer(state),
        "here": _("backup") if state.peer_name == "primary" else _("primary"),
        "said": said,
        "own_files": [one for one in state.record.files if _is_own(one)],
        "may_choose": may(request, Role.ADMIN),
    }
    try:
        compared = syncing.compare()
    except EngineError as error:
        context["error"] = error
        return render(request, "panels/sync_compare.html", context, status=max(status, CONFLICT))
    context |= {"compared": compared, "shown": laid_out(compared)}
    return render(request, "panels/sync_compare.html", context, status=status)


def _is_own(file: FileState) -> bool:
    """Whether the peer has a file there that the sync did not install."""
    return file.trouble is not None and file.trouble.code == "own-file"


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def take(request: HttpRequest, side: str) -> HttpResponse:
    """Let one of two files win, at the revisions that the person was shown."""
    if request.method != "POST":
        return redirect(reverse("sync-compare"))
    if request.POST.get("understood") != "1":
        told = _("Nothing was changed: say also that you have read what is lost.")
        return _compared(request, UNPROCESSABLE, told)
    expected = Revisions(request.POST.get("ours", ""), request.POST.get("theirs", ""))
    action = "take ours" if side == "ours" else "take theirs"
    try:
        state = (syncing.take_ours if side == "ours" else syncing.take_theirs)(expected)
    except EngineError as error:
        audit.record(request, action, "lvs.cf", before=expected.ours, outcome=str(error))
        return _compared(request, CONFLICT, _not_taken(error))
    _record(request, action, expected, state)
    messages.success(request, _taken(side, expected, state))
    return redirect(reverse("sync"))


def _not_taken(error: EngineError) -> str:
    if error.code == "changed-meanwhile":
        return _(
            "One of the two files was changed since you looked, so nothing was overwritten. This"
            " is the comparison now; look again."
        )
    told = _("Nothing was overwritten.")
    return f"{told} {failure(error)}"


def _record(request: HttpRequest, action: str, expected: Revisions, state: State) -> None:
    """Keep who decided; taking ours changes the peer's file, taking theirs this one."""
    if action == "take ours":
        audit.record(
            request,
            action,
            "lvs.cf",
            before=expected.theirs,
            after=state.record.revisions.theirs,
            outcome=f"on the {state.peer_name}",
        )
        return
    after = state.record.revisions.ours
    changes = _changes(expected.ours, after)
    audit.record(request, action, "lvs.cf", before=expected.ours, after=after, changes=changes)


def _changes(before: str, after: str) -> tuple[Difference, ...]:
    try:
        texts = [director.revision_text(revision) for revision in (before, after)]
    except EngineError:
        return ()  # not kept any more: the entry names the revisions all the same
    return compare(parse(texts[0], ""), parse(texts[1], ""))


def _taken(side: str, expected: Revisions, state: State) -> str:
    words = {"peer": sync_told.peer(state), "revision": state.record.revisions.ours}
    if side == "ours":
        words["before"] = expected.theirs
        told = _(
            "The %(peer)s has the lvs.cf of this director now, revision %(revision)s. What it had"
            " before is kept there as revision %(before)s."
        )
        return told % words
    words["before"] = expected.ours
    told = _(
        "This director has the lvs.cf of the %(peer)s now, revision %(revision)s. What it had"
        " before is kept as revision %(before)s. The engine follows when you apply it."
    )
    return told % words


# --- the peer's host key ---------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
@never_cache
def host_key(request: HttpRequest) -> HttpResponse:
    """Show the fingerprint to compare; by POST, trust it, where somebody has compared it."""
    if request.method != "POST":
        return _show_host_key(request)
    if request.POST.get("compared") != "1":
        told = _("Nothing was changed: compare the fingerprint first, and say that you did.")
        return _show_host_key(request, UNPROCESSABLE, told)
    before, fingerprint = syncing.state(), request.POST.get("fingerprint", "")
    subject = f"{before.peer_name} {before.record.peer}".strip()
    try:
        syncing.accept_host_key(fingerprint)
    except EngineError as error:
        audit.record(request, "accept host key", subject, outcome=f"{fingerprint[:80]}: {error}")
        told = _("It was not accepted.")
        return _show_host_key(request, CONFLICT, f"{told} {failure(error)}")
    instead = f", instead of {before.record.pinned}" if before.record.pinned else ""
    audit.record(request, "accept host key", subject, outcome=f"{fingerprint[:80]}{instead}")
    told = _("The host key of the %(peer)s is trusted from now on: %(fingerprint)s.")
    words = {"peer": sync_told.peer(before), "fingerprint": fingerprint}
    messages.success(request, told % words)
    return redirect(reverse("sync"))


def _show_host_key(request: HttpRequest, status: int = 200, told: str = "") -> HttpResponse:
    state = syncing.state()
    offered = state.record.offered
    context = {
        "panel": PANEL,
        "state": state,
        "offered": offered,
        "peer": sync_told.peer(state),
        "told": told,
        "command": _command(offered.kind if offered is not None else ""),
        "may_choose": may(request, Role.ADMIN),
    }
    return render(request, "panels/sync_host_key.html", context, status=status)


def _command(kind: str) -> str:
    """Write what shows the same key's fingerprint on the machine that has it."""
    names = {"ssh-rsa": "rsa", "rsa-sha2-256": "rsa", "rsa-sha2-512": "rsa"}
    name = "ecdsa" if kind.startswith("ecdsa") else names.get(kind, "ed25519")
    return f"ssh-keygen -lf /etc/ssh/ssh_host_{name}_key.pub"


urlpatterns = [
    path("sync/", show_panel, name="sync"),
    path("sync/update/", update, name="sync-update"),
    path("sync/copy/", copy, name="sync-copy"),
    path("sync/compare/", show_comparison, name="sync-compare"),
    path("sync/take-ours/", take, {"side": "ours"}, name="sync-take-ours"),
    path("sync/take-theirs/", take, {"side": "theirs"}, name="sync-take-theirs"),
    path("sync/host-key/", host_key, name="sync-host-key"),
]
