"""The GLOBAL SETTINGS panel: the primary director, timeouts, and how packets travel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.rows import Section
from piranha.access.roles import needs
from piranha.fields import CheckField, ChoiceField, KeyField, key_of, long_line, mask_choices
from piranha.models import Role
from piranha.panels.accept import Page, accept, show
from piranha.panels.form import AddressPart, DevicePart, Fieldset, PanelForm
from piranha.panels.opening import opened
from piranha.panels.redundancy import RedundancyForm

NETWORKS = (("nat", _("NAT")), ("direct", _("Direct Routing")), ("tunnel", _("Tunneling")))


class GlobalSettingsForm(PanelForm):
    primary = KeyField(key_of(Section.GLOBAL, "primary"), _("Primary server public IP"))
    primary_private = KeyField(
        key_of(Section.GLOBAL, "primary_private"), _("Primary server private IP")
    )
    tcp_timeout = KeyField(key_of(Section.GLOBAL, "tcp_timeout"), _("TCP timeout (seconds)"))
    tcpfin_timeout = KeyField(
        key_of(Section.GLOBAL, "tcpfin_timeout"), _("TCP FIN timeout (seconds)")
    )
    udp_timeout = KeyField(key_of(Section.GLOBAL, "udp_timeout"), _("UDP timeout (seconds)"))
    network = ChoiceField(
        key_of(Section.GLOBAL, "network"),
        _("Use network type"),
        NETWORKS,
        widget=forms.RadioSelect,
    )
    nat_router_ip = AddressPart(
        key_of(Section.GLOBAL, "nat_router"),
        _("NAT Router IP"),
        help_text=_("The floating address that the real servers have as their gateway."),
    )
    nat_nmask = ChoiceField(
        key_of(Section.GLOBAL, "nat_nmask"), _("NAT Router netmask"), mask_choices()
    )
    nat_router_device = DevicePart(
        key_of(Section.GLOBAL, "nat_router"),
        _("NAT Router device"),
        help_text=_("The interface on the private network and an alias of it, such as eth1:1."),
    )

    active_cmd = KeyField(
        key_of(Section.GLOBAL, "active_cmd"),
        _("Command run when this director becomes active"),
        widget=long_line(),
    )
    inactive_cmd = KeyField(
        key_of(Section.GLOBAL, "inactive_cmd"),
        _("Command run when it becomes standby"),
        widget=long_line(),
    )
    rsh_command = KeyField(
        key_of(Section.GLOBAL, "rsh_command"), _("Command that asks real servers for their load")
    )
    script_user = KeyField(
        key_of(Section.GLOBAL, "script_user"), _("User as whom a sending program runs")
    )
    manage_sysctls = CheckField(
        key_of(Section.GLOBAL, "manage_sysctls"),
        _("Set the kernel settings that are needed"),
        help_text=_("Otherwise they are only looked at, and named in `lvsctl status`."),
    )

    fieldsets: ClassVar[tuple[Fieldset, ...]] = (
        (_("ENVIRONMENT"), ("primary", "primary_private")),
        (_("Timeouts of the kernel"), ("tcp_timeout", "tcpfin_timeout", "udp_timeout")),
        (_("Network"), ("network", "nat_router_ip", "nat_nmask", "nat_router_device")),
    )
    folded: ClassVar[tuple[Fieldset, ...]] = (
        (
            _("More"),
            ("active_cmd", "inactive_cmd", "rsh_command", "script_user", "manage_sysctls"),
        ),
    )
    elsewhere: ClassVar[frozenset[str] | None] = frozenset(
        {"backup_active", "heartbeat", *RedundancyForm.base_fields}
    )
    floating: ClassVar[Mapping[str, tuple[str, str]]] = {
        "nat_router": ("nat_router_ip", "nat_router_device")
    }

    def arrange(self) -> None:
        """Without NAT there is no NAT router; what the file says of it is kept."""
        chosen = self.typed("network") if self.is_bound else str(self.initial["network"])
        if chosen != "nat":
            for name in ("nat_router_ip", "nat_nmask", "nat_router_device"):
                del self.fields[name]


HELP_FORMS = (GlobalSettingsForm,)


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def show_panel(request: HttpRequest) -> HttpResponse:
    loaded = opened(request, "global_settings")
    if isinstance(loaded, HttpResponse):
        return loaded
    here = reverse("global-settings")
    title = pgettext("panel", "GLOBAL SETTINGS")
    page = Page("panels/form.html", "global_settings", title, "GLOBAL SETTINGS", here)
    if request.method == "POST":
        return accept(request, page, GlobalSettingsForm(loaded, Where(), request.POST))
    return show(request, page, GlobalSettingsForm(loaded, Where()))


urlpatterns = [path("global-settings/", show_panel, name="global-settings")]
