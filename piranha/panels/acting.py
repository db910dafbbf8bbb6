"""What the buttons of a list do to the row that is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from lvsengine.errors import EngineError
from lvsengine.lvscf import look
from lvsengine.lvscf.edits import Where, with_value, without_block
from lvsengine.lvscf.problems import Problem
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import Tree
from piranha import audit, director
from piranha.fields import Text
from piranha.panels.accept import UNPROCESSABLE, redirect, say_saved
from piranha.panels.opening import CONFLICT, opened, subject
from piranha.sentences import failure


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing was changed; the list says so and shows the file as it is now."""

    status: int
    sentence: str = ""
    problems: tuple[Problem, ...] = ()


def save(
    request: HttpRequest, edit: director.Edit, action: str, what: str, also: Text = ""
) -> Refused | None:
    """Save an edit that the list offers, at the revision that the list was shown at.

    Args:
        what: The subject of the audit log. `also`: what is said beside what was saved.
    """
    try:
        saved = director.save(request.POST.get("revision", ""), edit)
    except director.Conflict:
        return Refused(
            CONFLICT,
            _(
                "Someone else saved first, so nothing was changed. This is lvs.cf as it is now;"
                " do it again if you still mean it."
            ),
        )
    except director.Unsound as unsound:
        return Refused(UNPROCESSABLE, "", unsound.problems)
    except EngineError as error:
        return Refused(UNPROCESSABLE, failure(error))
    audit.saved(request, action, what, saved)
    say_saved(request, saved, also)
    return None


def is_enabled(tree: Tree, where: Where) -> bool:
    return look.text(tree, where, "active") == "1"


def toggled(where: Where, *, enabled: bool) -> director.Edit:
    """Make the edit that enables or disables a block."""
    return lambda tree: with_value(tree, where, "active", enabled)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What the page that asks before a block is deleted says.

    Attributes:
        loss: What clients lose. `takes`: names of the real servers that go too.
        back: The list, for CANCEL and for when it is done.
    """

    where: Where
    title: str
    loss: str
    back: str
    takes: tuple[str, ...] = ()


def confirm_delete(request: HttpRequest, loaded: Loaded, asked: Deletion) -> HttpResponse:
    """Ask by GET whether a block shall be deleted, and do it by POST."""
    refused = None
    found: Loaded | HttpResponse = loaded
    if request.method == "POST":

        def edit(tree: Tree) -> Tree:
            return without_block(tree, asked.where)

        refused = save(request, edit, "delete", subject(asked.where), asked.loss)
        if refused is None:
            return redirect(asked.back)
        found = opened(request, "virtual_servers", asked.where)
    if isinstance(found, HttpResponse):
        return found
    context = {
        "panel": "virtual_servers",
        "asked": asked,
        "revision": found.revision,
        "refused": refused,
    }
    status = 200 if refused is None else refused.status
    return render(request, "panels/delete.html", context, status=status)
