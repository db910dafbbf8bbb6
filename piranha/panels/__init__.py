"""The menu: every panel in order, one line each."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import register_converter
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from piranha.names import NameConverter


@dataclass(frozen=True, slots=True)
class Panel:
    """One tab.

    Attributes:
        name: Its module here, its template `panels/<name>.html` and its page of HELP.
        url: Name of its first page.
    """

    name: str
    url: str
    title: StrOrPromise


PANELS = (
    Panel("control", "control", pgettext_lazy("panel", "CONTROL/MONITORING")),
    Panel("global_settings", "global-settings", pgettext_lazy("panel", "GLOBAL SETTINGS")),
    Panel("redundancy", "redundancy", pgettext_lazy("panel", "REDUNDANCY")),
    Panel("virtual_servers", "virtual-servers", pgettext_lazy("panel", "VIRTUAL SERVERS")),
)

# Pages under a tab, and pages that are no tab of the manual.
UNDER = ("virtual_server", "real_servers", "real_server", "monitoring_scripts")
MORE = (*UNDER, "difference", "sync", "revisions", "edit_file", "audit_log", "help")

register_converter(NameConverter, "name")
