"""One light process that is all real servers of a benchmark: it listens on every address of lo.

    python tests/bench/real_servers.py PORT [ANSWER]

It accepts on every local address and hangs up; with ANSWER it reads a request first and sends
that. It is a script of its own so that it starts quickly and loads nothing of the engine.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress

BACKLOG = 4096
ASK_S = 0.5


def serve(port: int, answer: bytes) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # All addresses, but none that can be reached from outside.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        listener.bind(("0.0.0.0", port))
        listener.listen(BACKLOG)
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                if answer:
                    _answer(connection, answer)


def _answer(connection: socket.socket, answer: bytes) -> None:
    connection.settimeout(ASK_S)
    if connection.recv(4096):
        connection.sendall(answer)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(int(sys.argv[1]), "".join(sys.argv[2:]).encode().decode("unicode_escape").encode())
