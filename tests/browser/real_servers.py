"""Small real servers on loopback, each a process of its own that can be killed and come back.

Each answers every request with its name. Run as a program it is one of them.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from tests.bench.processes import running
from tests.kernel.lab.waiting import wait_until
from tests.ports import free_port

ADDRESS = "127.0.0.1"


def is_open(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex((ADDRESS, port)) == 0


class RealServer:
    """A real server at work, until it is killed.

    Args:
        log: Where it may complain.
    """

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.port = free_port()
        self._log = log
        self._life = ExitStack()
        self.start()

    def start(self) -> None:
        """Begin to listen, on the same port as ever."""
        command = [sys.executable, "-m", "tests.browser.real_servers", self.name, str(self.port)]
        self._life.enter_context(running(command, self._log))
        wait_until(lambda: is_open(self.port), f"{self.name} listens")

    def kill(self) -> None:
        self._life.close()

    def __enter__(self) -> RealServer:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.kill()


@contextmanager
def real_servers(*names: str, log: Path) -> Iterator[tuple[RealServer, ...]]:
    with ExitStack() as stack:
        yield tuple(stack.enter_context(RealServer(name, log)) for name in names)


class Answer(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        text = self.server.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_parts: object) -> None:
        """Keep quiet: a check every second would fill the log."""


class Listener(ThreadingHTTPServer):
    def __init__(self, name: str, port: int) -> None:
        self.name = name
        super().__init__((ADDRESS, port), Answer)

    def handle_error(self, *_parts: object) -> None:
        """A check hangs up as soon as it has seen enough."""


if __name__ == "__main__":
    Listener(sys.argv[1], int(sys.argv[2])).serve_forever()
