"""What ACCEPT does on every panel: save, or give the form back with what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from lvsengine.errors import EngineError
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import parse
from piranha import audit, director
from piranha.fields import CheckField, Text
from piranha.panels.form import PanelForm
from piranha.sentences import failure

UNPROCESSABLE = 422
CONFLICT = 409
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Page:
    """What a panel shows around its form.

    Attributes:
        panel: Its name among `PANELS`.
        subject: What the audit log calls that which is edited.
        done: Where to go when all is saved.
    """

    template: str
    panel: str
    title: Text
    subject: str
    done: str
    context: dict[str, Any] = field(default_factory=dict)


def show(request: HttpRequest, page: Page, form: PanelForm, status: int = 200) -> HttpResponse:
    context = {"panel": page.panel, "title": page.title, "form": form, **page.context}
    return render(request, page.template, context, status=status)


def accept(request: HttpRequest, page: Page, form: PanelForm) -> HttpResponse:
    """Save a panel's form, whose revision is the one that the user was shown."""
    if not form.is_valid():
        return show(request, page, form, UNPROCESSABLE)
    try:
        saved = director.save(form.cleaned_data["revision"], form.edit)
    except director.Conflict as conflict:
        return _conflict(request, page, form, conflict)
    except director.Unsound as unsound:
        page.context["problems"] = form.blame(unsound.problems, unsound.tree)
        return show(request, page, form, UNPROCESSABLE)
    except EngineError as error:
        form.add_error(None, failure(error))
        return show(request, page, form, UNPROCESSABLE)
    audit.saved(request, "save", page.subject, saved)
    say_saved(request, saved)
    return redirect(page.done)


def redirect(url: str) -> HttpResponse:
    """Answer a POST: go there by GET."""
    return HttpResponseRedirect(url, status=SEE_OTHER)


def say_saved(request: HttpRequest, saved: director.Saved) -> None:
    """Tell what was saved and what has not happened yet; the strip offers Apply."""
    if saved.before == saved.revision:
        messages.info(request, _("Nothing was changed: lvs.cf says that already."))
        return
    said = _("Saved to lvs.cf as revision %(revision)s.") % {"revision": saved.revision}
    snapshot = director.picture().snapshot
    if snapshot is None:
        also = _("pulse is not running, so nothing changed in the kernel.")
    else:
        also = _("The engine still runs revision %(running)s until you apply it.") % {
            "running": snapshot.revision
        }
    messages.success(request, f"{said} {also}")


@dataclass(frozen=True, slots=True)
class Row:
    """One field that differs, in a conflict.

    Attributes:
        base: What it said when the user opened the panel; None where that is not kept.
        contested: Both changed it, so somebody must choose.
    """

    name: str
    label: str
    base: str | None
    theirs: str
    mine: str
    contested: bool

    @property
    def suggested(self) -> str:
        return self.theirs if self.base == self.mine else self.mine


def _conflict(
    request: HttpRequest, page: Page, form: PanelForm, conflict: director.Conflict
) -> HttpResponse:
    theirs = form.texts(conflict.current.tree)
    base = _base(form, conflict.expected)
    rows, same = [], []
    for name, label in ((name, str(form[name].label)) for name in theirs if name in form.fields):
        mine, now = form.typed(name), _as_typed(form, name, theirs[name])
        before = None if base is None else _as_typed(form, name, base[name])
        if mine == now:
            same.append((name, mine))
        else:
            contested = before is None or before not in (mine, now)
            rows.append(Row(name, label, before, now, mine, contested))
    context = {
        "panel": page.panel,
        "rows": rows,
        "same": same,
        "revision": conflict.current.revision,
        "subject": page.subject,
    }
    return render(request, "panels/conflict.html", context, status=CONFLICT)


def _as_typed(form: PanelForm, name: str, text: str) -> str:
    if isinstance(form.fields[name], CheckField):
        return "1" if text == "1" else ""
    return text


def _base(form: PanelForm, revision: str) -> dict[str, str] | None:
    try:
        text = director.revision_text(revision)
    except EngineError:
        return None
    return form.texts(parse(text, "lvs.cf"))


def unsound(request: HttpRequest, loaded: Loaded, panel: str) -> HttpResponse | None:
    """Answer in a panel's place where lvs.cf has errors; None where it is sound."""
    if loaded.config is not None:
        return None
    context = {"panel": panel, "loaded": loaded, "revisions": director.revisions()}
    return render(request, "panels/unsound.html", context, status=CONFLICT)
