"""The page in parts that are rendered once for all browsers, and sent only where they changed.

A part is HTML with an id; nothing in it belongs to one user but the role, so it is shared. What
a browser has is known by its token; one that is not known any more gets everything.
"""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import TypeVar

from django.template.loader import render_to_string
from django.utils.translation import get_language

from lvsengine.control.messages import Event, Graph
from lvsengine.snapshot import VirtualServerState
from piranha import graphs
from piranha.header import facts
from piranha.monitoring import board as boards
from piranha.monitoring import table
from piranha.monitoring.board import Board
from piranha.monitoring.query import SORTS, Query, Selection, select
from piranha.monitoring.rows import VirtualRow
from piranha.monitoring.trouble import quiet, troubles
from piranha.templatetags.piranha_tags import data_size, grouped

T = TypeVar("T")
LEVEL = 4  # of gzip: most of the gain for half of the time
TEMPLATE = "panels/control_live.html"
LIST = "virtuals"
START = token_hex(4)  # of this process: tokens of an earlier one mean nothing


class Shelf:
    """Keeps the last so many things made, by key; threads may share it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def get(self, key: Hashable, kind: type[T]) -> T | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found if isinstance(found, kind) else None

    def put(self, key: Hashable, value: T) -> T:
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
            return value

    def made(self, key: Hashable, kind: type[T], make: Callable[[], T]) -> T:
        found = self.get(key, kind)
        return self.put(key, make()) if found is None else found


_cards = Shelf(2000)
_views = Shelf(40)
_seen = Shelf(400)
_bodies = Shelf(40)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom it is rendered: all of one kind share what was made."""

    may_order: bool
    language: str
    day: str

    @classmethod
    def now(cls, *, may_order: bool) -> Reader:
        return cls(may_order, get_language() or "", f"{datetime.now().astimezone():%Y-%m-%d}")


@dataclass(frozen=True, slots=True)
class View:
    """The whole page, in parts.

    Attributes:
        parts: HTML by id, the virtual servers' two parts each among them.
        cards: The ids of the virtual servers shown, in order.
        whole: The list of virtual servers with all its cards.
        token: The same token, the same parts.
    """

    parts: Mapping[str, str]
    cards: tuple[str, ...]
    whole: str
    token: str


@dataclass(frozen=True, slots=True)
class _Seen:
    cards: tuple[str, ...]
    hashes: dict[str, int] = field(default_factory=dict)


def view(query: Query, *, may_order: bool) -> View:
    """Render what a query shows now, or give what was rendered for another browser."""
    board = boards.board()
    reader = Reader.now(may_order=may_order)
    return _views.made((board.number, query, reader), View, lambda: _view(board, query, reader))


def body(seen: str, now: View) -> bytes:
    """Put together what a browser lacks, gzipped; empty where it has all."""
    return _bodies.made((seen, now.token), bytes, lambda: _body(seen, now))


def _body(seen: str, now: View) -> bytes:
    had = _seen.get(seen, _Seen)
    if seen == now.token:
        return b""
    hashes = had.hashes if had else {}
    changed = {name: html for name, html in now.parts.items() if hashes.get(name) != hash(html)}
    if had is None or had.cards != now.cards:
        changed = {name: html for name, html in changed.items() if "-" not in name}
        changed[LIST] = now.whole
    # Nothing in it is a secret of one user, so its length gives nothing away.
    return gzip.compress("\n".join(changed.values()).encode(), LEVEL, mtime=0)


def _view(board: Board, query: Query, reader: Reader) -> View:
    virtuals = board.snapshot.virtual_servers if board.snapshot else ()
    selection = select(virtuals, query)
    hours = boards.graphs(row.virtual.name for row in selection.rows)
    parts = {
        name: _rendered(name, board=board, reader=reader, **more)
        for name, more in _small_parts(board, query, selection).items()
    }
    parts["facts"] = facts(board.snapshot, board.error)
    cards = []
    for row in selection.rows:
        parts[f"v-{row.ident}"] = _now(row, reader)
        parts[f"g-{row.ident}"] = _hour(row, hours.get(row.virtual.name), reader)
        cards.append({"row": row, "parts": (parts[f"v-{row.ident}"], parts[f"g-{row.ident}"])})
    whole = _rendered(LIST, cards=cards, selection=selection, query=query, board=board)
    names = tuple(row.ident for row in selection.rows)
    hashes = {name: hash(html) for name, html in parts.items()}
    token = f"{START}{hash((names, *hashes.items())) & (2**64 - 1):016x}"
    _seen.put(token, _Seen(names, hashes))
    return View(parts, names, whole, token)


def _small_parts(board: Board, query: Query, selection: Selection) -> dict[str, dict[str, object]]:
    snapshot = board.snapshot
    return {
        "announce": {"latest": _latest(board)},
        "trouble": {"troubles": troubles(board), "quiet": quiet(snapshot) if snapshot else ""},
        "daemon": {},
        "count": {"selection": selection, "query": query, "sorts": SORTS},
        "pages": {
            "selection": selection,
            "links": [(number, query.address(number)) for number in range(1, selection.pages + 1)],
        },
        "pair": {},
        "events": {},
        "addresses": {},
    }


def _latest(board: Board) -> Event | None:
    """What is said aloud: a real server went down or up, or the role changed."""
    return next((one for one in board.events if one.kind in ("health", "role")), None)


def _now(row: VirtualRow, reader: Reader) -> str:
    key: tuple[VirtualServerState, Reader] = (row.virtual, reader)
    return _cards.made(key, str, lambda: _card(row, reader))


def _card(row: VirtualRow, reader: Reader) -> str:
    rows = table.body(row.real_rows, may_order=reader.may_order, language=reader.language)
    return _rendered("now", row=row, rows=rows, reader=reader)


def _hour(row: VirtualRow, hour: Graph | None, reader: Reader) -> str:
    key = (row.ident, hour, reader)
    return _cards.made(key, str, lambda: _rendered("hour", row=row, **_drawn(hour)))


def _drawn(hour: Graph | None) -> dict[str, object]:
    if hour is None or not hour.connections_per_s:
        return {}
    traffic = graphs.both(hour.bytes_in_per_s, hour.bytes_out_per_s)
    return {
        "rate": hour.connections_per_s,
        "rate_last": f"{grouped(round(graphs.last(hour.connections_per_s) or 0))}/s",
        "rate_most": f"{grouped(round(graphs.most(hour.connections_per_s)))}/s",
        "traffic": traffic,
        "traffic_last": f"{data_size(graphs.last(traffic) or 0)}/s",
        "traffic_most": f"{data_size(graphs.most(traffic))}/s",
    }


def _rendered(part: str, **context: object) -> str:
    return render_to_string(f"{TEMPLATE}#{part}", context).strip()
