"""The VIRTUAL SERVERS panel: the list, and what its buttons do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods

from lvsengine.lvscf import addresses
from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.model import VirtualServer
from lvsengine.lvscf.store import Loaded
from piranha import director
from piranha.access.roles import may, needs
from piranha.models import Role
from piranha.panels import acting, standing
from piranha.panels.accept import UNPROCESSABLE, redirect
from piranha.panels.listing import Column, listed
from piranha.panels.opening import CONFLICT, opened, subject
from piranha.sentences import said

PANEL = "virtual_servers"


@dataclass(frozen=True, slots=True)
class Row:
    server: VirtualServer
    standing: standing.Standing

    @property
    def netmask(self) -> str:
        """As the file would write it."""
        prefix = self.server.netmask
        if prefix is None:
            return ""
        return addresses.dotted(prefix) if self.server.address.version == 4 else str(prefix)

    def words(self) -> Iterator[object]:
        """What the search looks through: this one, and its real servers."""
        server = self.server
        yield from (server.name, server.address, self.netmask, server.port)
        yield from (server.protocol.value, server.floating.device, self.standing.word)
        for real in server.real_servers:
            yield from (real.name, real.address)


COLUMNS: tuple[Column[Row], ...] = (
    Column("status", pgettext_lazy("column", "STATUS"), lambda row: row.standing.rank),
    Column("name", pgettext_lazy("column", "NAME"), lambda row: row.server.name.casefold()),
    Column(
        "vip",
        pgettext_lazy("column", "VIP"),
        lambda row: (row.server.address.version, int(row.server.address)),
    ),
    Column("netmask", pgettext_lazy("column", "NETMASK"), lambda row: row.server.netmask or 0),
    Column("port", pgettext_lazy("column", "PORT"), lambda row: row.server.port, number=True),
    Column("protocol", pgettext_lazy("column", "PROTOCOL"), lambda row: row.server.protocol.value),
    Column(
        "interface",
        pgettext_lazy("column", "INTERFACE"),
        lambda row: row.server.floating.device,
    ),
)


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def show_list(request: HttpRequest) -> HttpResponse:
    loaded = opened(request, PANEL)
    if isinstance(loaded, HttpResponse):
        return loaded
    return _act(request, loaded) if request.method == "POST" else _list(request, loaded)


def _list(
    request: HttpRequest, loaded: Loaded, refused: acting.Refused | None = None
) -> HttpResponse:
    servers = loaded.config.virtual_servers if loaded.config is not None else ()
    snapshot = director.picture().snapshot
    running = {one.name: one for one in snapshot.virtual_servers} if snapshot is not None else {}
    rows = (
        Row(one, standing.of_virtual(snapshot, running.get(one.name), enabled=one.enabled))
        for one in servers
    )
    context = {
        "panel": PANEL,
        "revision": loaded.revision,
        "listing": listed(request, rows, COLUMNS, Row.words),
        "chosen": request.POST.get("chosen", ""),
        "refused": refused,
        "may_edit": may(request, Role.ADMIN),
    }
    status = 200 if refused is None else refused.status
    return render(request, "panels/virtual_servers.html", context, status=status)


def _act(request: HttpRequest, loaded: Loaded) -> HttpResponse:
    """Do what a button asks for the chosen row."""
    name = request.POST.get("chosen", "")
    servers = loaded.config.virtual_servers if loaded.config is not None else ()
    if not name:
        refused = acting.Refused(UNPROCESSABLE, _("Choose a virtual server first."))
        return _list(request, loaded, refused)
    if name not in (one.name for one in servers):
        return _list(request, loaded, missing(Where(name)))
    match request.POST.get("do"):
        case "edit":
            return redirect(reverse("virtual-server", args=[name]))
        case "delete":
            return redirect(reverse("delete-virtual-server", args=[name]))
        case "toggle":
            return _toggle(request, loaded, name)
        case _:
            return _list(request, loaded)


def missing(where: Where) -> acting.Refused:
    """Say that what was chosen is not there any more."""
    told = _("There is no %(subject)s any more: someone else has deleted or renamed it.")
    return acting.Refused(CONFLICT, told % {"subject": said(subject(where))})


def _toggle(request: HttpRequest, loaded: Loaded, name: str) -> HttpResponse:
    where = Where(name)
    enabled = not acting.is_enabled(loaded.tree, where)
    also = "" if enabled else standing.loss_of_virtual(director.picture().snapshot, name)
    action = "enable" if enabled else "disable"
    edit = acting.toggled(where, enabled=enabled)
    refused = acting.save(request, edit, action, subject(where), also)
    if refused is None:
        return redirect(request.get_full_path())
    again = opened(request, PANEL)
    return again if isinstance(again, HttpResponse) else _list(request, again, refused)


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN, to_change=False)
def delete(request: HttpRequest, virtual: str) -> HttpResponse:
    where = Where(virtual)
    loaded = opened(request, PANEL, where)
    if isinstance(loaded, HttpResponse):
        return loaded
    servers = loaded.config.virtual_servers if loaded.config is not None else ()
    server = next(one for one in servers if one.name == virtual)
    loss = standing.loss_of_virtual(director.picture().snapshot, virtual)
    title = _("Delete virtual server %(name)s") % {"name": virtual}
    takes = tuple(one.name for one in server.real_servers)
    asked = acting.Deletion(where, title, loss, reverse("virtual-servers"), takes)
    return acting.confirm_delete(request, loaded, asked)


urlpatterns = [
    path("virtual-servers/", show_list, name="virtual-servers"),
    path("virtual-server/<name:virtual>/delete/", delete, name="delete-virtual-server"),
]
