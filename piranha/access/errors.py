"""The pages of what goes wrong on the way to a view, in our look and words."""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext as _

from piranha.access import typed

log = logging.getLogger(__name__)
TOO_BIG = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
PLAIN = (
    "Something went wrong in the web itself; the engine goes on. The log of piranha-gui says what."
)


def page(
    request: HttpRequest, template: str, status: int, context: dict[str, object]
) -> HttpResponse:
    """Answer with an error page.

    A form that htmx sent stays as it is, with all that was typed: only the notice is put in.
    """
    response = render(request, template, {"bare": True, **context}, status=status)
    if request.method == "POST" and request.headers.get("HX-Request") == "true":
        response["HX-Retarget"] = "#notices"
        response["HX-Reselect"] = "#sentence"
        response["HX-Reswap"] = "innerHTML show:top"
    return response


def _said(
    request: HttpRequest, status: int, title: str, sentence: str, *, bare: bool = False
) -> HttpResponse:
    return page(
        request, "error.html", status, {"title": title, "sentence": sentence, "bare": bare}
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what cannot be understood, or is too large to be a panel's form."""
    if isinstance(exception, TOO_BIG):
        told = _("Nothing was saved: this is larger than any panel's form can be.")
        return _said(request, 413, _("Too large"), told, bare=True)
    told = _("The web could not understand what the browser sent.")
    return _said(request, 400, _("Not understood"), told, bare=True)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _said(request, 403, _("Not allowed"), _("This is not open to you."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    told = _("There is no such page. It may have been removed from lvs.cf meanwhile.")
    return _said(request, 404, _("Not found"), told)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer without the request's user and without details: they may be what failed."""
    title = _("Something went wrong")
    context = {"title": title, "sentence": _(PLAIN), "bare": True}
    try:
        return HttpResponse(render_to_string("error.html", context), status=500)
    except Exception:
        log.exception("the page of a failure failed too")
        return HttpResponse(format_html("<h1>{}</h1><p>{}</p>", title, PLAIN), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without our token: kept and shown again if it was ours and out of date.

    That happens to a page left open while its user logged in again beside it.
    """
    title = _("Nothing was done")
    if reason == REASON_NO_CSRF_COOKIE:
        told = _("Your browser keeps no cookies for this address, and without one nobody can log"
                 " in or save. Allow cookies for it and send the form again.")  # fmt: skip
        return _said(request, 403, title, told, bare=True)
    again = typed.shown_again(request)
    if again is not None:
        return again
    told = _("This form did not come from a page of this web, or the page is out of date."
             " Open the page again and repeat it.")  # fmt: skip
    return _said(request, 403, title, told, bare=True)
