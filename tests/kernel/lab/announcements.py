"""Hear, as a client does, who announces which address by gratuitous ARP."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.kernel.lab.namespaces import in_namespace, run
from tests.kernel.lab.network import CLIENT, cable

ETHERTYPE_ARP = 0x0806
SO_TIMESTAMPNS = 35
BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Announcement:
    """One frame; `at` is when the kernel got it, in seconds since the epoch."""

    at: float
    hardware: str
    address: str


class Ear:
    """Keeps every announcement since it was opened."""

    def __init__(self, ear: socket.socket) -> None:
        self._ear = ear
        self._heard: list[Announcement] = []

    def heard(self) -> list[Announcement]:
        while True:
            try:
                frame, ancillary, _, _ = self._ear.recvmsg(100, 64)
            except BlockingIOError:
                return self._heard
            if frame[28:32] == frame[38:42]:  # the sender asks, or tells, about itself
                seconds, nanoseconds = struct.unpack_from("=qq", ancillary[0][2])
                at, address = seconds + nanoseconds / 1e9, socket.inet_ntoa(frame[28:32])
                self._heard.append(Announcement(at, frame[22:28].hex(":"), address))

    def first(self, hardware: str = "") -> dict[str, float]:
        """When each address was first announced, by the device of that Ethernet address alone."""
        heard = [one for one in self.heard() if not hardware or one.hardware == hardware]
        return {one.address: one.at for one in reversed(heard)}


@contextmanager
def announcements() -> Iterator[Ear]:
    with in_namespace(CLIENT):
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP))
    with ear:
        ear.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        ear.bind((cable(CLIENT, "public").device, ETHERTYPE_ARP))
        ear.setblocking(False)
        yield Ear(ear)


def hardware_of(director: str) -> str:
    """Its public device's Ethernet address."""
    links = json.loads(run(director, "ip", "-j", "link", "show", cable(director, "public").device))
    return str(links[0]["address"])
