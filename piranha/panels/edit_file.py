"""The whole of lvs.cf as text: to mend it by hand, and to make the first one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from lvsengine.errors import EngineError
from lvsengine.lvscf.keys import Section
from lvsengine.lvscf.problems import Severity
from lvsengine.lvscf.syntax import parse
from piranha import audit, director, numbered
from piranha.access.roles import needs
from piranha.access.typed import typed_before
from piranha.fields import KeyField, key_of
from piranha.models import Role
from piranha.panels.accept import UNPROCESSABLE, redirect, say_saved
from piranha.panels.difference import compared
from piranha.panels.opening import CONFLICT
from piranha.sentences import failure

MOST = 512 * 1024  # characters; a larger file is for an editor on the director itself
SKELETON = """\
serial_no = 0
primary = {primary}
service = lvs
backup_active = 0
backup = 0.0.0.0
heartbeat = 1
heartbeat_port = 539
keepalive = 6
deadtime = 18
network = nat
debug_level = NONE
"""


class FirstForm(forms.Form):
    """What a first lvs.cf needs to know."""

    primary = KeyField(key_of(Section.GLOBAL, "primary"), gettext_lazy("Primary server public IP"))

    def clean_primary(self) -> object:
        address = self.cleaned_data["primary"]
        if address is None:
            raise ValidationError(_("is needed: an address of this director"), code="missing")
        return address


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN, to_change=False)
def edit_file(request: HttpRequest) -> HttpResponse:
    try:
        text, revision = director.raw()
    except EngineError as error:
        if error.code != "no-file":
            raise
        return _first(request)
    if len(text) > MOST:
        return _show(request, {"too_large": True, "path": director.path()})
    if request.method == "POST":
        return _save(request, text, revision)
    before = typed_before(request)
    if before is not None:
        typed = before.get("text", "").replace("\r\n", "\n")
        return _show_text(request, typed, before.get("revision", ""))
    wanted = request.GET.get("from", "")
    shown = director.revision_text(wanted) if wanted else text
    return _show_text(request, numbered.shown(shown), revision)


def _save(request: HttpRequest, present: str, revision: str) -> HttpResponse:
    typed = request.POST.get("text", "").replace("\r\n", "\n")
    expected = request.POST.get("revision", "")
    if not typed.strip():
        said = _("There is no text, and no director runs an empty file. Nothing was saved.")
        return _show_text(request, typed, expected, UNPROCESSABLE, said=said)
    if expected != revision:
        return _conflict(request, typed, present, revision)
    try:
        saved = director.replace(expected, as_file(typed, present))
    except director.Conflict as conflict:
        return _conflict(request, typed, conflict.current.text, conflict.current.revision)
    except director.Unsound:
        return _show_text(request, typed, expected, UNPROCESSABLE)
    except EngineError as error:
        return _show_text(request, typed, expected, UNPROCESSABLE, said=failure(error))
    audit.saved(request, "edit", "lvs.cf", saved)
    say_saved(request, saved)
    return redirect(reverse("difference"))


def as_file(typed: str, present: str) -> str:
    """Give what was typed the file's own line ends, and the bytes that a page cannot show.

    A line that was left as it was shown is taken from the file as it is.
    """
    tree = parse(present, "")
    originals = {numbered.shown(line.text): line.text for line in tree.lines}
    lines = [originals.get(line, line) for line in typed.removesuffix("\n").split("\n")]
    bom = "\ufeff" if tree.bom else ""
    return bom + "".join(f"{line}{tree.line_end}" for line in lines)


def _conflict(request: HttpRequest, typed: str, present: str, revision: str) -> HttpResponse:
    said = _(
        "lvs.cf was changed since you opened it. Your text is still here; below is what"
        " separates the file now from your text. Press ACCEPT to save yours in its place."
    )
    differs = compared((revision, present), (_("yours"), typed))
    return _show_text(request, typed, revision, CONFLICT, said=said, compared=differs)


def _show_text(
    request: HttpRequest, text: str, revision: str, status: int = 200, **said: object
) -> HttpResponse:
    found = director.problems(text) if text.strip() else ()
    context = {
        "text": text.removeprefix("\ufeff"),
        "revision": revision,
        "rows": min(60, max(12, text.count("\n") + 2)),
        "errors": [one for one in found if one.severity is Severity.ERROR],
        "warnings": [one for one in found if one.severity is Severity.WARNING],
        "refused": request.method == "POST" and status == UNPROCESSABLE,
        "file_lines": numbered.lines(parse(text, "lvs.cf"), found, whole=False) if found else (),
        **said,
    }
    return _show(request, context, status)


def _show(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(
        request, "panels/edit_file.html", {"panel": "edit_file", **context}, status=status
    )


def _first(request: HttpRequest) -> HttpResponse:
    """There is no file: make one from the least that a director needs, when asked."""
    form = FirstForm(request.POST if request.method == "POST" else None)
    context = {"panel": "edit_file", "form": form, "path": director.path()}
    if request.method == "POST" and form.is_valid():
        text = SKELETON.format(primary=form.cleaned_data["primary"])
        try:
            saved = director.replace("", text)
        except EngineError as error:
            form.add_error(None, failure(error))
        else:
            audit.saved(request, "create", "lvs.cf", saved)
            say_saved(request, saved)
            return redirect(reverse("global-settings"))
    status = UNPROCESSABLE if form.errors else 200
    return render(request, "panels/first_file.html", context, status=status)


urlpatterns = [path("edit-file/", edit_file, name="edit-file")]
