"""Lists that are searched, sorted and paged, with all of that in the address of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

from piranha.fields import Text

R = TypeVar("R")
PAGE_SIZE = 50
LONGEST_QUERY = 200  # characters


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column.

    Attributes:
        key: What rows are sorted by; the kinds of its values must not be mixed.
        number: Its cells stand at the right.
    """

    name: str
    label: Text
    key: Callable[[R], Any]
    number: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """A column's heading: a link that sorts by it; `sorted` is as aria-sort says it, or empty."""

    label: Text
    query: str
    sorted: str
    number: bool


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """One page of a list.

    Attributes:
        found: How many rows the search left, of `total`.
        sort: By which column, with `-` before it for the other way; empty is the file's order.
        earlier, later: Queries of the pages beside this one; empty where there is none.
    """

    heads: tuple[Head, ...]
    rows: Page[R]
    query: str
    sort: str
    found: int
    total: int
    earlier: str
    later: str


def listed(
    request: HttpRequest,
    rows: Iterable[R],
    columns: tuple[Column[R], ...],
    words: Callable[[R], Iterable[object]],
) -> Listing[R]:
    """Arrange rows as the address asks: `q` words to find, `sort` a column, `page` a number.

    Args:
        words: What of a row is searched; every word asked for must be in one of them.
    """
    every = list(rows)
    query = request.GET.get("q", "")[:LONGEST_QUERY]
    sort = request.GET.get("sort", "")
    found = [row for row in every if _matches(query, words(row))]
    column = next((one for one in columns if one.name == sort.removeprefix("-")), None)
    if column is not None:
        found.sort(key=column.key, reverse=sort.startswith("-"))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return Listing(
        tuple(_head(request, one, sort) for one in columns),
        page,
        query,
        sort,
        len(found),
        len(every),
        _with(request, page=page.previous_page_number()) if page.has_previous() else "",
        _with(request, page=page.next_page_number()) if page.has_next() else "",
    )


def _matches(query: str, words: Iterable[object]) -> bool:
    asked = query.casefold().split()
    text = "\n".join(map(str, words)).casefold() if asked else ""
    return all(word in text for word in asked)


def _head(request: HttpRequest, column: Column[Any], sort: str) -> Head:
    up, down = column.name, f"-{column.name}"
    told = {up: "ascending", down: "descending"}.get(sort, "")
    query = _with(request, sort=down if sort == up else up, page="")
    return Head(column.label, query, told, column.number)


def _with(request: HttpRequest, **changed: object) -> str:
    """Return the address's query with some of it changed; what is empty is left out."""
    query = request.GET.copy()
    for name, value in changed.items():
        query[name] = str(value)
    for name in [name for name, value in query.items() if not value]:
        del query[name]
    return f"?{query.urlencode()}"
