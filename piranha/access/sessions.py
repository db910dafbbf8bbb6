"""How long a session lasts: 30 minutes without a click, 12 hours at most; and what follows.

A page that updates itself is no click: its requests say `X-Poll: 1`, or `poll=1` in the query.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from piranha.access import typed
from piranha.access.login import login_page

log = logging.getLogger(__name__)

IDLE_S = 30 * 60
LONGEST_S = 12 * 3600
NOTED_EVERY_S = 60  # a click is written to the database no more often
BEGAN, CLICKED = "began", "clicked"
STOP_POLLING = 286  # htmx asks no more


def is_poll(request: HttpRequest) -> bool:
    return request.headers.get("X-Poll") == "1" or request.GET.get("poll") == "1"


def begin(sender: object, request: HttpRequest, **_more: object) -> None:
    """Note when somebody logged in; take away the sessions that are over."""
    request.session[BEGAN] = request.session[CLICKED] = int(time.time())
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def listen() -> None:
    user_logged_in.connect(begin, dispatch_uid="piranha.access.sessions")


class Sessions(SessionMiddleware):
    """Django's, but a database that takes nothing costs a click its note, not its page."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except DatabaseError:
            log.exception("a session was not noted; is the disk full?")
            return response


class Limits:
    """Middleware that ends what has lasted too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            _believe_clock(request, time.time())
            self._look(request, time.time())
        return self.get_response(request)

    def _look(self, request: HttpRequest, now: float) -> None:
        idle_s = now - request.session.get(CLICKED, 0)
        if idle_s > IDLE_S or now - request.session.get(BEGAN, 0) > LONGEST_S:
            logout(request)
        elif idle_s >= NOTED_EVERY_S and not is_poll(request):
            request.session[CLICKED] = int(now)


def _believe_clock(request: HttpRequest, now: float) -> None:
    """Count anew from now where the clock was set back: else a session would outlast a year."""
    for moment in (BEGAN, CLICKED):
        if request.session.get(moment, 0) > now + NOTED_EVERY_S:
            request.session[moment] = int(now)


class LoginRequired(LoginRequiredMiddleware):
    """Django's, but nothing typed is lost and a page that polls is not torn away."""

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[object, ...],
        view_kwargs: dict[str, object],
    ) -> HttpResponseBase | None:
        asks = super().process_view(request, view_func, view_args, view_kwargs)
        if asks is None:
            return None
        if request.method == "POST":
            return self._keeping(request)
        by_htmx = request.headers.get("HX-Request") == "true"
        if by_htmx and request.headers.get("HX-Boosted") != "true":
            return self._noticed(request)
        return asks

    def _keeping(self, request: HttpRequest) -> HttpResponse:
        """Show the login page in the answer's place, the typed fields in it."""
        found = typed.of(request)
        packed = found.packed()
        response = login_page(
            request, typed.page_of(request), packed, 403, logged_out=True, too_long=not packed
        )
        response["HX-Retarget"] = response["HX-Reselect"] = "#page"
        response["HX-Reswap"] = "outerHTML show:window:top"
        return response

    def _noticed(self, request: HttpRequest) -> HttpResponse:
        """Tell a page that updates itself that it does so no more, and leave it as it is."""
        link = f"{reverse('login')}?{urlencode({'next': typed.page_of(request)})}"
        response = render(request, "logged_out.html", {"link": link}, status=STOP_POLLING)
        response["HX-Retarget"] = "#notices"
        response["HX-Reselect"] = "#logged-out"
        response["HX-Reswap"] = "innerHTML"
        return response
