"""One netlink socket to the kernel's addresses and links. Blocking where the caller says so."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Protocol

LONGEST_DATAGRAM = 65_536
BUFFER = 1_048_576
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python does not name it
SOL_NETLINK, NETLINK_CAP_ACK = 270, 10  # linux/socket.h, linux/netlink.h
KERNEL = 0  # the port from which only the kernel sends


class RouteSocket(Protocol):
    """What asks the kernel, and hears it."""

    def fileno(self) -> int: ...

    def send(self, request: bytes) -> None:
        """Send; the kernel has dealt with it when this returns."""

    def receive(self, timeout_s: float) -> bytes:
        """Return one datagram of the kernel's; timeout 0: BlockingIOError where none waits."""

    def close(self) -> None: ...


class NetlinkSocket:
    """A `RouteSocket` on the network namespace of the thread that makes it.

    Args:
        groups: What to hear of unasked, as bits of sockaddr_nl.nl_groups.
    """

    def __init__(self, groups: int = 0) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        with suppress(OSError):  # a smaller buffer runs over earlier, which is seen
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        with suppress(OSError):  # without it, refusals are longer by what they refuse
            self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        try:
            self._socket.bind((0, groups))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        self._socket.sendto(request, (KERNEL, 0))

    def receive(self, timeout_s: float) -> bytes:
        self._socket.settimeout(timeout_s)
        while True:
            datagram, (port, _) = self._socket.recvfrom(LONGEST_DATAGRAM)
            if port == KERNEL:
                return datagram

    def close(self) -> None:
        self._socket.close()
