"""The MONITORING SCRIPTS panel: how the real servers of a virtual server are checked."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.keys import KEYS
from lvsengine.lvscf.rows import Key, Section
from piranha.access.roles import needs
from piranha.fields import CheckField, KeyField, RawField, Text
from piranha.models import Role
from piranha.panels.accept import Page, accept, show
from piranha.panels.block import BlockForm
from piranha.panels.form import Fieldset
from piranha.panels.opening import opened, subject

PANEL = "virtual_servers"
SAMPLE = """\
#!/bin/sh
# Called as /usr/local/bin/check-dns %h, so $1 is the real server's address.
if dig -t soa example.com @"$1" +time=2 +tries=1 | grep -q dns.example.com; then
    echo OK
else
    echo FAIL
fi
"""


def _key(name: str) -> Key:
    return KEYS[Section.VIRTUAL][name]


class MonitoringScriptsForm(BlockForm):
    send_program = RawField(
        _key("send_program"),
        _("Sending Program"),
        help_text=_(
            "A whole path and its arguments; %h becomes the real server's address, %p its port."
            " Where it is given it is what counts, and Send is not used."
        ),
    )
    send = RawField(
        _key("send"),
        _("Send"),
        help_text=_(
            r"What is sent to each real server: at most 255 printable characters, and \n, \r, \t"
            r" for line end, return and tab. Blank: it is enough that the port opens."
        ),
    )
    expect = RawField(
        _key("expect"),
        _("Expect"),
        help_text=_(
            "What the answer must begin with; * is any answer. For a sending program: all that"
            " it must print."
        ),
    )
    use_regex = CheckField(
        _key("use_regex"),
        _("Treat expect string as a regular expression"),
        help_text=_("Then the answer must hold a match, wherever it is."),
    )

    fieldsets: ClassVar[tuple[Fieldset, ...]] = (
        (_("How real servers are checked"), ("send_program", "send", "expect", "use_regex")),
    )
    blanks: ClassVar[dict[str, Text]] = {
        "send_program": _("NO SEND PROGRAM"),
        "send": _("BLANK SEND"),
        "expect": _("BLANK EXPECT"),
    }

    def arrange(self) -> None:
        for name, label in self.blanks.items():
            field = self.fields[name]
            if isinstance(field, KeyField):
                field.blank = label


@require_http_methods(["GET", "POST"])
@needs(Role.ADMIN)
def show_panel(request: HttpRequest, virtual: str) -> HttpResponse:
    where = Where(virtual)
    loaded = opened(request, PANEL, where)
    if isinstance(loaded, HttpResponse):
        return loaded
    page = Page(
        "panels/monitoring_scripts.html",
        PANEL,
        pgettext("panel", "MONITORING SCRIPTS"),
        subject(where),
        reverse("monitoring-scripts", args=[virtual]),
        back=reverse("virtual-servers"),
        context={"virtual": virtual, "tab": "monitoring-scripts", "sample": SAMPLE},
    )
    if request.method == "POST":
        form = MonitoringScriptsForm(loaded, where, _blanked(request.POST))
        return accept(request, page, form)
    return show(request, page, MonitoringScriptsForm(loaded, where))


def _blanked(sent: QueryDict) -> QueryDict:
    """Empty the field whose BLANK button was pressed; the rest is saved as it was typed."""
    data = sent.copy()
    name = data.get("blank", "")
    if name in MonitoringScriptsForm.blanks:
        data[name] = ""
    return data


urlpatterns = [
    path(
        "virtual-server/<name:virtual>/monitoring-scripts/",
        show_panel,
        name="monitoring-scripts",
    ),
]
