"""Which virtual servers a page shows: searched, sorted, and so many at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy as _

from lvsengine.snapshot import VirtualServerState
from piranha.monitoring.rows import VirtualRow

PAGE = 20  # virtual servers
LONGEST_TEXT = 100

SORTS: Mapping[str, tuple[Any, Callable[[VirtualRow], Any]]] = {
    "trouble": (_("trouble first"), lambda row: row.level),
    "name": (_("name"), lambda row: 0),
    "connections": (_("open connections"), lambda row: -sum(row.connections)),
    "rate": (_("connections/s"), lambda row: -row.virtual.traffic.connections_per_s),
    "traffic": (
        _("traffic"),
        lambda row: -row.virtual.traffic.bytes_in_per_s - row.virtual.traffic.bytes_out_per_s,
    ),
}


@dataclass(frozen=True, slots=True)
class Query:
    text: str = ""
    sort: str = "trouble"
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Query:
        """Read it from an address; what makes no sense is as if it were not there."""
        sort, page = given.get("sort", ""), given.get("page", "")
        return cls(
            given.get("q", "").strip()[:LONGEST_TEXT],
            sort if sort in SORTS else "trouble",
            max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
        )

    def address(self, page: int | None = None) -> str:
        """Write it as the part of an address after `?`; empty for the plain page."""
        page = self.page if page is None else page
        parts = {"q": self.text, "sort": self.sort, "page": page}
        plain = {"q": "", "sort": "trouble", "page": 1}
        return urlencode({key: value for key, value in parts.items() if value != plain[key]})


@dataclass(frozen=True, slots=True)
class Selection:
    """One page of what was found, of `total` virtual servers."""

    rows: Sequence[VirtualRow]
    found: int
    total: int
    page: int
    pages: int


def select(virtuals: Sequence[VirtualServerState], query: Query) -> Selection:
    rows = [VirtualRow(one) for one in virtuals if _matches(one, query.text.casefold())]
    key = SORTS[query.sort][1]
    rows.sort(key=lambda row: (key(row), row.virtual.name))
    pages = max(1, -(-len(rows) // PAGE))
    page = min(query.page, pages)
    return Selection(rows[(page - 1) * PAGE : page * PAGE], len(rows), len(virtuals), page, pages)


def _matches(virtual: VirtualServerState, text: str) -> bool:
    if not text:
        return True
    own = (virtual.name, virtual.service, virtual.address)
    reals = (part for real in virtual.real_servers for part in (real.name, real.address))
    return any(text in part.casefold() for part in (*own, *reals))
