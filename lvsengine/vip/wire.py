"""Put whole Ethernet frames on an interface, by a packet socket. Needs root or CAP_NET_RAW."""

from __future__ import annotations

import errno
import os
import socket
from typing import Protocol

LONGEST_WAIT_S = 0.2  # until a full transmit queue has room again
ARPHRD_ETHER = 1  # linux/if_arp.h


class Wire(Protocol):
    """One interface that takes frames.

    Attributes:
        mac: Its hardware address; None where it has none of Ethernet's kind, such as `lo`.
    """

    mac: bytes | None

    def send(self, frame: bytes) -> None:
        """Put one frame out within 0.2 s, or raise OSError."""

    def close(self) -> None:
        """Let go of the interface."""


class PacketWire:
    """A `Wire` by AF_PACKET.

    Raises:
        OSError: No such interface, or not permitted.
    """

    def __init__(self, interface: str) -> None:
        # Protocol 0: it never receives, so nothing piles up in it.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._socket.settimeout(LONGEST_WAIT_S)
            self._socket.bind((interface, 0))
            *_, kind, mac = self._socket.getsockname()
        except OSError:
            self._socket.close()
            raise
        self.mac: bytes | None = mac if kind == ARPHRD_ETHER else None

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def close(self) -> None:
        self._socket.close()


def why(interface: str, error: OSError) -> str:
    """Say in a sentence why nothing could be put on an interface, and what to do."""
    if error.errno == errno.ENODEV:
        names = ", ".join(sorted(name for _, name in socket.if_nameindex())) or "none at all"
        return f"this machine has no interface {interface}; it has {names}"
    if error.errno in (errno.EPERM, errno.EACCES):
        return "not permitted. Run it as root, or give it CAP_NET_RAW"
    if error.errno == errno.ENETDOWN:
        return f"interface {interface} is down. Bring it up: ip link set {interface} up"
    return f"{interface}: {os.strerror(error.errno or errno.ETIMEDOUT)}"
