"""The page of the audit log: who did what, when, from where, newest first."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.timezone import localtime
from django.views.decorators.http import require_safe

from piranha import director
from piranha.models import AuditEntry

PAGE = 50  # entries
COLUMNS = (
    "at",
    "who",
    "address",
    "action",
    "subject",
    "before",
    "after",
    "place",
    "key",
    "value_before",
    "value_after",
    "outcome",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would calculate


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader looks for; empty is all."""

    text: str = ""
    who: str = ""
    action: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Wanted:
        said = (request.GET.get(name, "").strip()[:200] for name in ("q", "who", "action"))
        return cls(*(text.replace("\0", "") for text in said))

    @property
    def query(self) -> str:
        """The same as an address has it, to be kept from page to page."""
        said = {"q": self.text, "who": self.who, "action": self.action}
        return urlencode({name: text for name, text in said.items() if text})


def entries(wanted: Wanted) -> QuerySet[AuditEntry]:
    found = AuditEntry.objects.all()
    for word in wanted.text.split():
        found = found.filter(
            Q(who__icontains=word)
            | Q(action__icontains=word)
            | Q(subject__icontains=word)
            | Q(address__icontains=word)
            | Q(before=word)
            | Q(after=word)
        )
    if wanted.who:
        found = found.filter(who=wanted.who)
    if wanted.action:
        found = found.filter(action=wanted.action)
    return found


@require_safe
def show_panel(request: HttpRequest) -> HttpResponse:
    wanted = Wanted.of(request)
    page = Paginator(entries(wanted), PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "panel": "audit_log",
        "wanted": wanted,
        "page": page,
        "rows": [Row(entry, _told(entry)) for entry in page],
        "kept": _kept(),
        "people": _distinct("who"),
        "actions": _distinct("action"),
    }
    return render(request, "panels/audit_log.html", context)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, and its changes but for the counter of edits, which every save raises."""

    entry: AuditEntry
    changes: list[dict[str, str | None]]


def _told(entry: AuditEntry) -> list[dict[str, str | None]]:
    return [one for one in entry.changes if one["place"] or one["key"] != "serial_no"]


def _kept() -> set[str]:
    """Name the revisions that can be compared."""
    return {director.file().revision, *(one.revision for one in director.revisions())} - {""}


def _distinct(name: str) -> list[str]:
    return list(AuditEntry.objects.order_by(name).values_list(name, flat=True).distinct()[:100])


@require_safe
def download(request: HttpRequest) -> StreamingHttpResponse:
    """Give what was looked for as CSV, one line a changed key."""
    found = entries(Wanted.of(request)).iterator(chunk_size=500)
    response = StreamingHttpResponse(_csv(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
    return response


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _csv(found: Iterable[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for entry in found:
        for change in entry.changes or [{}]:
            yield writer.writerow([_harmless(cell) for cell in _cells(entry, change)])


def _cells(entry: AuditEntry, change: dict[str, str | None]) -> tuple[str, ...]:
    told = (change.get(name) or "" for name in ("place", "key", "before", "after"))
    at = localtime(entry.at).isoformat(timespec="seconds")
    first = (at, entry.who, entry.address, entry.action, entry.subject, entry.before, entry.after)
    return (*first, *told, entry.outcome)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


urlpatterns = [
    path("audit/", show_panel, name="audit"),
    path("audit/audit-log.csv", download, name="audit-csv"),
]
