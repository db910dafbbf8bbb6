"""Clients and real servers for the userspace plane's tests: plain sockets, each wait bounded."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import ExitStack
from ipaddress import ip_address
from types import TracebackType

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey, Service
from lvsengine.ipvs.userspace import UserspacePlane
from lvsengine.net import Forwarding, Protocol

DEADLINE_S = 5.0


def bound(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    made.settimeout(0)
    made.bind((host, 0))
    return made


def free_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with bound(host, kind) as probe:
        port: int = probe.getsockname()[1]
        return port


class Wire:
    """One end of a connection."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._reset_at_once = False

    async def connect(self, host: str, port: int) -> None:
        """Connect; a reset right after counts as connected, for it may come before or after."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                await asyncio.get_running_loop().sock_connect(self.socket, (host, port))
            except ConnectionResetError:
                self._reset_at_once = True

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def receive(self, size: int = 65536) -> bytes:
        """Receive some bytes; none is the end of data."""
        async with asyncio.timeout(DEADLINE_S):
            return await asyncio.get_running_loop().sock_recv(self.socket, size)

    async def rest(self) -> bytes:
        """Receive until the end of data."""
        data = bytearray()
        while chunk := await self.receive():
            data += chunk
        return bytes(data)

    def end(self) -> None:
        """Send no more; may still receive."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    async def was_reset(self) -> bool:
        """Whether the other end resets the connection (rather than ending it well)."""
        try:
            await self.rest()
        except ConnectionResetError:
            return True
        return self._reset_at_once


class Bench:
    """A plane, its clients and its real servers; all closed at the end."""

    def __init__(self, plane: UserspacePlane) -> None:
        self.plane = plane
        self._things = ExitStack()

    async def __aenter__(self) -> Bench:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._things.close()
        await self.plane.close()

    def keep(self, end: socket.socket) -> Wire:
        self._things.callback(end.close)
        return Wire(end)

    def real_server(self, host: str = "127.0.0.1", backlog: int = 100) -> socket.socket:
        """Listen, and leave it to the test to accept."""
        listener = bound(host)
        listener.listen(backlog)
        self._things.callback(listener.close)
        return listener

    async def accept(self, listener: socket.socket) -> Wire:
        async with asyncio.timeout(DEADLINE_S):
            accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
        return self.keep(accepted)

    async def client(self, key: AddressKey) -> Wire:
        end = socket.socket(socket.AF_INET6 if key.family == 6 else socket.AF_INET)
        end.settimeout(0)
        wire = self.keep(end)
        await wire.connect(str(key.address), key.port)
        return wire

    async def pair(self, key: AddressKey, listener: socket.socket) -> tuple[Wire, Wire]:
        """Connect through the plane and accept at the real server."""
        client = await self.client(key)
        return client, await self.accept(listener)

    async def make(self, *changes: Change) -> None:
        assert await self.plane.apply(changes) == []

    def datagram_end(self, host: str = "127.0.0.1") -> socket.socket:
        """A UDP socket, for a real server or a client."""
        end = bound(host, socket.SOCK_DGRAM)
        self._things.callback(end.close)
        return end

    async def serve(
        self, service: Service, *listeners: socket.socket, protocol: Protocol = Protocol.TCP
    ) -> tuple[AddressKey, list[DestinationKey]]:
        """Add a service with these listeners as its real servers, of weight 1 each."""
        key = a_service(protocol)
        real = [a_destination(key, listener) for listener in listeners]
        await self.make(Change(Verb.ADD, key, service), *(add(one) for one in real))
        return key, real


def a_service(protocol: Protocol = Protocol.TCP, host: str = "127.0.0.1") -> AddressKey:
    kind = socket.SOCK_STREAM if protocol is Protocol.TCP else socket.SOCK_DGRAM
    return AddressKey(protocol, ip_address(host), free_port(host, kind))


def a_destination(key: AddressKey, listener: socket.socket) -> DestinationKey:
    host, port = listener.getsockname()[:2]
    return DestinationKey(key, ip_address(host), port)


def add(key: DestinationKey, weight: int = 1) -> Change:
    return Change(Verb.ADD, key, Destination(weight, Forwarding.NAT))


def set_weight(key: DestinationKey, weight: int) -> Change:
    return Change(Verb.SET, key, Destination(weight, Forwarding.NAT))


def remove(key: DestinationKey | AddressKey) -> Change:
    return Change(Verb.REMOVE, key)


async def heard(end: socket.socket) -> tuple[bytes, tuple[str, int]]:
    """Receive one datagram and say who sent it."""
    async with asyncio.timeout(DEADLINE_S):
        return await asyncio.get_running_loop().sock_recvfrom(end, 65536)


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s
