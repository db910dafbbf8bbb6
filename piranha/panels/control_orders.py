"""What CONTROL/MONITORING orders and explains: one real server, the role, the two long lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lvsengine.errors import EngineError
from lvsengine.snapshot import Snapshot
from piranha import audit, director
from piranha.access.roles import may, needs
from piranha.models import Role
from piranha.monitoring.rows import ORDERS, connections, decoded, serves
from piranha.panels.accept import UNPROCESSABLE, redirect
from piranha.panels.opening import CONFLICT
from piranha.sentences import failure, said

TAKES_AWAY = ("drain", "force-down")


def next_page(request: HttpRequest) -> str:
    """Where a form asks to go on, where that is one of our own pages."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return wanted if ours else reverse("control")


# --- one real server ------------------------------------------------------------------------


@require_POST
@needs(Role.OPERATOR)
def order(request: HttpRequest) -> HttpResponse:
    """Order a real server up, down, drained or back to its checks.

    Where it would take the last one away that serves, it must be said twice.
    """
    asked = decoded(request.POST.get("order", ""))
    if asked is None:
        return HttpResponseBadRequest("order")
    word, virtual, real = asked
    if word in TAKES_AWAY and request.POST.get("sure") != "1":
        last = _last(director.picture().snapshot, virtual, real)
        if last is not None:
            return _ask(request, word, virtual, last)
    _carry_out(request, word, virtual, real)
    return redirect(next_page(request))


def _carry_out(request: HttpRequest, word: str, virtual: str, real: str) -> None:
    subject, outcome = f"{virtual}/{real}", ""
    try:
        told = director.override(virtual, real, ORDERS[word], request.user.get_username())
    except EngineError as error:
        outcome = str(error)
        messages.error(request, failure(error))
    else:
        done = {
            "drain": _("%(name)s is drained: its connections go on, new ones go elsewhere."),
            "force-up": _("%(name)s is forced up, whatever its checks say."),
            "force-down": _("%(name)s is forced down, whatever its checks say."),
            "auto": _("%(name)s is left to its checks, which say: %(reason)s."),
        }[word]
        messages.success(request, done % {"name": subject, "reason": said(told.reason)})
    audit.record(request, word, subject, outcome=outcome)


def _last(snapshot: Snapshot | None, virtual: str, real: str) -> dict[str, Any] | None:
    """Tell what hangs on a real server that is the last of its virtual server to serve."""
    for one in snapshot.virtual_servers if snapshot else ():
        serving = [server for server in one.real_servers if serves(server)]
        if one.name == virtual and [server.name for server in serving] == [real]:
            traffic = serving[0].traffic
            return {
                "real": serving[0],
                "active": traffic.active,
                "inactive": traffic.inactive,
                "rate": traffic.connections_per_s,
                "sorry": one.sorry_server,
            }
    return None


def _ask(request: HttpRequest, word: str, virtual: str, last: dict[str, Any]) -> HttpResponse:
    names = {"name": f"{virtual}/{last['real'].name}"}
    title = (_("Drain %(name)s") if word == "drain" else _("Force %(name)s down")) % names
    context = {
        "panel": "control",
        "title": title,
        "word": word,
        "virtual": virtual,
        "order": request.POST["order"],
        "next": next_page(request),
        **last,
    }
    return render(request, "panels/control_order.html", context, status=CONFLICT)


@require_safe
@never_cache
def why(request: HttpRequest) -> HttpResponse:
    """Show a real server's last results."""
    virtual, real = request.GET.get("virtual", ""), request.GET.get("real", "")
    title = _("Why %(name)s is as it is") % {"name": f"{virtual}/{real}"}
    context: dict[str, Any] = {"panel": "control", "title": title}
    try:
        context["it"] = director.explain(virtual, real)
    except EngineError as error:
        context["error"] = error
    return render(request, "panels/control_why.html", context)


# --- the two long lists ---------------------------------------------------------------------


@require_safe
@never_cache
def table(request: HttpRequest) -> HttpResponse:
    return _text(request, _("CURRENT LVS ROUTING TABLE"), director.table)


@require_safe
@never_cache
def processes(request: HttpRequest) -> HttpResponse:
    return _text(request, _("CURRENT LVS PROCESSES"), _process_lines)


def _process_lines() -> str:
    """Write the look of `ps`: one line a part of the engine, or a check."""
    told = director.processes()
    width = max((len(one.name) for one in told.processes), default=0)
    return "\n".join(
        f"{told.pid:>7} {one.name.ljust(width)}  {said(one.does)}  [{said(one.state)}]"
        for one in told.processes
    )


def _text(request: HttpRequest, title: str, read: Callable[[], str]) -> HttpResponse:
    context: dict[str, Any] = {"panel": "control", "title": title}
    try:
        context["text"] = read()
    except EngineError as error:
        context["error"] = error
    return render(request, "panels/control_text.html", context)


# --- the role -------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@needs(Role.OPERATOR)
@never_cache
def handover(request: HttpRequest) -> HttpResponse:
    """Say what a change of role will do; by POST, order it."""
    snapshot = director.picture().snapshot
    if request.method != "POST":
        return _show_handover(request, snapshot)
    force = request.POST.get("force") == "1"
    what = request.POST.get("what", "")
    if what not in ("standby", "takeover"):
        return HttpResponseBadRequest("what")
    if force and request.POST.get("understood") != "1":
        told = _("To force it, say also that you know what may follow.")
        return _show_handover(request, snapshot, told, UNPROCESSABLE)
    try:
        change = director.stand_by if what == "standby" else director.take_over
        answer = change(request.user.get_username(), force=force)
    except EngineError as error:
        audit.record(request, what, "pair", outcome=str(error))
        return _show_handover(request, snapshot, failure(error), CONFLICT)
    audit.record(request, what, "pair", outcome=answer)
    messages.success(request, said(answer))
    return redirect(reverse("control"))


def _show_handover(
    request: HttpRequest, snapshot: Snapshot | None, error: str = "", status: int = 200
) -> HttpResponse:
    peer = snapshot.peer if snapshot else None
    context: dict[str, Any] = {
        "panel": "control",
        "title": _("Hand over to the peer"),
        "error": error,
        "peer": peer,
        "may_order": may(request, Role.OPERATOR),
        "force": request.POST.get("force") == "1",
    }
    if snapshot is not None and peer is not None:
        gives = snapshot.state == "active"
        context |= {
            "title": _("Hand over to the peer") if gives else _("Take over"),
            "what": "standby" if gives else "takeover",
            "ready": peer.ready and not peer.silent if gives else not snapshot.not_ready,
            "reasons": peer.reasons if gives else "; ".join(snapshot.not_ready),
            "addresses": len(snapshot.addresses),
            "open": sum(sum(connections(one)) for one in snapshot.virtual_servers),
        }
    return render(request, "panels/control_handover.html", context, status=status)


urlpatterns = [
    path("control/order/", order, name="control-order"),
    path("control/why/", why, name="control-why"),
    path("control/table/", table, name="control-table"),
    path("control/processes/", processes, name="control-processes"),
    path("control/handover/", handover, name="control-handover"),
]
