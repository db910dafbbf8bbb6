"""Times, numbers and states as every page writes them. A state is never told by colour alone."""

from __future__ import annotations

import time

from django import template
from django.forms.boundfield import BoundField
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from lvsengine.errors import EngineError
from lvsengine.lvscf.problems import Problem, Severity
from lvsengine.lvscf.store import Loaded
from piranha import director, graphs, numbered, sentences
from piranha.access.allowlist import Trouble
from piranha.numbered import shown

register = template.Library()

SHAPES = {
    "up": "●",
    "active": "●",
    "standby": "◐",
    "quiesced": "▲",
    "drain": "▲",
    "degraded": "▲",
    "down": "■",
    "disabled": "○",
    "unknown": "?",
}
WORDS = {
    "up": pgettext_lazy("state", "up"),
    "active": pgettext_lazy("state", "active"),
    "standby": pgettext_lazy("state", "standby"),
    "quiesced": pgettext_lazy("state", "quiesced"),
    "drain": pgettext_lazy("state", "drain"),
    "down": pgettext_lazy("state", "down"),
    "disabled": pgettext_lazy("state", "disabled"),
    "unknown": pgettext_lazy("state", "unknown"),
}
MINUTE, HOUR, DAY = 60, 3600, 86400
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
THIN = "\u202f"  # narrow no-break space, between thousands


@register.filter
def clock(at: float) -> str:
    """Write seconds since the epoch as local time; with the date when that is not today's."""
    if not at:
        return _("never")
    then = time.localtime(at)
    today = then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", then)


@register.filter
def minute(at: float) -> str:
    """Write a time as `clock` does, without the seconds."""
    return clock(at)[:-3] if at else clock(at)


@register.filter
def duration(seconds: float) -> str:
    """Write a length of time in its largest whole unit."""
    whole = int(seconds)
    if whole < MINUTE:
        return _("%(n)d s") % {"n": whole}
    if whole < HOUR:
        return _("%(n)d min") % {"n": whole // MINUTE}
    if whole < DAY:
        return _("%(n)d h") % {"n": whole // HOUR}
    days = whole // DAY
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


@register.filter
def grouped(number: int | None) -> str:
    """Write a number with its thousands apart; nothing for None."""
    return "" if number is None else f"{number:,}".replace(",", THIN)


@register.filter
def data_size(number: float) -> str:
    """Write bytes in the unit that leaves at most four digits."""
    unit = UNITS[0]
    for unit in UNITS:  # noqa: B007 - the last one stays
        if number < 1024:
            break
        number /= 1024
    digits = 0 if unit == UNITS[0] or number >= 100 else 1
    return f"{number:.{digits}f}{THIN}{unit}"


@register.filter
def percent(share: float) -> str:
    """Write a share of 1 in percent; what is little but not nothing is not called nothing."""
    return f"{share * 100:.0f}{THIN}%" if share >= 0.01 or not share else f"<{THIN}1{THIN}%"


@register.filter
def milliseconds(seconds: float) -> str:
    return f"{grouped(round(seconds * 1000))}{THIN}ms"


@register.simple_tag
def graph(values: graphs.Values, told: str) -> SafeString:
    """Draw the last hour of a figure."""
    return graphs.svg(values, told)


@register.simple_tag
def badge(state: str, word: str = "") -> SafeString:
    """Show a state: shape, word and (by its class) colour."""
    shape = SHAPES.get(state, SHAPES["unknown"])
    return format_html(
        '<span class="state {}"><span class="shape" aria-hidden="true">{}</span> {}</span>',
        state,
        shape,
        word or WORDS.get(state, state),
    )


@register.filter
def said(text: str | EngineError) -> str:
    """Write what the engine said in the reader's language."""
    return sentences.failure(text) if isinstance(text, EngineError) else sentences.said(text)


@register.filter
def told(problem: Problem) -> str:
    """Write a problem of lvs.cf in the reader's language, with its line."""
    return f"{problem.place}: {sentences.problem(problem)}"


@register.filter
def trouble_told(trouble: Trouble) -> str:
    """Write what is wrong with a line of an allowlist in the reader's language."""
    return f"{trouble.path}:{trouble.line}: {sentences.told(trouble.sentence)}"


@register.filter
def fit(text: str) -> str:
    """Make text of a file fit for a page, whatever bytes it holds."""
    return shown(str(text))


@register.filter
def in_words(text: str) -> str:
    """Say a fixed phrase of the engine in the reader's language."""
    return _(text) if text else ""


@register.filter
def where_explained(field: BoundField) -> str:
    """Give the address of a field's paragraph in HELP; empty where it has none."""
    from piranha.panels.help import where_explained as found  # panels use these tags

    return found(field.form, field.name)


@register.inclusion_tag("partials/mending.html")
def mending(loaded: Loaded) -> dict[str, object]:
    """Show an unsound lvs.cf with its bad lines marked, and what can be done about them."""
    from piranha.panels.revisions import rows  # panels use these tags

    return {
        "loaded": loaded,
        "errors": [one for one in loaded.problems if one.severity is Severity.ERROR],
        "file_lines": numbered.lines(loaded.tree, loaded.problems, whole=False),
        "rows": rows(),
    }


@register.inclusion_tag("partials/unreadable.html")
def unreadable(error: EngineError) -> dict[str, object]:
    """Say why lvs.cf cannot be read, and what can be done about it."""
    return {"error": error, "missing": error.code == "no-file", "path": director.path()}
