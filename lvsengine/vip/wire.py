"""Whole Ethernet frames out to an interface, and in: packet sockets. Needs CAP_NET_RAW."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from typing import Protocol

from lvsengine.vip.frames import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV6,
    ICMPV6,
    NEIGHBOUR_ADVERTISEMENT,
)

LONGEST_WAIT_S = 0.2  # until a full transmit queue has room again
LONGEST_FRAME = 2048  # what is looked at stands at the beginning
SO_ATTACH_FILTER = 26  # asm-generic/socket.h
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


class HearingWire(Wire, Protocol):
    """A `Wire` that also hears who claims an address of one family."""

    def fileno(self) -> int: ...

    def receive(self) -> bytes:
        """Return one frame that waits, or raise BlockingIOError; another OSError: it is lost."""


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


class ClaimWire(PacketWire):
    """A `HearingWire` by AF_PACKET: hears ARP, or neighbour advertisements (`family` 4 or 6)."""

    def __init__(self, interface: str, family: int) -> None:
        super().__init__(interface)
        try:
            if family == 6:
                _hear_only_advertisements(self._socket)
            self._socket.bind((interface, ETHERTYPE_IPV6 if family == 6 else ETHERTYPE_ARP))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> bytes:
        self._socket.settimeout(0)
        try:
            return self._socket.recv(LONGEST_FRAME)
        finally:
            self._socket.settimeout(LONGEST_WAIT_S)


def _hear_only_advertisements(hearing: socket.socket) -> None:
    """Let the kernel drop all other IPv6 packets, of which a director sees very many."""
    program = b"".join(struct.pack("=HBBI", *line) for line in _ADVERTISEMENTS)
    lines = ctypes.create_string_buffer(program)
    described = struct.pack("@HL", len(_ADVERTISEMENTS), ctypes.addressof(lines))
    hearing.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)


# struct sock_filter, linux/filter.h: code, lines to skip if true and if false, operand
_LOAD_BYTE, _IS_EQUAL, _RETURN = 0x30, 0x15, 0x06
_ADVERTISEMENTS = (
    (_LOAD_BYTE, 0, 0, 20),  # the next header after that of IPv6
    (_IS_EQUAL, 0, 3, ICMPV6),
    (_LOAD_BYTE, 0, 0, 54),  # the type of the ICMPv6 message
    (_IS_EQUAL, 0, 1, NEIGHBOUR_ADVERTISEMENT),
    (_RETURN, 0, 0, 0xFFFF),
    (_RETURN, 0, 0, 0),
)


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
