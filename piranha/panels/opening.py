"""What every panel does first: read lvs.cf, and answer in the panel's place where it cannot show.

Whatever was typed is given back on each of these pages.
"""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from lvsengine.errors import EngineError
from lvsengine.lvscf import look
from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.store import Loaded
from piranha import director, trouble

GLOBAL = Where()
NOT_FOUND = 404
CONFLICT = 409


def opened(
    request: HttpRequest, panel: str, where: Where = GLOBAL, again: str = ""
) -> Loaded | HttpResponse:
    """Read lvs.cf for a panel that shows the block `where`; an answer where it cannot.

    Args:
        again: Where what was typed can be added anew, should the block be gone.
    """
    try:
        loaded = director.load()
    except EngineError as error:
        return trouble.page(request, error, {"panel": panel, "typed": typed(request)})
    refused = unsound(request, loaded, panel)
    if refused is not None:
        return refused
    if look.block_at(loaded.tree, where) is None:
        return _missing(request, panel, loaded, where, again)
    return loaded


def unsound(request: HttpRequest, loaded: Loaded, panel: str) -> HttpResponse | None:
    """Answer in a panel's place where lvs.cf has errors; None where it is sound."""
    return None if loaded.config is not None else broken(request, loaded, panel)


def broken(request: HttpRequest, loaded: Loaded, panel: str) -> HttpResponse:
    """Show what is wrong with lvs.cf."""
    context = {
        "panel": panel,
        "loaded": loaded,
        "revisions": director.revisions(),
        "typed": typed(request),
        "revision": request.POST.get("revision", ""),
    }
    return render(request, "panels/unsound.html", context, status=CONFLICT)


def _missing(
    request: HttpRequest, panel: str, loaded: Loaded, where: Where, again: str
) -> HttpResponse:
    """Answer where the file has no such block (any more)."""
    whole = look.block_at(loaded.tree, Where(where.virtual)) is not None
    if request.method == "POST":
        return gone(request, panel, subject(where), again if whole or not where.real else "")
    back = reverse("real-servers", args=[where.virtual]) if whole else reverse("virtual-servers")
    context = {"panel": panel, "subject": subject(where), "back": back}
    return render(request, "panels/missing.html", context, status=NOT_FOUND)


def subject(where: Where) -> str:
    """Name a block in the engine's words: for the audit log, and by `said` for people."""
    if where.real:
        return f"real server {where.real} of virtual server {where.virtual}"
    return f"virtual server {where.virtual}"


@dataclass(frozen=True, slots=True)
class Typed:
    """A field that was sent and is given back."""

    name: str
    label: str
    text: str


def typed(request: HttpRequest, form: forms.Form | None = None) -> list[Typed]:
    """List what was sent, by the labels of its form; nothing where nothing was."""
    labels = {} if form is None else {name: one.label for name, one in form.fields.items()}
    return [
        Typed(name, str(labels.get(name) or name), str(text))
        for name, text in request.POST.items()
        if name not in ("csrfmiddlewaretoken", "revision")
    ]


def gone(
    request: HttpRequest, panel: str, what: str, add: str, form: forms.Form | None = None
) -> HttpResponse:
    """Answer a POST where someone else deleted or renamed what was edited.

    Args:
        add: Where what was typed can be added anew; empty where it cannot.
    """
    context = {
        "panel": panel,
        "subject": what,
        "add": add,
        "back": reverse("virtual-servers"),
        "typed": typed(request, form),
    }
    return render(request, "panels/gone.html", context, status=CONFLICT)
