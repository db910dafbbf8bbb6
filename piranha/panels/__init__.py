"""The menu: every panel in order, one line each."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise


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

# Pages that are no tab of the manual.
MORE = ("difference", "revisions", "edit_file", "audit_log", "help")
