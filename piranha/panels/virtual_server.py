"""The VIRTUAL SERVER panel: one virtual server, or a new one."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.functional import lazy
from django.utils.translation import gettext, gettext_lazy, pgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.lvscf.edits import Where, with_virtual
from lvsengine.lvscf.keys import KEYS
from lvsengine.lvscf.model import VirtualServer
from lvsengine.lvscf.rows import Key, Section
from lvsengine.lvscf.rules import floating_address
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import Tree
from piranha import director
from piranha.access.roles import needs
from piranha.fields import ChoiceField, Choices, KeyField, NameField, Text, mask_choices
from piranha.models import Role
from piranha.panels import standing
from piranha.panels.accept import Page, accept, show
from piranha.panels.acting import is_enabled
from piranha.panels.block import AddForm, BlockForm
from piranha.panels.form import AddressPart, DevicePart, Fieldset
from piranha.panels.opening import opened, subject

PANEL = "virtual_servers"
MANUAL = 8  # schedulers that the manual knows; the others are the kernel's
PROTOCOLS = (("tcp", "TCP"), ("udp", "UDP"), ("sctp", "SCTP"))
YES_NO = (("1", _("Yes")), ("0", _("No")))
SENT = ("send", "expect", "use_regex", "send_program")  # of MONITORING SCRIPTS


def _key(name: str) -> Key:
    return KEYS[Section.VIRTUAL][name]


def _told(text: str) -> Text:
    return lazy(lambda: gettext(text), str)()


def _schedulers() -> Choices:
    rows = [(row.name, _named(row.label, row.name)) for row in SCHEDULERS.values()]
    return [*rows[:MANUAL], (_("Other schedulers of the kernel"), rows[MANUAL:])]


def _named(label: str, name: str) -> Text:
    return lazy(lambda: f"{gettext(label)} ({name})", str)()


class SchedulerField(ChoiceField):
    """The drop-down of schedulers, which also tells what each does."""

    def explained(self) -> list[tuple[str, str, str]]:
        """Give each scheduler's name, label and sentence."""
        return [(row.name, gettext(row.label), gettext(row.does)) for row in SCHEDULERS.values()]


class VirtualServerFields(BlockForm):
    """Every field of the panel, in the original's order; ours come last."""

    name = NameField(
        _("Says what it is for, such as HTTP; it is no host's name. Blanks become _.")
    )
    port = KeyField(_key("port"), _("Application port"))
    protocol = ChoiceField(
        _key("protocol"),
        _("Protocol"),
        PROTOCOLS,
        help_text=_("SCTP is not of the original Piranha, which would refuse the file."),
    )
    address = AddressPart(
        _key("address"),
        _("Virtual IP Address"),
        help_text=_("The floating address that clients connect to."),
    )
    vip_nmask = ChoiceField(_key("vip_nmask"), _("Virtual IP Network Mask"), mask_choices())
    sorry_server = KeyField(_key("sorry_server"), _("Sorry Server"))
    fwmark = KeyField(_key("fwmark"), _("Firewall Mark"))
    device = DevicePart(
        _key("address"),
        _("Device"),
        help_text=_("The public interface and an alias of it, such as eth0:1."),
    )
    reentry = KeyField(_key("reentry"), _("Re-entry Time (seconds)"))
    timeout = KeyField(_key("timeout"), _("Service timeout (seconds)"))
    quiesce_server = ChoiceField(
        _key("quiesce_server"),
        _("Quiesce server"),
        YES_NO,
        help_text=_(
            "Yes: a failed real server keeps its connections and gets no new ones."
            " No: they are cut."
        ),
        widget=forms.RadioSelect,
    )
    load_monitor = ChoiceField(
        _key("load_monitor"),
        _("Load monitoring tool"),
        [(name, name) for name in ("none", "rup", "ruptime", "uptime")],
        help_text=_(
            "rup needs rstatd on each real server, ruptime needs rwhod. With a weighted"
            " scheduler, changing weights by load can surprise."
        ),
    )
    scheduler = SchedulerField(_key("scheduler"), _("Scheduling"), _schedulers())
    persistent = KeyField(
        _key("persistent"),
        _("Persistence (seconds)"),
        help_text=_(
            "Seconds for which a client stays with its real server; 0 or blank is not at all."
            " Virtual servers that share a firewall mark need the same."
        ),
    )
    pmask = ChoiceField(_key("pmask"), _("Persistence Network Mask"), mask_choices())
    fall = KeyField(_key("fall"), _("Failed checks until it is taken out"))

    fieldsets: ClassVar[tuple[Fieldset, ...]] = (
        (
            _("What clients connect to"),
            (
                "name",
                "port",
                "protocol",
                "address",
                "vip_nmask",
                "sorry_server",
                "fwmark",
                "device",
            ),
        ),
        (_("Checks of the real servers"), ("reentry", "timeout", "fall", "quiesce_server")),
        (
            _("Who gets a connection"),
            ("load_monitor", "scheduler", "persistent", "pmask"),
        ),
    )
    floating: ClassVar[Mapping[str, tuple[str, str]]] = {"address": ("address", "device")}
    needed: ClassVar[tuple[str, ...]] = ("name", "port", "protocol", "address", "device")
    elsewhere: ClassVar[frozenset[str] | None] = frozenset(SENT)

    def clean(self) -> dict[str, Any]:
        told = super().clean()
        address = told.get("address")
        for name in ("vip_nmask", "pmask"):
            if isinstance(address, IPv6Address) and "." in self.typed(name):
                self.add_error(name, ValidationError(_("must be a prefix length for IPv6")))
        return told


class VirtualServerForm(VirtualServerFields):
    """Edits one."""


class AddVirtualServerForm(AddForm, VirtualServerFields):
    """Adds one, beginning as the original's ADD does."""

    beginning: ClassVar[Mapping[str, str]] = {
        "name": "[server_name]",
        "address": "0.0.0.0",
        "device": "eth0:1",
        "timeout": "6",
        "reentry": "15",
    }

    def edit(self, tree: Tree) -> Tree:
        self.written = self.new_place
        told = self.cleaned_data
        server = VirtualServer(
            name=self.name_after,
            floating=floating_address(f"{told['address']} {told['device']}"),
            send=r"GET / HTTP/1.0\r\n\r\n",
            expect="HTTP",
            **self.given(),
        )
        return with_virtual(tree, server)


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def show_panel(request: HttpRequest, virtual: str) -> HttpResponse:
    where = Where(virtual)
    loaded = opened(request, PANEL, where, reverse("add-virtual-server"))
    if isinstance(loaded, HttpResponse):
        return loaded
    form = VirtualServerForm(loaded, where, request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return show(request, _page(loaded, virtual, virtual), form)
    form.is_valid()
    return accept(request, _page(loaded, virtual, form.name_after), form)


def _page(loaded: Loaded, virtual: str, after: str) -> Page:
    where = Where(virtual)
    snapshot = director.picture().snapshot
    state = standing.virtual_state(snapshot, virtual)
    enabled = is_enabled(loaded.tree, where)
    return Page(
        "panels/virtual_server.html",
        PANEL,
        pgettext("panel", "VIRTUAL SERVER"),
        subject(where),
        reverse("virtual-server", args=[after]),
        back=reverse("virtual-servers"),
        add=reverse("add-virtual-server"),
        context={
            "virtual": virtual,
            "tab": "virtual-server",
            "standing": standing.of_virtual(snapshot, state, enabled=enabled),
            "enabled": enabled,
        },
    )


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN, to_change=False)
def add(request: HttpRequest) -> HttpResponse:
    loaded = opened(request, PANEL)
    if isinstance(loaded, HttpResponse):
        return loaded
    data = request.POST if request.method == "POST" else None
    form = AddVirtualServerForm(loaded, Where(), data)
    name = form.name_after if form.is_bound and form.is_valid() else "-"
    page = Page(
        "panels/virtual_server.html",
        PANEL,
        gettext("Add a virtual server"),
        subject(Where(name)),
        reverse("virtual-server", args=[name]),
        back=reverse("virtual-servers"),
        action="add",
        also=ADDED,
        context={"virtual": "", "tab": "virtual-server"},
    )
    return accept(request, page, form) if form.is_bound else show(request, page, form)


ADDED = gettext_lazy(
    "It is disabled until you activate it, and its real servers are asked for a web page; change"
    " that under MONITORING SCRIPTS."
)

urlpatterns = [
    path("virtual-servers/add/", add, name="add-virtual-server"),
    path("virtual-server/<name:virtual>/", show_panel, name="virtual-server"),
]
