"""A table of 1 000 services x 4 destinations: our kernel plane beside `ipvsadm -R`.

Runs inside the guest, as root. Both do it in a network namespace of their own that is emptied in
between, in turn, so that noise hits both. What the plane is given is a
`Table`, as the engine has it; ipvsadm gets the same as text and its process is part of its time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address

from lvsengine.ipvs.codec import FAMILY
from lvsengine.ipvs.diff import diff
from lvsengine.ipvs.exchange import Exchange, Link, SocketLink
from lvsengine.ipvs.kernel import KernelPlane
from lvsengine.ipvs.listing import ipvsadm_rules
from lvsengine.ipvs.netlink import messages
from lvsengine.ipvs.table import EMPTY, AddressKey, Destination, DestinationKey, Service, Table
from lvsengine.net import Forwarding, Protocol
from tests.bench.figures import Goal, Options, Row, Section
from tests.kernel.lab.namespaces import in_namespace, make_namespace, remove_namespace
from tests.kernel.lab.namespaces import run as run_in

NAMESPACE = "bench-table"
SERVICES, DESTINATIONS = 1000, 4  # the guest's memory ends at about 6 000 destinations


class CountingLink:
    """A link that counts the messages sent."""

    def __init__(self) -> None:
        self.sent = 0
        self._link = _connect()

    def send(self, data: bytes) -> None:
        self.sent += len(list(messages(data)))
        self._link.send(data)

    def receive(self) -> bytes:
        return self._link.receive()

    def close(self) -> None:
        self._link.close()


def run(options: Options) -> list[Section]:
    make_namespace(NAMESPACE)
    try:
        rows = asyncio.run(_measure(options.runs))
    finally:
        remove_namespace(NAMESPACE)
    return [Section("table of 1 000 services x 4 (in the guest)", rows)]


async def _measure(runs: int) -> list[Row]:
    table = _table()
    rules = "\n".join(ipvsadm_rules(table)) + "\n"
    link = CountingLink()
    plane = KernelPlane(Exchange(lambda: link, FAMILY))
    times: dict[str, list[float]] = {"plane": [], "ipvsadm": [], "read": [], "weight": []}
    await _build(plane, table)  # loads the scheduler
    messages_sent = []
    for _ in range(runs):
        await plane.flush()
        with _timed(times["ipvsadm"]):
            run_in(NAMESPACE, "ipvsadm", "-R", stdin=rules)
        await plane.flush()
        with _timed(times["plane"]):
            await _build(plane, table)
        with _timed(times["read"]):
            held = await plane.read()
        if held != table:
            raise AssertionError("the kernel does not hold what was built")
        messages_sent.append(await _change_one_weight(plane, table, link, times["weight"]))
    await plane.close()
    return _rows(times, messages_sent)


async def _build(plane: KernelPlane, table: Table) -> None:
    failures = await plane.apply(diff(EMPTY, table))
    if failures:
        raise AssertionError(failures[0].sentence)


async def _change_one_weight(
    plane: KernelPlane, table: Table, link: CountingLink, times: list[float]
) -> int:
    """Change one weight of all, from the comparison of two tables to the kernel.

    Returns:
        How many messages that took.
    """
    key = list(table.destinations)[len(table.destinations) // 2]
    heavier = replace(table.destinations[key], weight=7)
    desired = Table(table.services, {**table.destinations, key: heavier})
    before = link.sent
    with _timed(times):
        failures = await plane.apply(diff(table, desired))
    sent = link.sent - before
    if failures or (await plane.read({key.service})).destinations[key] != heavier:
        raise AssertionError("the weight was not changed")
    return sent


def _rows(times: dict[str, list[float]], messages_sent: list[int]) -> list[Row]:
    peer, half = times["ipvsadm"], Goal(0.5, of_ratio=True)
    return [
        Row("built", "s", times["plane"], peer, "ipvsadm -R", half),
        Row("read", "s", times["read"]),
        Row("one weight compared and set", "s", times["weight"], goal=Goal(0.1)),
        Row("  netlink messages for that", "", messages_sent, goal=Goal(1)),
    ]


def _table() -> Table:
    first, real = IPv4Address("10.1.0.0"), IPv4Address("10.2.0.0")
    keys = [AddressKey(Protocol.TCP, first + number, 80) for number in range(SERVICES)]
    return Table(
        dict.fromkeys(keys, Service("wlc")),
        {
            DestinationKey(key, real + number + 1, 80): Destination(1, Forwarding.NAT)
            for key in keys
            for number in range(DESTINATIONS)
        },
    )


def _connect() -> Link:
    with in_namespace(NAMESPACE):
        return SocketLink()


@contextmanager
def _timed(times: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    times.append(time.perf_counter() - began)
