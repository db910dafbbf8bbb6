"""The REAL SERVER panel of one virtual server: its list, weights, and what the buttons do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods

from lvsengine.lvscf import rules
from lvsengine.lvscf.edits import Where, with_weight
from lvsengine.lvscf.model import RealServer, VirtualServer
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import Tree
from lvsengine.snapshot import RealServerState
from piranha import director
from piranha.access.roles import may, needs
from piranha.fields import by_rule
from piranha.models import Role
from piranha.panels import acting, standing
from piranha.panels.accept import UNPROCESSABLE, redirect
from piranha.panels.form import advice_inside
from piranha.panels.listing import Column, listed
from piranha.panels.opening import CONFLICT, opened, subject
from piranha.panels.virtual_servers import missing

PANEL = "virtual_servers"
PREFIX = "weight:"  # of the field for a real server's weight


@dataclass(frozen=True, slots=True)
class Row:
    """One real server.

    Attributes:
        number: Its place in the file.
        port: The one that it is reached at.
        typed: What stands in its weight's field. `error`: why that cannot be saved.
    """

    number: int
    server: RealServer
    port: int
    standing: standing.Standing
    running: RealServerState | None
    typed: str
    error: str = ""

    @property
    def field_id(self) -> str:
        return f"weight-{self.number}"

    def words(self) -> Iterator[object]:
        """What the search looks through."""
        yield from (self.server.name, self.server.address, self.port, self.standing.word)


COLUMNS: tuple[Column[Row], ...] = (
    Column("status", pgettext_lazy("column", "STATUS"), lambda row: row.standing.rank),
    Column("name", pgettext_lazy("column", "NAME"), lambda row: row.server.name.casefold()),
    Column(
        "address",
        pgettext_lazy("column", "ADDRESS"),
        lambda row: (row.server.address.version, int(row.server.address)),
    ),
    Column("port", pgettext_lazy("column", "PORT"), lambda row: row.port, number=True),
    Column(
        "weight", pgettext_lazy("column", "WEIGHT"), lambda row: row.server.weight, number=True
    ),
    Column(
        "connections",
        pgettext_lazy("column", "CONNECTIONS"),
        lambda row: row.running.traffic.active if row.running is not None else 0,
        number=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Typed:
    """The weights that were sent.

    Attributes:
        texts: Name -> what was typed, where that is not what the file says.
        errors: Name -> why it is refused.
        weights: Name -> the new weight.
    """

    texts: Mapping[str, str]
    errors: Mapping[str, str]
    weights: Mapping[str, int]

    def edit(self, virtual: str) -> director.Edit:
        def edited(tree: Tree) -> Tree:
            for name, weight in self.weights.items():
                tree = with_weight(tree, virtual, name, weight)
            return tree

        return edited


def _typed(request: HttpRequest, server: VirtualServer) -> Typed:
    texts: dict[str, str] = {}
    errors: dict[str, str] = {}
    weights: dict[str, int] = {}
    for real in server.real_servers:
        text = request.POST.get(PREFIX + real.name, "").strip()
        if PREFIX + real.name not in request.POST or text == str(real.weight):
            continue
        texts[real.name] = text
        try:
            weights[real.name] = by_rule(rules.weight, text)
        except ValidationError as error:
            errors[real.name] = error.messages[0]
    return Typed(texts, errors, weights)


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def show_list(request: HttpRequest, virtual: str) -> HttpResponse:
    loaded = opened(request, PANEL, Where(virtual))
    if isinstance(loaded, HttpResponse):
        return loaded
    if request.method == "POST":
        return _act(request, loaded, virtual)
    return _list(request, loaded, virtual)


def _server(loaded: Loaded, virtual: str) -> VirtualServer:
    servers = loaded.config.virtual_servers if loaded.config is not None else ()
    return next(one for one in servers if one.name == virtual)


def _list(
    request: HttpRequest, loaded: Loaded, virtual: str, refused: acting.Refused | None = None
) -> HttpResponse:
    server = _server(loaded, virtual)
    snapshot = director.picture().snapshot
    state = standing.virtual_state(snapshot, virtual)
    typed = _typed(request, server)
    rows = []
    for number, real in enumerate(server.real_servers, 1):
        running = standing.real_state(state, real.name)
        stands = standing.of_real(snapshot, running, enabled=real.enabled, offered=server.enabled)
        text = typed.texts.get(real.name, str(real.weight))
        error = typed.errors.get(real.name, "")
        if refused is not None and refused.status == CONFLICT and real.name in typed.weights:
            error = _("the file says %(weight)d now") % {"weight": real.weight}
        port = server.port_of(real)
        rows.append(Row(number, real, port, stands, running, text, error))
    context = {
        "panel": PANEL,
        "tab": "real-servers",
        "virtual": virtual,
        "revision": loaded.revision,
        "listing": listed(request, rows, COLUMNS, Row.words),
        "chosen": request.POST.get("chosen", ""),
        "prefix": PREFIX,
        "typed_weights": bool(typed.texts),
        "wrong": [row for row in rows if row.error],
        "refused": refused,
        "may_edit": may(request, Role.ADMIN),
        "advice": advice_inside(loaded, Where(virtual)),
    }
    status = 200 if refused is None else refused.status
    return render(request, "panels/real_servers.html", context, status=status)


def _act(request: HttpRequest, loaded: Loaded, virtual: str) -> HttpResponse:
    """Do what a button asks; weights that were typed are never lost on the way."""
    typed = _typed(request, _server(loaded, virtual))
    do = request.POST.get("do", "")
    if do == "weights" or not do:
        return _save_weights(request, loaded, virtual, typed)
    if typed.texts and request.POST.get("revision") == loaded.revision:
        sentence = _("Weights were typed and not saved yet. Press ACCEPT or CANCEL first.")
        return _list(request, loaded, virtual, acting.Refused(UNPROCESSABLE, sentence))
    name = request.POST.get("chosen", "")
    if not name:
        refused = acting.Refused(UNPROCESSABLE, _("Choose a real server first."))
        return _list(request, loaded, virtual, refused)
    if name not in (one.name for one in _server(loaded, virtual).real_servers):
        return _list(request, loaded, virtual, missing(Where(virtual, name)))
    match do:
        case "edit":
            return redirect(reverse("real-server", args=[virtual, name]))
        case "delete":
            return redirect(reverse("delete-real-server", args=[virtual, name]))
        case "toggle":
            return _toggle(request, loaded, virtual, name)
        case _:
            return _list(request, loaded, virtual)


def _save_weights(
    request: HttpRequest, loaded: Loaded, virtual: str, typed: Typed
) -> HttpResponse:
    if typed.errors:
        return _list(request, loaded, virtual, acting.Refused(UNPROCESSABLE))
    names = list(typed.weights)
    where = Where(virtual, names[0]) if len(names) == 1 else Where(virtual)
    refused = acting.save(request, typed.edit(virtual), "weight", subject(where))
    return _after(request, virtual, refused)


def _toggle(request: HttpRequest, loaded: Loaded, virtual: str, name: str) -> HttpResponse:
    where = Where(virtual, name)
    enabled = not acting.is_enabled(loaded.tree, where)
    snapshot = director.picture().snapshot
    also = "" if enabled else standing.loss_of_real(snapshot, virtual, name)
    action = "enable" if enabled else "disable"
    edit = acting.toggled(where, enabled=enabled)
    return _after(request, virtual, acting.save(request, edit, action, subject(where), also))


def _after(request: HttpRequest, virtual: str, refused: acting.Refused | None) -> HttpResponse:
    """Show the list again: by GET when all went well, else as the file is now."""
    if refused is None:
        return redirect(request.get_full_path())
    loaded = opened(request, PANEL, Where(virtual))
    if isinstance(loaded, HttpResponse):
        return loaded
    return _list(request, loaded, virtual, refused)


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN, to_change=False)
def delete(request: HttpRequest, virtual: str, real: str) -> HttpResponse:
    where = Where(virtual, real)
    loaded = opened(request, PANEL, where)
    if isinstance(loaded, HttpResponse):
        return loaded
    loss = standing.loss_of_real(director.picture().snapshot, virtual, real)
    title = _("Delete real server %(name)s") % {"name": real}
    return acting.confirm_delete(
        request,
        loaded,
        acting.Deletion(where, title, loss, reverse("real-servers", args=[virtual])),
    )


urlpatterns = [
    path("virtual-server/<name:virtual>/real-servers/", show_list, name="real-servers"),
    path(
        "virtual-server/<name:virtual>/real-server/<name:real>/delete/",
        delete,
        name="delete-real-server",
    ),
]
