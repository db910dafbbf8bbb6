"""What ACCEPT does on every panel: save, or give the form back with what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from lvsengine.errors import EngineError
from lvsengine.lvscf.syntax import parse
from piranha import audit, director
from piranha.access.roles import may
from piranha.access.typed import typed_before
from piranha.fields import CheckField, ChoiceField, Text
from piranha.models import Role
from piranha.panels.form import PanelForm
from piranha.panels.opening import CONFLICT as CONFLICT
from piranha.panels.opening import broken, gone
from piranha.panels.opening import unsound as unsound
from piranha.sentences import failure

NOTHING = "\u2013"  # a dash, where a field is blank
UNPROCESSABLE = 422
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Page:
    """What a panel shows around its form.

    Attributes:
        panel: Its name among `PANELS`.
        subject: What the audit log calls that which is edited.
        done: Where to go when all is saved.
        back: Where CANCEL leads; the same where not given.
        action: What the audit log calls that which is done.
        also: What the next page says beside what was saved.
        add: Where the same can be added anew, should someone else have deleted it.
    """

    template: str
    panel: str
    title: Text
    subject: str
    done: str
    back: str = ""
    action: str = "save"
    also: Text = ""
    add: str = ""
    context: dict[str, Any] = field(default_factory=dict)


def show(request: HttpRequest, page: Page, form: PanelForm, status: int = 200) -> HttpResponse:
    """Show a panel; filled in with what was typed there before somebody had to log in again."""
    before = typed_before(request)
    if before is not None and not form.is_bound:
        form.fill(before)
    may_edit = may(request, Role.ADMIN)
    if not may_edit:
        for one in form.fields.values():
            one.disabled = True
    context = {
        "panel": page.panel,
        "title": page.title,
        "form": form,
        "may_edit": may_edit,
        "back": page.back or page.done,
        **page.context,
    }
    return render(request, page.template, context, status=status)


def accept(request: HttpRequest, page: Page, form: PanelForm) -> HttpResponse:
    """Save a panel's form, whose revision is the one that the user was shown."""
    if not form.is_valid():
        return show(request, page, form, UNPROCESSABLE)
    try:
        saved = form.save()
    except director.Conflict as conflict:
        return _conflict(request, page, form, conflict)
    except director.Unsound as unsound:
        page.context["problems"] = form.blame(unsound.problems, unsound.tree)
        return show(request, page, form, UNPROCESSABLE)
    except EngineError as error:
        names_it = error.code == "already-there" and "name" in form.fields
        form.add_error("name" if names_it else None, failure(error))
        return show(request, page, form, UNPROCESSABLE)
    audit.saved(request, page.action, page.subject, saved)
    say_saved(request, saved, page.also)
    return redirect(page.done)


def redirect(url: str) -> HttpResponse:
    """Answer a POST: go there by GET."""
    return HttpResponseRedirect(url, status=SEE_OTHER)


def say_saved(request: HttpRequest, saved: director.Saved, more: Text = "") -> None:
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
    messages.success(request, " ".join(filter(None, (said, also, str(more)))))


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
    words: Mapping[str, str]

    @property
    def suggested(self) -> str:
        return self.theirs if self.base == self.mine else self.mine

    @property
    def shown(self) -> list[str]:
        """What it said, says now, and what was typed, as the panel would show it."""
        said = ("?" if self.base is None else self.base, self.theirs, self.mine)
        return [self.words.get(text, text) or NOTHING for text in said]


def _conflict(
    request: HttpRequest, page: Page, form: PanelForm, conflict: director.Conflict
) -> HttpResponse:
    if conflict.current.config is None:
        return broken(request, conflict.current, page.panel)
    if form.is_gone(conflict.current.tree):
        return gone(request, page.panel, page.subject, page.add, form)
    if form.adds:
        form.add_error("name", _("someone else has added one of this name meanwhile"))
        return show(request, page, form, CONFLICT)
    theirs = form.texts(conflict.current.tree)
    base = _base(form, conflict.expected)
    rows, same = [], [("do", request.POST["do"])] if "do" in request.POST else []
    for name, label in ((name, str(form[name].label)) for name in theirs if name in form.fields):
        mine, now = form.typed(name), _as_typed(form, name, theirs[name])
        before = None if base is None else _as_typed(form, name, base[name])
        if mine == now:
            same.append((name, mine))
        else:
            contested = before is None or before not in (mine, now)
            rows.append(Row(name, label, before, now, mine, contested, _words(form, name)))
    context = {
        "panel": page.panel,
        "rows": rows,
        "same": same,
        "revision": conflict.current.revision,
        "subject": page.subject,
        "back": page.back or page.done,
    }
    return render(request, "panels/conflict.html", context, status=CONFLICT)


def _words(form: PanelForm, name: str) -> dict[str, str]:
    """Tell how a field's values are shown."""
    field = form.fields[name]
    if isinstance(field, ChoiceField):
        return {value: str(label) for value, label in field.labels()}
    return {"1": _("Yes"), "": _("No")} if isinstance(field, CheckField) else {}


def _as_typed(form: PanelForm, name: str, text: str) -> str:
    if isinstance(form.fields[name], CheckField):
        return "1" if text == "1" else ""
    return text


def _base(form: PanelForm, revision: str) -> dict[str, str] | None:
    try:
        tree = parse(director.revision_text(revision), "lvs.cf")
    except EngineError:
        return None
    return None if form.is_gone(tree) else form.texts(tree)
