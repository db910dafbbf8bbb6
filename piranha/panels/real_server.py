"""The form of the REAL SERVER panel: one real server, or a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from lvsengine.lvscf.edits import Where, with_real
from lvsengine.lvscf.keys import KEYS
from lvsengine.lvscf.model import RealServer
from lvsengine.lvscf.rows import Key, Section
from lvsengine.lvscf.syntax import Tree
from lvsengine.net import Forwarding
from piranha.access.roles import needs
from piranha.fields import KeyField, NameField
from piranha.models import Role
from piranha.panels.accept import Page, accept, show
from piranha.panels.block import AddForm, BlockForm
from piranha.panels.form import Fieldset
from piranha.panels.opening import opened, subject

PANEL = "virtual_servers"


def _key(name: str) -> Key:
    return KEYS[Section.SERVER][name]


class RealServerFields(BlockForm):
    name = NameField(_("Says which machine it is; it is no host's name. Blanks become _."))
    address = KeyField(_key("address"), _("Address"))
    port = KeyField(
        _key("port"),
        _("Port"),
        help_text=_("Leave blank to default to Virtual Server's Application Port."),
    )
    weight = KeyField(_key("weight"), _("Weight"))

    fieldsets: ClassVar[tuple[Fieldset, ...]] = (
        (_("Real server"), ("name", "address", "port", "weight")),
    )
    needed: ClassVar[tuple[str, ...]] = ("name", "address", "weight")
    elsewhere: ClassVar[frozenset[str] | None] = frozenset()

    def arrange(self) -> None:
        """Only NAT can change a packet's port; what the file says of it is kept."""
        config = self.loaded.config
        if config is not None and config.network is not Forwarding.NAT:
            del self.fields["port"]


class RealServerForm(RealServerFields):
    """Edits one."""


class AddRealServerForm(AddForm, RealServerFields):
    """Adds one, beginning as the original's ADD does."""

    beginning: ClassVar[Mapping[str, str]] = {"name": "[unnamed]", "address": "0.0.0.0"}

    def edit(self, tree: Tree) -> Tree:
        self.written = self.new_place
        return with_real(tree, self.parent.virtual, RealServer(self.name_after, **self.given()))


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def show_panel(request: HttpRequest, virtual: str, real: str) -> HttpResponse:
    where = Where(virtual, real)
    again = reverse("add-real-server", args=[virtual])
    loaded = opened(request, PANEL, where, again)
    if isinstance(loaded, HttpResponse):
        return loaded
    back = reverse("real-servers", args=[virtual])
    page = Page(
        "panels/real_server.html",
        PANEL,
        gettext("Edit real server %(name)s") % {"name": real},
        subject(where),
        back,
        add=again,
        context={"virtual": virtual, "real": real, "tab": "real-servers"},
    )
    if request.method == "POST":
        return accept(request, page, RealServerForm(loaded, where, request.POST))
    return show(request, page, RealServerForm(loaded, where))


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN, to_change=False)
def add(request: HttpRequest, virtual: str) -> HttpResponse:
    parent = Where(virtual)
    loaded = opened(request, PANEL, parent)
    if isinstance(loaded, HttpResponse):
        return loaded
    data = request.POST if request.method == "POST" else None
    form = AddRealServerForm(loaded, parent, data)
    name = form.name_after if form.is_bound and form.is_valid() else "-"
    page = Page(
        "panels/real_server.html",
        PANEL,
        gettext("Add a real server"),
        subject(Where(virtual, name)),
        reverse("real-servers", args=[virtual]),
        action="add",
        also=gettext_lazy("It is disabled until you activate it."),
        context={"virtual": virtual, "tab": "real-servers"},
    )
    return accept(request, page, form) if form.is_bound else show(request, page, form)


urlpatterns = [
    path("virtual-server/<name:virtual>/real-servers/add/", add, name="add-real-server"),
    path(
        "virtual-server/<name:virtual>/real-server/<name:real>/",
        show_panel,
        name="real-server",
    ),
]
