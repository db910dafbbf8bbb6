"""How much the userspace plane carries on loopback, beside the same without it.

    .venv/bin/python -m tests.bench userspace

The real server, the plane and the load are a process each, so on a machine of few cores the
absolute figures say less than the ratios and the plane's own CPU time.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from multiprocessing.connection import Connection
from typing import Any

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey, Service
from lvsengine.ipvs.userspace import UserspacePlane
from lvsengine.net import Forwarding, Protocol
from tests.bench.figures import Options, Row, Section

Endpoint = tuple[str, int]

ROUND_S = 1.0
WORKERS = 32
BULK = 64 * 1024 * 1024
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + 100 * b"x"
WANT_BULK = b"B"

HOST = "127.0.0.1"
GO_ON, ENOUGH = True, False


Load = Callable[[Endpoint, float], Coroutine[Any, Any, int]]


class RealServer(asyncio.Protocol):
    """Answers each request, or sends the bulk; ends when the client does."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(bytes(BULK) if data == WANT_BULK else ANSWER)


def serve(ready: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(RealServer, HOST, 0)
        ready.send(server.sockets[0].getsockname())
        await loop.run_in_executor(None, ready.recv)
        server.close()
        ready.send(0)

    asyncio.run(main())


def forward(ready: Connection, real: Endpoint) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with UserspacePlane() as plane:
            key = AddressKey(Protocol.TCP, ip_address(HOST), free_port())
            behind = DestinationKey(key, ip_address(real[0]), real[1])
            nat = Destination(1, Forwarding.NAT)
            await plane.apply(
                [Change(Verb.ADD, key, Service("wlc")), Change(Verb.ADD, behind, nat)]
            )
            ready.send((HOST, key.port))
            while await loop.run_in_executor(None, ready.recv):
                ready.send(time.process_time())
            ready.send(0)

    asyncio.run(main())


def free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(
    target: Callable[..., None], *arguments: object
) -> Iterator[tuple[Endpoint, Connection]]:
    """Run a server in a process of its own; gives where it listens, and its pipe."""
    here, there = multiprocessing.Pipe()
    child = multiprocessing.Process(target=target, args=(there, *arguments), daemon=True)
    child.start()
    try:
        yield here.recv(), here
        here.send(ENOUGH)
        here.recv()
    finally:
        child.join(5)
        child.kill()


async def connected(to: Endpoint) -> socket.socket:
    end = socket.socket()
    end.settimeout(0)
    await asyncio.get_running_loop().sock_connect(end, to)
    return end


async def ask(end: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(end, REQUEST)
    left = len(ANSWER)
    while left:
        left -= len(await loop.sock_recv(end, 65536))


async def one_request_each(to: Endpoint, until: float) -> int:
    done = 0
    while time.monotonic() < until:
        end = await connected(to)
        await ask(end)
        end.close()
        done += 1
    return done


async def one_after_another(to: Endpoint, until: float) -> int:
    done = 0
    end = await connected(to)
    while time.monotonic() < until:
        await ask(end)
        done += 1
    end.close()
    return done


async def bulk(to: Endpoint, until: float) -> int:
    """Fetch the bulk once and return its size in MB."""
    loop = asyncio.get_running_loop()
    end = await connected(to)
    await loop.sock_sendall(end, WANT_BULK)
    left, buffer = BULK, bytearray(1 << 20)
    while left:
        left -= await loop.sock_recv_into(end, buffer)
    end.close()
    return BULK // 1_000_000


LOADS = (
    ("connections of one request", one_request_each, WORKERS, "connection"),
    ("requests on kept connections", one_after_another, WORKERS, "request"),
    ("one bulk transfer", bulk, 1, "MB"),
)


def measured(load: Load, to: Endpoint, workers: int) -> tuple[int, float]:
    """Load for a round; return how much was done, and in how many seconds."""

    async def main() -> tuple[int, float]:
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            loads = [group.create_task(load(to, started + ROUND_S)) for _ in range(workers)]
        return sum(one.result() for one in loads), time.monotonic() - started

    return asyncio.run(main())


def run(options: Options) -> list[Section]:
    rows: list[Row] = []
    with process(serve) as (real, _), process(forward, real) as (virtual, plane):
        for what, load, workers, unit in LOADS:
            rows += compared(what, unit, load, workers, real, virtual, plane, options.runs)
    return [Section("the userspace plane on loopback; more is better (on the host)", rows)]


def compared(
    what: str,
    unit: str,
    load: Load,
    workers: int,
    real: Endpoint,
    virtual: Endpoint,
    plane: Connection,
    runs: int,
) -> list[Row]:
    through, direct, cpu_us = [], [], []
    for _ in range(runs):
        before = cpu_of(plane)
        done, seconds = measured(load, virtual, workers)
        through.append(done / seconds)
        cpu_us.append((cpu_of(plane) - before) / done * 1e6)
        done, seconds = measured(load, real, workers)
        direct.append(done / seconds)
    return [
        Row(what, f"{unit}/s", through, direct, "without a plane"),
        Row("  CPU time of the plane", f"us/{unit}", cpu_us),
    ]


def cpu_of(plane: Connection) -> float:
    plane.send(GO_ON)
    seconds: float = plane.recv()
    return seconds
