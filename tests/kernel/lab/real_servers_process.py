"""One light process that is all three real servers: listens in their namespaces, obeys on stdin.

It speaks HTTP/1.0: `/` answers the real server's name and closes; `/stream` is a numbered block
of `BLOCK` bytes every `PACE_S`, and ends by a last one when the client shuts down its side. On UDP
it answers every datagram with its name. Commands are JSON lines, such as
`{"name": "rs1", "mode": "hung"}`; each is answered by one line. Started by
`real_servers.RealServers`; not for tests to import.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from enum import Enum
from typing import cast

from tests.kernel.lab.namespaces import in_namespace
from tests.kernel.lab.network import REAL_SERVERS

TCP_PORTS = (80, 81, 8080, *range(8001, 8009))
UDP_PORTS = (53,)
BLOCK = 64
PACE_S = 0.1
BACKLOG = 200
LONGEST_REQUEST = 4096


class Mode(Enum):
    SERVING = "serving"
    HUNG = "hung"  # accepts, and says nothing
    KILLED = "killed"  # nothing listens, and what was open is reset


def block(name: str, number: int) -> bytes:
    """One block of a stream: whose it is and which, so that a reader can tell a loss."""
    return f"{name} {number:09}".ljust(BLOCK - 1).encode() + b"\n"


def last_block(name: str, number: int) -> bytes:
    """What stands where the next block would, when a stream ends as its client asked."""
    return f"{name} {number:09} end".ljust(BLOCK - 1).encode() + b"\n"


class RealServer:
    """One real server: its listeners, its open connections, its mode."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.mode = Mode.SERVING
        self.connections: set[Http] = set()
        self._listeners: list[asyncio.AbstractServer] = []

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for port in TCP_PORTS:
            with in_namespace(self.name):
                listener = socket.create_server(
                    ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG
                )
            self._listeners.append(await loop.create_server(lambda: Http(self), sock=listener))

    async def listen_for_datagrams(self) -> None:
        for port in UDP_PORTS:
            for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                with in_namespace(self.name):
                    endpoint = socket.socket(family, socket.SOCK_DGRAM)
                if family == socket.AF_INET6:
                    endpoint.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                endpoint.bind((any_address, port))
                loop = asyncio.get_running_loop()
                await loop.create_datagram_endpoint(lambda: Echo(self), sock=endpoint)

    async def become(self, mode: Mode) -> None:
        if mode is Mode.KILLED:
            for listener in self._listeners:
                listener.close()
            self._listeners.clear()
            for connection in tuple(self.connections):
                connection.reset()
        elif not self._listeners:
            await self.listen()
        self.mode = mode


class Http(asyncio.Protocol):
    """One connection of a client."""

    transport: asyncio.Transport

    def __init__(self, server: RealServer) -> None:
        self._server = server
        self._request = b""
        self._next_block = 0
        self._streams = False
        self._ends = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._request = (self._request + data)[-LONGEST_REQUEST:]
        if b"\r\n\r\n" not in self._request or self._server.mode is not Mode.SERVING:
            return
        path = self._request.split(b" ")[1]
        self._request = b""
        self.transport.write(b"HTTP/1.0 200 OK\r\n\r\n")
        if path.startswith(b"/stream"):
            self._streams = True
            self._stream()
        else:
            self.transport.write(self._server.name.encode())
            self.transport.close()

    def eof_received(self) -> bool:
        """A stream goes on to its last block; anything else is over."""
        self._ends = True
        return self._streams

    def reset(self) -> None:
        """End as the connection of a killed process does, at once."""
        self.transport.abort()

    def _stream(self) -> None:
        if self.transport.is_closing():
            return
        if self._server.mode is Mode.SERVING:
            make = last_block if self._ends else block
            self.transport.write(make(self._server.name, self._next_block))
            self._next_block += 1
            if self._ends:
                self.transport.close()
                return
        asyncio.get_running_loop().call_later(PACE_S, self._stream)


class Echo(asyncio.DatagramProtocol):
    """Answers any datagram with the real server's name."""

    transport: asyncio.DatagramTransport

    def __init__(self, server: RealServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, _data: bytes, address: tuple[str, int]) -> None:
        if self._server.mode is Mode.SERVING:
            self.transport.sendto(self._server.name.encode(), address)


async def serve() -> None:
    servers = {name: RealServer(name) for name in REAL_SERVERS}
    for server in servers.values():
        await server.listen()
        await server.listen_for_datagrams()
    print("ready", flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while line := await commands.readline():
        command = json.loads(line)
        await servers[command["name"]].become(Mode(command["mode"]))
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
