"""The engine at its socket: the real protocol, with answers that a test lays ready."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.snapshot import (
    AddressState,
    LinkState,
    PeerState,
    RealServerState,
    Snapshot,
    Traffic,
    VirtualServerState,
)

NOW = 1_780_000_000.0
Answer = object | Callable[[messages.Request], object]


def a_real_server(name: str, number: int, **said: object) -> RealServerState:
    values: dict[str, object] = {
        "weight": 1,
        "effective_weight": 1,
        "health": "up",
        "override": "auto",
        "reason": "answered as expected",
        "since": NOW - 60,
        "traffic": Traffic(connections=10, active=2, inactive=1, connections_per_s=3),
    }
    values |= said
    return RealServerState(name, f"10.9.9.{number}", 80, **values)  # type: ignore[arg-type]


def a_virtual_server(name: str = "shop", *real: RealServerState) -> VirtualServerState:
    return VirtualServerState(
        name,
        "tcp 192.0.2.100:80",
        "192.0.2.100",
        80,
        "tcp",
        0,
        "wlc",
        0,
        None,
        Traffic(connections=20, active=4, inactive=2, connections_per_s=6),
        real or (a_real_server("one", 21), a_real_server("two", 22)),
    )


def a_snapshot(**said: object) -> Snapshot:
    values: dict[str, object] = {
        "at": NOW,
        "version": "0.1.0",
        "pid": 4242,
        "started_at": NOW - 3600,
        "role": "primary",
        "state": "active",
        "reason": "there is no backup",
        "since": NOW - 3600,
        "plane": "kernel",
        "path": "/etc/sysconfig/ha/lvs.cf",
        "revision": "0123456789ab",
        "file_revision": "0123456789ab",
        "serial_no": 7,
        "virtual_servers": (a_virtual_server(),),
        "addresses": (AddressState("192.0.2.100", "eth0:1", "ours"),),
    }
    return Snapshot(**(values | said))  # type: ignore[arg-type]


def a_peer(**said: object) -> PeerState:
    values: dict[str, object] = {
        "state": "standby",
        "ready": True,
        "revision": "0123456789ab",
        "heard_s": 0.5,
        "since_s": 600.0,
        "links": (LinkState("public", 0.5, 0.0), LinkState("private", 0.4, 0.01)),
    }
    return PeerState(**(values | said))  # type: ignore[arg-type]


@dataclass
class FakeEngine:
    """Answers each kind of request as laid ready, and remembers what it was asked."""

    answers: dict[type, Answer] = field(default_factory=dict)
    asked: list[messages.Request] = field(default_factory=list)

    def answer(self, request: messages.Request) -> bytes:
        self.asked.append(request)
        answer = self.answers.get(type(request))
        if callable(answer):
            answer = answer(request)
        if answer is None:
            answer = EngineError("bad-request", f"no answer is laid ready for {request}")
        if isinstance(answer, EngineError):
            return messages.encode_error(answer)
        if isinstance(request, messages.Events) and isinstance(answer, tuple):
            return b"".join(messages.encode_result(event) for event in answer)
        return messages.encode_result(answer)


@contextmanager
def listening(engine: FakeEngine, path: Path) -> Iterator[None]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline(messages.MAX_LINE)
            if line:
                self.wfile.write(engine.answer(messages.decode_request(line)))

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            path.unlink()
