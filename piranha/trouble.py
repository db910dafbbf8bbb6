"""A page, never a bare 500, for what a view could not do: the sentence, and what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from lvsengine.errors import EngineError
from piranha import director

log = logging.getLogger(__name__)

NOTHING: Mapping[str, object] = MappingProxyType({})
CONFLICT = 409
UNAVAILABLE = 503
OF_THE_ENGINE = ("no-database", "not-running", "no-answer", "bad-answer", "other-protocol", "busy")
OF_READING = (
    "no-file", "not-a-file", "not-permitted", "too-large", "not-readable", "not-text",
    "foreign-link", "changing",
)  # fmt: skip


class TroubleMiddleware:
    """Answers in the place of a view that raised what is made to be read by people."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, director.Conflict | director.Unsound):
            return render(request, "trouble.html", {"error": error}, status=CONFLICT)
        if isinstance(error, DatabaseError):
            log.exception("the web's database")
            error = EngineError(
                "no-database",
                _("The web's own database cannot be used: %(why)s.") % {"why": error},
                _("Make room on its disk, then try again. lvs.cf and the director go on."),
            )
        return page(request, error) if isinstance(error, EngineError) else None


def page(
    request: HttpRequest, error: EngineError, more: Mapping[str, object] = NOTHING
) -> HttpResponse:
    """Show what went wrong; where lvs.cf itself cannot be read, what can be done about that.

    Args:
        more: What the page shows besides: its panel, and `typed`, which is given back.
    """
    of_file = error.code in OF_READING and director.file().error is not None
    context = {
        **more,
        "error": error,
        "of_file": of_file,
        "missing": of_file and error.code == "no-file",
    }
    status = UNAVAILABLE if error.code in OF_THE_ENGINE else CONFLICT
    return render(request, "trouble.html", context, status=status)
