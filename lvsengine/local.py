"""Is an address this machine's own? Asked of the kernel without any privilege."""

from __future__ import annotations

import socket

from lvsengine.net import Address


def is_local(address: Address) -> bool:
    """Whether a socket can be bound to `address`, which the kernel allows for its own only."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as attempt:
        try:
            attempt.bind((str(address), 0))
        except OSError:
            return False
    return True
