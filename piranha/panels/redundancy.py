"""The REDUNDANCY panel: the backup director, heartbeats, takeover and shared connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from lvsengine.lvscf import look
from lvsengine.lvscf.edits import Where, with_value
from lvsengine.lvscf.keys import GLOBAL
from lvsengine.lvscf.store import Loaded
from lvsengine.lvscf.syntax import Tree
from lvsengine.snapshot import Snapshot
from piranha import director
from piranha.access.roles import needs
from piranha.fields import CheckField, KeyField, long_line
from piranha.models import Role
from piranha.panels import acting
from piranha.panels.accept import UNPROCESSABLE, Page, accept, redirect, show
from piranha.panels.form import Fieldset, PanelForm, Warned
from piranha.panels.opening import opened

PANEL = "redundancy"
NEW_KEY = "lvsctl heartbeat-key new /etc/piranha/heartbeat.key"
RESTART = _(
    "A director that runs does not become one of a pair, or single again, by a reload: restart"
    " pulse on both directors."
)
# What the original's tool writes for a new pair where the file says nothing.
BEGINNING = {"heartbeat_port": "539", "keepalive": "6", "deadtime": "18"}


class RedundancyForm(PanelForm):
    backup = KeyField(GLOBAL["backup"], _("Redundant server public IP"))
    backup_private = KeyField(GLOBAL["backup_private"], _("Redundant server private IP"))
    keepalive = KeyField(GLOBAL["keepalive"], _("Heartbeat Interval (seconds)"))
    deadtime = KeyField(GLOBAL["deadtime"], _("Assume dead after (seconds)"))
    heartbeat_port = KeyField(
        GLOBAL["heartbeat_port"],
        _("Heartbeat runs on port"),
        help_text=_("UDP port of the heartbeat, on both directors; 539 where left blank."),
    )
    monitor_links = CheckField(
        GLOBAL["monitor_links"],
        _("Monitor NIC links for failures"),
        help_text=_("An active director whose network link is down steps down."),
    )
    heartbeat_key_file = KeyField(
        GLOBAL["heartbeat_key_file"], _("Heartbeat key file"), widget=long_line()
    )
    standby_checks = CheckField(
        GLOBAL["standby_checks"],
        _("The standby checks the real servers too"),
        help_text=_("So it can take over at once; otherwise it begins when it takes over."),
    )
    auto_failback = CheckField(
        GLOBAL["auto_failback"],
        _("The primary becomes active again when it is back"),
        help_text=_("Otherwise it waits as standby until the other fails or hands over."),
    )
    failback_delay = KeyField(GLOBAL["failback_delay"], _("Failback after (seconds)"))
    witness = KeyField(GLOBAL["witness"], _("Witnesses"), widget=long_line())
    yield_when_isolated = CheckField(
        GLOBAL["yield_when_isolated"],
        _("An active director that is cut off steps down"),
        help_text=_("One that reaches neither the peer nor a witness gives up the virtual IPs."),
    )
    syncdaemon = CheckField(
        GLOBAL["syncdaemon"],
        _("Use sync daemon"),
        help_text=_("The directors share their connections, which then survive a takeover."),
    )
    syncd_iface = KeyField(GLOBAL["syncd_iface"], _("Sync daemon interface"))
    syncd_id = KeyField(GLOBAL["syncd_id"], _("Sync daemon id"))
    syncd_maxlen = KeyField(GLOBAL["syncd_maxlen"], _("Sync message length (bytes)"))
    syncd_group = KeyField(GLOBAL["syncd_group"], _("Sync multicast address"))
    syncd_port = KeyField(GLOBAL["syncd_port"], _("Sync port"))
    syncd_ttl = KeyField(GLOBAL["syncd_ttl"], _("Sync time to live"))
    sync = CheckField(
        GLOBAL["sync"],
        _("Copy lvs.cf to the other director after each ACCEPT"),
        help_text=_(
            "Its engine runs it at once. Otherwise the button on the page Sync alone copies it."
        ),
    )
    sync_sysctl_file = KeyField(
        GLOBAL["sync_sysctl_file"], _("File of kernel settings"), widget=long_line()
    )
    sync_packet_filter_file = KeyField(
        GLOBAL["sync_packet_filter_file"], _("File of packet filter rules"), widget=long_line()
    )
    sync_port = KeyField(GLOBAL["sync_port"], _("Port of ssh"))

    fieldsets: ClassVar[tuple[Fieldset, ...]] = (
        (_("Backup"), ("backup", "backup_private")),
        (
            _("Heartbeat"),
            ("keepalive", "deadtime", "heartbeat_port", "monitor_links", "heartbeat_key_file"),
        ),
        (
            _("Copying to the other director"),
            ("sync", "sync_sysctl_file", "sync_packet_filter_file", "sync_port"),
        ),
        (_("Shared connections"), ("syncdaemon", "syncd_iface", "syncd_id")),
    )
    folded: ClassVar[tuple[Fieldset, ...]] = (
        (
            _("Takeover and failback"),
            (
                "standby_checks",
                "auto_failback",
                "failback_delay",
                "witness",
                "yield_when_isolated",
            ),
        ),
        (
            _("Fine points of shared connections"),
            ("syncd_maxlen", "syncd_group", "syncd_port", "syncd_ttl"),
        ),
    )
    needs: ClassVar[Mapping[str, str]] = {
        "syncd_iface": "syncdaemon",
        "syncd_id": "syncdaemon",
        "failback_delay": "auto_failback",
    }

    def __init__(
        self, loaded: Loaded, data: Mapping[str, Any] | None = None, *, enabling: bool = False
    ) -> None:
        self.enabling = enabling
        super().__init__(loaded, Where(), data)

    def arrange(self) -> None:
        """Without a private address of the primary there is no second link."""
        config = self.loaded.config
        if config is not None and config.primary_private is None:
            del self.fields["backup_private"]

    def warned(self) -> list[Warned]:
        """Say nothing of what is about to change."""
        return [] if self.enabling else super().warned()

    def texts(self, tree: Tree) -> dict[str, str]:
        """Tell what holds; where nothing is said of it, lvs.cf is copied."""
        found = super().texts(tree)
        if look.given_text(tree, self.where, "sync") is None:
            found["sync"] = "1"
        return {**found, **(dict(self._begun(tree)) if self.enabling else {})}

    def _begun(self, tree: Tree) -> Iterator[tuple[str, str]]:
        """Give the keys that a new pair begins with and that the file says nothing of."""
        for name, text in BEGINNING.items():
            if look.given_text(tree, self.where, name) is None:
                yield name, text

    def clean(self) -> dict[str, Any]:
        if "backup" not in self.errors and self.cleaned_data.get("backup") is None:
            self.add_error("backup", ValidationError(_("is needed"), code="missing"))
        return super().clean()

    def edit(self, tree: Tree) -> Tree:
        for name, _text in self._begun(tree) if self.enabling else ():
            if self.cleaned_data.get(name) is not None:
                tree = with_value(tree, self.where, name, self.cleaned_data[name])
        tree = super().edit(tree)
        return with_pair(tree, enabled=True)


def with_pair(tree: Tree, *, enabled: bool) -> Tree:
    """Say in a file that there is a backup, or that there is none."""
    tree = with_value(tree, Where(), "backup_active", enabled)
    return with_value(tree, Where(), "heartbeat", value=True) if enabled else tree


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def show_panel(request: HttpRequest) -> HttpResponse:
    loaded = opened(request, PANEL)
    if isinstance(loaded, HttpResponse):
        return loaded
    if request.method == "POST":
        return _act(request, loaded)
    enabling = "enable" in request.GET and not _is_pair(loaded)
    form = RedundancyForm(loaded, enabling=enabling)
    return show(request, _page(loaded, enabling=enabling), form)


def _is_pair(loaded: Loaded) -> bool:
    return loaded.config is not None and loaded.config.backup_active


def _page(loaded: Loaded, *, enabling: bool = False, refused: object = None) -> Page:
    return Page(
        "panels/redundancy.html",
        PANEL,
        pgettext("panel", "REDUNDANCY"),
        "REDUNDANCY",
        reverse("redundancy"),
        action="enable" if enabling else "save",
        also=RESTART if enabling else "",
        context={
            "enabling": enabling,
            "paired": _is_pair(loaded),
            "key_command": NEW_KEY,
            "refused": refused,
            "restart": RESTART if _differs(loaded, director.picture().snapshot) else "",
        },
    )


def _differs(loaded: Loaded, snapshot: Snapshot | None) -> bool:
    """Whether the engine runs alone and the file says that it is one of a pair, or vice versa."""
    return snapshot is not None and (snapshot.peer is not None) != _is_pair(loaded)


def _act(request: HttpRequest, loaded: Loaded) -> HttpResponse:
    do = request.POST.get("do", "")
    if do in ("enable", "disable") and "backup" not in request.POST:
        return _switch(request, loaded, enabled=do == "enable")
    if do == "disable":
        return _disable(request, loaded)
    enabling = do == "enable"
    form = RedundancyForm(loaded, request.POST, enabling=enabling)
    return accept(request, _page(loaded, enabling=enabling), form)


def _disable(request: HttpRequest, loaded: Loaded) -> HttpResponse:
    """DISABLE beside the form; what was typed into it is not thrown away."""
    form = RedundancyForm(loaded, request.POST)
    if request.POST.get("revision") != loaded.revision or not form.has_changed():
        return _switch(request, loaded, enabled=False)
    sentence = gettext("Fields were typed and not saved yet. Press ACCEPT or RESET first.")
    refused = acting.Refused(UNPROCESSABLE, sentence)
    return show(request, _page(loaded, refused=refused), form, UNPROCESSABLE)


def _switch(request: HttpRequest, loaded: Loaded, *, enabled: bool) -> HttpResponse:
    """ENABLE or DISABLE with what the file says; the form comes first where it names no backup."""
    if enabled and loaded.config is not None and loaded.config.backup is None:
        return redirect(f"{reverse('redundancy')}?enable=1")

    def edit(tree: Tree) -> Tree:
        return with_pair(tree, enabled=enabled)

    action = "enable" if enabled else "disable"
    refused = acting.save(request, edit, action, "REDUNDANCY", RESTART)
    if refused is None:
        return redirect(reverse("redundancy"))
    again = opened(request, PANEL)
    if isinstance(again, HttpResponse):
        return again
    page = _page(again, refused=refused)
    return show(request, page, RedundancyForm(again), refused.status)


urlpatterns = [path("redundancy/", show_panel, name="redundancy")]
