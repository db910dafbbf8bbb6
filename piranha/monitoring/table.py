"""The rows of a virtual server's real servers.

Written here and not in a template: 200 of them a second are the most of the page's work, and a
template takes ten times as long. Whatever comes from the engine is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from lvsengine.snapshot import RealServerState
from piranha.monitoring.rows import RealRow
from piranha.sentences import said
from piranha.templatetags.piranha_tags import badge, clock, data_size, grouped


@dataclass(frozen=True, slots=True)
class Words:
    """What every row says, in one language, ready to be put into HTML.

    Attributes:
        states: By `RealRow.word`.
        orders: Their labels; `undrain` stands for `auto` where that ends a drain.
        numbers: The opening tags of the cells with numbers.
    """

    states: dict[str, str]
    orders: dict[str, str]
    numbers: tuple[str, ...]
    weight: str
    why: str
    results: str
    since: str
    of: str
    why_url: str


@cache
def _words(_language: str) -> Words:
    labels = (_("Active"), _("Inactive"), _("Connections/s"), _("In/s"), _("Out/s"))
    states = {
        "up": _("up"),
        "down": _("down"),
        "unknown": _("not checked yet"),
        "quiesced": _("down, quiesced"),
        "drain": _("drained"),
        "force-up": _("forced up"),
        "force-down": _("forced down"),
    }
    orders = {
        "drain": _("Drain"),
        "force-down": _("Force down"),
        "force-up": _("Force up"),
        "auto": _("Auto"),
        "undrain": _("Undrain"),
    }
    return Words(
        states,
        {word: escape(label) for word, label in orders.items()},
        tuple(f'<td class="number" data-label="{escape(label)}">' for label in labels),
        escape(_("Weight")),
        escape(_("why?")),
        escape(_("Last results")),
        escape(_("since %(at)s")),
        escape(_("of %(n)s")),
        reverse("control-why"),
    )


@cache
def _badge(state: str, word: str) -> SafeString:
    return badge(state, word)


def body(rows: tuple[RealRow, ...], *, may_order: bool, language: str) -> SafeString:
    """Write the rows of a table's body."""
    words = _words(language)
    lines = ("".join(_row(one, words, may_order=may_order)) for one in rows)
    return mark_safe("\n".join(lines))  # noqa: S308 - escaped part by part


def _row(one: RealRow, words: Words, *, may_order: bool) -> Iterator[str]:
    real, ident = one.real, one.ident
    yield f'<tr id="r-{ident}"><th scope="row">{escape(real.name)} '
    yield f'<span class="soft">{escape(one.endpoint)}</span></th>'
    yield f'<td class="why">{_badge(one.state, words.states[one.word])} '
    if real.since:
        yield f'<span class="soft">{words.since % {"at": clock(real.since)}}</span> '
    if one.telling:
        yield f"{escape(said(real.reason))} "
    yield f'<details id="w-{ident}" data-pane><summary>{words.why}</summary><div data-own>'
    yield f'<a href="{words.why_url}?{escape(one.where)}">{words.results}</a></div></details></td>'
    yield f'<td class="number" data-label="{words.weight}">{_weight(real, words)}</td>'
    for opening, number in zip(words.numbers, _numbers(real), strict=True):
        yield f"{opening}{number}</td>"
    if may_order:
        yield f'<td class="orders">{"".join(_orders(one, words))}</td>'
    yield "</tr>"


def _weight(real: RealServerState, words: Words) -> str:
    if real.effective_weight == real.weight:
        return str(real.weight)
    now = "-" if real.effective_weight is None else real.effective_weight
    return f"<b>{now}</b> {words.of % {'n': real.weight}}"


def _numbers(real: RealServerState) -> tuple[str, ...]:
    traffic = real.traffic
    return (
        grouped(traffic.active),
        grouped(traffic.inactive),
        grouped(traffic.connections_per_s),
        data_size(traffic.bytes_in_per_s),
        data_size(traffic.bytes_out_per_s),
    )


def _orders(one: RealRow, words: Words) -> Iterator[str]:
    name = escape(f"{one.virtual}/{one.real.name}")
    for order in one.orders:
        ends_drain = order == "auto" and one.real.override == "drain"
        label = words.orders["undrain" if ends_drain else order]
        yield (
            f'<button type="submit" form="order" name="order" value="{order}/{one.names}"'
            f' aria-label="{label}: {name}">{label}</button>'
        )
