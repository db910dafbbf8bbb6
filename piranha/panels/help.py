"""HELP: one page a panel. Its paragraphs are templates, its fields the panel's own forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from lvsengine.lvscf import look
from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.keys import KEYS, Section
from lvsengine.lvscf.rows import Key
from piranha.allowed import allowed
from piranha.fields import KeyField, Text
from piranha.panels.form import PanelForm


@dataclass(frozen=True, slots=True)
class Topic:
    """One page of HELP, after the panel that it is about; its text is `help/<name>.html`.

    Attributes:
        modules: Whose forms it explains, by their names in `piranha.panels`.
        of_keys: Whether it also lists every key of lvs.cf.
    """

    name: str
    title: Text
    modules: tuple[str, ...] = ()
    of_keys: bool = False


TOPICS = {
    topic.name: topic
    for topic in (
        Topic("introduction", pgettext_lazy("panel", "INTRODUCTION")),
        Topic("control", pgettext_lazy("panel", "CONTROL/MONITORING")),
        Topic("global_settings", pgettext_lazy("panel", "GLOBAL SETTINGS"), ("global_settings",)),
        Topic("redundancy", pgettext_lazy("panel", "REDUNDANCY"), ("redundancy",)),
        Topic(
            "virtual_servers",
            pgettext_lazy("panel", "VIRTUAL SERVERS"),
            ("virtual_servers", "virtual_server"),
        ),
        Topic(
            "real_servers",
            pgettext_lazy("panel", "REAL SERVER"),
            ("real_servers", "real_server"),
        ),
        Topic(
            "monitoring_scripts",
            pgettext_lazy("panel", "MONITORING SCRIPTS"),
            ("monitoring_scripts",),
        ),
        Topic("difference", _("Changes and revisions")),
        Topic("sync", _("Sync: the copy on the other director")),
        Topic("audit_log", _("Audit log")),
        Topic("access", _("Passwords, roles and the allowlists")),
        Topic("original", _("For those who come from the original")),
        Topic("lvs_cf", _("Every key of lvs.cf"), of_keys=True),
    )
}
# Pages that are explained on another's.
ELSEWHERE = {"revisions": "difference", "edit_file": "difference", "help": ""} | {
    module: topic.name for topic in TOPICS.values() for module in topic.modules
}
HOLDS = {"sync": "1"}  # where a key that is not given is told by others
WHERES = {
    Section.GLOBAL: Where(),
    Section.FAILOVER: Where(failover="x"),
    Section.VIRTUAL: Where("x"),
    Section.SERVER: Where("x", "x"),
}
SECTIONS = (
    (Section.GLOBAL, _("The global part")),
    (Section.VIRTUAL, _("virtual NAME { … }: a virtual server")),
    (Section.SERVER, _("server NAME { … }: a real server, inside a virtual server")),
    (Section.FAILOVER, _("failover NAME { … }: of the old FOS mode, kept and not run")),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One field, or one key, as HELP tells it; `anchor` is where a panel's "More" leads."""

    anchor: str
    label: Text
    key: Key
    help_text: Text = ""

    @property
    def default(self) -> str:
        return HOLDS.get(self.key.name) or look.default_text(
            WHERES[self.key.section], self.key.name
        )

    @property
    def allowed(self) -> str:
        return allowed(self.key)


@require_safe
@login_not_required
def show_help(request: HttpRequest, topic: str = "") -> HttpResponse:
    name = ELSEWHERE.get(topic, topic)
    context: dict[str, object] = {"panel": "help", "topics": TOPICS.values()}
    if name:
        if name not in TOPICS:
            raise Http404(topic)
        context |= {"topic": TOPICS[name], "text": f"help/{name}.html"}
        context["entries"] = list(entries(name))
        if TOPICS[name].of_keys:
            context["sections"] = list(sections())
    return render(request, "panels/help.html", context)


@cache
def entries(name: str) -> tuple[Entry, ...]:
    """List the fields of a panel's forms, in their order; a field of two forms once."""
    found: dict[str, Entry] = {}
    for form in (form for module in TOPICS[name].modules for form in forms_of(module)):
        for field_name, field in form.base_fields.items():
            if isinstance(field, KeyField):
                entry = Entry(field_name, field.label or field_name, field.key, field.help_text)
                found.setdefault(field_name, entry)
    return tuple(found.values())


def where_explained(form: forms.BaseForm, field_name: str) -> str:
    """Give the address of a field's paragraph; empty where HELP has none."""
    name = ELSEWHERE.get(type(form).__module__.rpartition(".")[2], "")
    topic = TOPICS.get(name)
    if topic is None or all(entry.anchor != field_name for entry in entries(name)):
        return ""
    return f"{reverse('help', args=[name])}#{field_name}"


def forms_of(module: str) -> tuple[type[PanelForm], ...]:
    """Give a panel's forms: its `HELP_FORMS` where it offers them, else those it defines."""
    module_name = f"piranha.panels.{module}"
    if find_spec(module_name) is None:
        return ()
    found = import_module(module_name)
    offered: tuple[type[PanelForm], ...] = getattr(found, "HELP_FORMS", ())
    return offered or tuple(_defined(module_name, vars(found)))


def _defined(module_name: str, names: dict[str, object]) -> Iterator[type[PanelForm]]:
    for found in names.values():
        own = isinstance(found, type) and found.__module__ == module_name
        if own and isinstance(found, type) and issubclass(found, PanelForm):
            yield found


def sections() -> Iterator[tuple[Text, list[Entry]]]:
    """List every key of lvs.cf that still means something, by section."""
    for section, title in SECTIONS:
        rows = [row for row in KEYS[section].values() if not row.is_kept]
        word = section.value or "global"
        yield title, [Entry(f"{word}-{row.name}", row.name, row) for row in rows]


urlpatterns = [
    path("help/", show_help, name="help"),
    path("help/<slug:topic>/", show_help, name="help"),
]
