"""The CONTROL/MONITORING panel: what is wrong, what goes through, and how it renews itself."""

from __future__ import annotations

import gzip
import time

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from piranha import director
from piranha.access import gate
from piranha.access.roles import may
from piranha.header import facts
from piranha.models import Role
from piranha.monitoring import live
from piranha.monitoring.choice import LEAST_S, MOST_S, Choice, chosen, remember, seconds_of
from piranha.monitoring.query import SORTS, Query
from piranha.panels import control_orders
from piranha.panels.accept import redirect

NO_CONTENT = 204


@require_safe
@never_cache
def show_panel(request: HttpRequest) -> HttpResponse:
    query, may_order = Query.of(request.GET.dict()), may(request, Role.OPERATOR)
    context = {
        "panel": "control",
        "live": chosen(request).auto,
        "view": live.view(query, may_order=may_order),
        "may_order": may_order,
        "query": query,
        "sorts": SORTS,
        "choice": chosen(request),
        "address": query.address(),
        "here": _here(query),
        "shown_at": time.time(),
        "access": gate.standing(request),
    }
    return render(request, "panels/control.html", context)


def _here(query: Query) -> str:
    address = query.address()
    return reverse("control") + (f"?{address}" if address else "")


@require_safe
@never_cache
def update(request: HttpRequest) -> HttpResponse:
    """Answer the parts that the browser does not have yet; 204 where it has all."""
    now = live.view(Query.of(request.GET.dict()), may_order=may(request, Role.OPERATOR))
    return parts(request, now.token, live.body(request.GET.get("seen", ""), now))


@require_safe
@never_cache
def head(request: HttpRequest) -> HttpResponse:
    """Answer what the header says of the directors; 204 where the browser has just that."""
    picture = director.picture()
    html = facts(picture.snapshot, picture.error)
    token = f"{live.START}{hash(html) & (2**64 - 1):016x}"
    same = request.GET.get("seen") == token
    return parts(request, token, b"" if same else gzip.compress(html.encode(), live.LEVEL))


def parts(request: HttpRequest, token: str, zipped: bytes) -> HttpResponse:
    """Answer what a browser lacks, gzipped, and the token of what it has then; 204 for nothing."""
    if not zipped:
        response = HttpResponse(status=NO_CONTENT)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(zipped, headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(gzip.decompress(zipped))
    response.headers["X-Seen"] = token
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@require_POST
def monitor(request: HttpRequest) -> HttpResponse:
    """Remember in this browser whether its page renews itself, and how often."""
    seconds = seconds_of(request.POST.get("interval", "").strip())
    response = redirect(control_orders.next_page(request))
    if seconds is None:
        told = _("The update interval must be a whole number from %(least)d to %(most)d seconds.")
        messages.error(request, told % {"least": LEAST_S, "most": MOST_S})
    else:
        remember(response, Choice(request.POST.get("auto") == "1", seconds))
    return response


urlpatterns = [
    path("control/", show_panel, name="control"),
    path("control/update/", update, name="control-update"),
    path("control/monitor/", monitor, name="control-monitor"),
    path("head/", head, name="head"),
    *control_orders.urlpatterns,
]
