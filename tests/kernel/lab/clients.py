"""Clients of the virtual servers: bursts of requests, a steady load, long downloads, datagrams.

All of them live in the namespace `client`. What they saw is kept as values to assert on.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.kernel.lab.namespaces import in_namespace
from tests.kernel.lab.network import CLIENT
from tests.kernel.lab.real_servers_process import BLOCK, PACE_S, block, last_block

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
STREAM_REQUEST = b"GET /stream HTTP/1.0\r\n\r\n"
HEAD_END = b"\r\n\r\n"
ANSWER_WITHIN_S = 5.0
END_DEADLINE_S = 10.0
LATE_S = 0.1  # a loop that is later than this was kept from running


def request(address: str, port: int = 80, source: str | None = None) -> str:
    """Make one request and return the name of the real server that answered.

    Raises:
        OSError: No connection, a reset, or no answer in `ANSWER_WITHIN_S`.
    """
    with in_namespace(CLIENT):
        connection = socket.create_connection(
            (address, port), ANSWER_WITHIN_S, (source, 0) if source else None
        )
    with connection:
        connection.sendall(REQUEST)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    return _name(answer)


def burst(address: str, count: int, port: int = 80, source: str | None = None) -> Counter[str]:
    """Make requests one after the other and count the real servers that answered."""
    return Counter(request(address, port, source) for _ in range(count))


def ask(address: str, port: int = 53, source: str | None = None) -> str:
    """Send one datagram, from a port of its own, and return the name of who answered."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with in_namespace(CLIENT):
        endpoint = socket.socket(family, socket.SOCK_DGRAM)
    with endpoint:
        endpoint.settimeout(ANSWER_WITHIN_S)
        if source:
            endpoint.bind((source, 0))
        endpoint.connect((address, port))
        endpoint.send(b"who is there")
        return endpoint.recv(100).decode()


def _name(answer: bytes) -> str:
    head, end, name = answer.partition(HEAD_END)
    if not end or not head.startswith(b"HTTP/1.0 200"):
        raise ConnectionError(f"no whole answer but {answer!r}")
    return name.decode()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request of a load: when it began and how it ended (monotonic seconds)."""

    began: float
    seconds: float
    server: str = ""
    failure: str = ""


@dataclass
class _Attempt:
    connection: socket.socket
    began: float
    give_up_at: float
    answer: bytes = b""
    asked: bool = False


@dataclass
class Load:
    """A client that opens a connection every `period_s` and records each one's outcome.

    Use it as a context manager: it runs in a thread of its own until the block ends, then
    finishes what it has begun. Time in which it was kept from running counts against nobody.
    """

    address: str
    port: int = 80
    period_s: float = 0.01
    give_up_s: float = ANSWER_WITHIN_S
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join(self.give_up_s + END_DEADLINE_S)
        self._selector.close()

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.failure]

    def failures_since(self, moment: float) -> list[Outcome]:
        """Those of requests begun since then (monotonic seconds): one ends 5 s later."""
        return [outcome for outcome in self.failures if outcome.began >= moment]

    @staticmethod
    def now() -> float:
        """The moment that `servers_since` and `failures_since` take."""
        return time.monotonic()

    def servers_since(self, moment: float) -> Counter[str]:
        """Who answered the requests begun since then (monotonic seconds)."""
        return Counter(o.server for o in tuple(self.outcomes) if o.server and o.began >= moment)

    def outage_s(self) -> float:
        """From the beginning of the first failed request to that of the next good one."""
        failed = [outcome.began for outcome in self.failures]
        good = [o.began for o in self.outcomes if o.server and failed and o.began > failed[-1]]
        return min(good, default=float("inf")) - failed[0] if failed else 0.0

    def _run(self) -> None:
        with in_namespace(CLIENT):
            looked_at = next_at = time.monotonic()
            while not self._stopping.is_set() or self._selector.get_map():
                now = time.monotonic()
                self._forgive(now - looked_at - self.period_s)
                looked_at = now
                if now >= next_at and not self._stopping.is_set():
                    self._begin(now)
                    next_at = max(next_at + self.period_s, now)
                for key, _ in self._selector.select(max(0.0, min(next_at - now, self.period_s))):
                    self._advance(key.data)
                self._give_up_the_overdue()

    def _begin(self, now: float) -> None:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        attempt = _Attempt(connection, now, now + self.give_up_s)
        number = connection.connect_ex((self.address, self.port))
        self._selector.register(connection, selectors.EVENT_WRITE, attempt)
        if number not in (0, errno.EINPROGRESS):
            self._end(attempt, failure=os.strerror(number))

    def _advance(self, attempt: _Attempt) -> None:
        try:
            if not attempt.asked:
                attempt.connection.send(REQUEST)
                attempt.asked = True
                self._selector.modify(attempt.connection, selectors.EVENT_READ, attempt)
            elif chunk := attempt.connection.recv(4096):
                attempt.answer += chunk
            else:
                self._end(attempt, server=_name(attempt.answer))
        except BlockingIOError:  # a kernel short of memory: it will say when it can
            return
        except OSError as error:
            self._end(attempt, failure=str(error))

    def _forgive(self, late_s: float) -> None:
        """An answer that lay unread while this thread got no processor came in time."""
        if late_s > LATE_S:
            for key in self._selector.get_map().values():
                key.data.give_up_at += late_s

    def _give_up_the_overdue(self) -> None:
        now = time.monotonic()
        for key in tuple(self._selector.get_map().values()):
            if key.data.give_up_at < now:
                self._end(key.data, failure=f"no answer within {self.give_up_s:g} s")

    def _end(self, attempt: _Attempt, *, server: str = "", failure: str = "") -> None:
        self._selector.unregister(attempt.connection)
        attempt.connection.close()
        seconds = time.monotonic() - attempt.began
        self.outcomes.append(Outcome(attempt.began, seconds, server, failure))


@dataclass
class Download:
    """One download, checked block by block; it goes on until `Downloads.finish`."""

    connection: socket.socket
    server: str = ""
    blocks: int = 0
    heard_at: float = 0.0
    broken: str = ""
    ended: bool = False
    _unread: bytes = b""
    _in_body: bool = False

    def feed(self, data: bytes, now: float) -> None:
        self._unread += data
        self.heard_at = now
        if not self._in_body and HEAD_END in self._unread:
            self._unread = self._unread.partition(HEAD_END)[2]
            self._in_body = True
        while self._in_body and len(self._unread) >= BLOCK:
            got, self._unread = self._unread[:BLOCK], self._unread[BLOCK:]
            self.server = self.server or got.split(b" ")[0].decode()
            if got == last_block(self.server, self.blocks):
                self.ended = True
            elif got != block(self.server, self.blocks):
                self.broken = f"block {self.blocks} of {self.server} is {got!r}"
            self.blocks += 1

    @property
    def complete(self) -> bool:
        """Whether all has come, as it was sent, and the last block after it."""
        return self.ended and not (self._unread or self.broken)

    def end(self, why: str) -> None:
        if not self.complete:
            self.broken = self.broken or why


class Downloads:
    """Many long downloads held open at once, read by a thread of its own."""

    def __init__(self) -> None:
        self.all: list[Download] = []
        self._selector = selectors.DefaultSelector()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join(END_DEADLINE_S)
        for download in self.all:
            download.connection.close()
        self._selector.close()

    def open(
        self,
        address: str,
        count: int,
        port: int = 80,
        sources: Iterable[str] = (),
    ) -> Counter[str]:
        """Open downloads one after the other and count the real servers that serve them."""
        given = tuple(sources) or (None,)
        opened = [self._open(address, port, given[i % len(given)]) for i in range(count)]
        return Counter(download.server for download in opened)

    def _open(self, address: str, port: int, source: str | None) -> Download:
        with in_namespace(CLIENT):
            connection = socket.create_connection(
                (address, port), ANSWER_WITHIN_S, (source, 0) if source else None
            )
        connection.sendall(STREAM_REQUEST)
        download = Download(connection)
        self.all.append(download)
        while not download.server:
            data = connection.recv(4096)
            if not data:
                raise ConnectionError("the download ended before its first block")
            download.feed(data, time.monotonic())
        connection.setblocking(False)
        with self._lock:
            self._selector.register(connection, selectors.EVENT_READ, download)
        return download

    def flowing(self) -> Counter[str]:
        """Whose downloads are whole and have brought something within the last 10 paces."""
        since = time.monotonic() - 10 * PACE_S
        return Counter(d.server for d in self.all if not d.broken and d.heard_at > since)

    def finish(self) -> None:
        """Ask every real server to send its last block; those that broke are past asking."""
        for download in self.all:
            with suppress(OSError):
                download.connection.shutdown(socket.SHUT_WR)

    def complete(self) -> Counter[str]:
        """Whose downloads have come to their end byte for byte."""
        return Counter(download.server for download in self.all if download.complete)

    def stalled(self) -> Counter[str]:
        """Whose downloads broke, ended or fell silent."""
        return Counter(download.server for download in self.all) - self.flowing()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(0.1):
                self._read(key.data)

    def _read(self, download: Download) -> None:
        try:
            data = download.connection.recv(65536)
        except OSError as error:
            data = b""
            download.end(str(error))
        if data:
            download.feed(data, time.monotonic())
        else:
            download.end("ended by the real server")
            with self._lock:
                self._selector.unregister(download.connection)
