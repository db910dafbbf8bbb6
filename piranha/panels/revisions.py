"""The page of earlier revisions of lvs.cf: look, compare, restore."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, register_converter, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from lvsengine.errors import EngineError
from lvsengine.lvscf.compare import Difference, compare
from lvsengine.lvscf.syntax import parse
from piranha import audit, director, numbered
from piranha.access.roles import needs
from piranha.models import AuditEntry, Role
from piranha.panels.accept import UNPROCESSABLE, redirect, say_saved
from piranha.panels.difference import compared
from piranha.panels.opening import CONFLICT

MADE_BY = ("save", "restore", "edit", "create", "take theirs")  # actions that make a revision
TOLD = 3  # changes that a line of the list names


class RevisionConverter:
    """Twelve hex digits in an address."""

    regex = "[0-9a-f]{12}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(RevisionConverter, "revision")


@dataclass(frozen=True, slots=True)
class Row:
    """One revision in the list.

    Attributes:
        entry: Who made it, where the audit log knows.
        kept_at: In seconds since the epoch; 0 for the present one.
        told: What changed against the one before, in a line.
    """

    revision: str
    present: bool
    entry: AuditEntry | None
    kept_at: float
    told: str


def rows() -> list[Row]:
    """List the present revision, where there is one, and those that are kept, newest first."""
    kept = [(one.revision, one.kept_at) for one in director.revisions()]
    present = director.file().revision
    found = [(present, 0.0), *kept] if present else kept
    entries = _entries(revision for revision, _at in found)
    older = [*(revision for revision, _at in found[1:]), ""]
    return [
        Row(revision, not at, entries.get(revision), at, _told(before, revision))
        for (revision, at), before in zip(found, older, strict=False)
    ]


def _entries(revisions: Iterable[str]) -> dict[str, AuditEntry]:
    made = AuditEntry.objects.filter(after__in=list(revisions), action__in=MADE_BY)
    return {entry.after: entry for entry in made.order_by("pk")}


def _told(before: str, after: str) -> str:
    if not before:
        return _("the oldest that is kept")
    try:
        first, count = _changes(before, after)
    except EngineError:
        return ""
    if not count:
        return _("nothing but the way it is written")
    told = "; ".join(map(_change, first))
    rest = count - len(first)
    if not rest:
        return told
    more = ngettext("%(told)s; and %(n)d more", "%(told)s; and %(n)d more", rest)
    return more % {"told": told, "n": rest}


@lru_cache(maxsize=256)
def _changes(before: str, after: str) -> tuple[tuple[Difference, ...], int]:
    """Name the first differences and count all; what a revision says never changes."""
    texts = (director.revision_text(revision) for revision in (before, after))
    found = [one for one in compare(*(parse(text, "") for text in texts)) if _counts(one)]
    return tuple(found[:TOLD]), len(found)


def _counts(one: Difference) -> bool:
    return bool(one.place) or one.key != "serial_no"


def _change(one: Difference) -> str:
    name = f"{one.place} {one.key}".strip()
    if not one.key:
        return _("%(name)s added") % {"name": name} if one.after else _gone(name)
    if one.before is None:
        return f"{name} = {_short(one.after)}"
    if one.after is None:
        return _gone(name)
    return f"{name} {_short(one.before)} → {_short(one.after)}"


def _gone(name: str) -> str:
    return _("%(name)s removed") % {"name": name}


def _short(text: str | None) -> str:
    whole = numbered.shown(text or "")
    return whole if len(whole) <= 40 else f"{whole[:38]}…"


@require_safe
def show_panel(request: HttpRequest) -> HttpResponse:
    file = director.file()
    context = {"panel": "revisions", "rows": rows(), "file": file}
    return render(request, "panels/revisions.html", context)


@require_safe
def show_revision(request: HttpRequest, revision: str) -> HttpResponse:
    text = director.revision_text(revision)
    context: dict[str, Any] = {"revision": revision, "problems": director.problems(text)}
    tree = parse(text, "lvs.cf")
    context["file_lines"] = numbered.lines(tree, context["problems"])
    context["present"] = director.file().revision == revision
    return render(request, "panels/revision.html", {"panel": "revisions", **context})


@require_safe
def compare_two(request: HttpRequest) -> HttpResponse:
    """Compare any two; without a choice, the newest kept with the present one."""
    listed = rows()
    wanted = [request.GET.get(name, "") for name in ("before", "after")]
    context: dict[str, Any] = {"panel": "revisions", "rows": listed, "wanted": wanted}
    if all(wanted):
        texts = [director.revision_text(one) for one in wanted]
        context["compared"] = compared((wanted[0], texts[0]), (wanted[1], texts[1]))
    return render(request, "panels/compare.html", context)


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def restore(request: HttpRequest, revision: str) -> HttpResponse:
    """Ask with the difference, then make an earlier text the newest revision."""
    text = director.revision_text(revision)
    if request.method != "POST":
        return _ask(request, revision, text)
    try:
        saved = director.replace(request.POST.get("revision", ""), text)
    except director.Conflict:
        said = _("lvs.cf was changed since you looked. This is the difference now; look again.")
        return _ask(request, revision, text, CONFLICT, said)
    except director.Unsound:
        return _ask(request, revision, text, UNPROCESSABLE)
    audit.saved(request, "restore", f"lvs.cf, revision {revision}", saved)
    say_saved(request, saved)
    return redirect(reverse("revisions"))


def _ask(
    request: HttpRequest, revision: str, text: str, status: int = 200, said: str = ""
) -> HttpResponse:
    file = director.file()
    if file.error is not None and file.error.code != "no-file":
        raise file.error
    present = director.revision_text(file.revision) if file.revision else ""
    problems = director.problems(text)
    errors = [problem for problem in problems if problem.severity.value == "error"]
    context = {
        "panel": "revisions",
        "revision": revision,
        "present": file.revision,
        "compared": compared((file.revision or _("nothing"), present), (revision, text)),
        "errors": errors,
        "said": said,
    }
    return render(request, "panels/restore.html", context, status=status)


urlpatterns = [
    path("revisions/", show_panel, name="revisions"),
    path("revisions/compare/", compare_two, name="compare-revisions"),
    path("revisions/<revision:revision>/", show_revision, name="revision"),
    path("revisions/<revision:revision>/restore/", restore, name="restore-revision"),
]
