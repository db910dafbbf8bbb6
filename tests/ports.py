"""A TCP port of the loopback network that nobody uses."""

from __future__ import annotations

import socket


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as attempt:
        attempt.bind((address, 0))
        return int(attempt.getsockname()[1])
