"""What needs no root. The rest is in tests/kernel/guest/test_links.py."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from lvsengine.errors import EngineError
from lvsengine.vip.interfaces import LinkState, Trouble
from lvsengine.vip.links import Links
from lvsengine.vip.route_socket import RouteSocket
from lvsengine.vip.rtnetlink import GET_ADDRESS, GET_LINK, HEADER
from tests.lvsengine.vip.news_writing import (
    address_message,
    end_message,
    link_message,
    message,
)

HERE = ip_address("192.0.2.11")
WORKS = 0x10041  # IFF_UP, IFF_RUNNING, IFF_LOWER_UP


@dataclass
class Kernel:
    """A machine whose eth0 holds an address, and the sockets that listen to it."""

    flags: int = WORKS
    carrier: int = 1
    refuse: int = 0  # errno with which it answers requests
    broken: int = 0  # so many sockets to come cannot be made
    sockets: list[FakeSocket] = field(default_factory=list)

    def connect(self) -> RouteSocket:
        if self.broken:
            self.broken -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        self.sockets.append(FakeSocket(self))
        return self.sockets[-1]

    def link(self) -> bytes:
        return link_message(2, "eth0", self.flags, self.carrier)

    def set_carrier(self, carrier: int, *, heard: bool = True) -> None:
        self.carrier = carrier
        self.flags = WORKS if carrier else 0x1
        for one in self.sockets:
            if not one.closed and heard:
                one.put(self.link())


class FakeSocket:
    """As a netlink socket: a queue with a descriptor that is readable while something waits."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.closed = False
        self.overrun = 0  # errno to raise once
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def fileno(self) -> int:
        return self._near.fileno()

    def put(self, datagram: bytes) -> None:
        self._far.send(datagram)

    def send(self, request: bytes) -> None:
        _, kind, _, sequence, _ = HEADER.unpack_from(request)
        if self.kernel.refuse:
            self.put(
                message(2, (-self.kernel.refuse).to_bytes(4, "little", signed=True), sequence)
            )
            return
        found = {GET_LINK: self.kernel.link(), GET_ADDRESS: address_message(2, HERE)}
        self.put(found[kind] + end_message(sequence))

    def receive(self, timeout_s: float) -> bytes:
        if self.overrun:
            number, self.overrun = self.overrun, 0
            raise OSError(number, os.strerror(number))
        self._near.settimeout(timeout_s)
        return self._near.recv(65_536)

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        self._near.close()
        self._far.close()


@dataclass
class Told:
    states: list[LinkState] = field(default_factory=list)
    some: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, state: LinkState) -> None:
        self.states.append(state)
        self.some.set()


async def turns(count: int = 5) -> None:
    """Let the loop come round a few times: what is readable is read."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_change_is_told_once_and_only_of_what_is_watched() -> None:
    kernel, told = Kernel(), Told()
    links = Links(told, kernel.connect)
    links.open()
    links.watch([HERE])
    assert links.states() == {"192.0.2.11": True}
    kernel.set_carrier(0)
    kernel.sockets[0].put(kernel.link())
    await turns()
    assert told.states == [LinkState(HERE, "eth0", Trouble.NO_CARRIER)]
    assert links.states() == {"192.0.2.11": False}
    links.watch([])
    kernel.set_carrier(1)
    await turns()
    assert len(told.states) == 1
    assert links.look(HERE).is_up
    links.close()


async def test_how_it_is_when_watching_begins_is_asked_and_not_told() -> None:
    kernel, told = Kernel(carrier=0, flags=0x1), Told()
    links = Links(told, kernel.connect)
    links.open()
    links.watch([HERE, ip_address("192.0.2.99")])
    await turns()
    assert links.states() == {"192.0.2.11": False, "192.0.2.99": False}
    assert told.states == []
    links.close()


async def test_a_cable_that_is_out_and_in_between_two_looks_is_no_change() -> None:
    kernel, told = Kernel(), Told()
    links = Links(told, kernel.connect)
    links.open()
    links.watch([HERE])
    kernel.set_carrier(0)
    kernel.set_carrier(1)
    await turns()
    assert told.states == []
    links.close()


async def test_where_news_were_lost_everything_is_read_again() -> None:
    kernel, told = Kernel(), Told()
    links = Links(told, kernel.connect)
    links.open()
    links.watch([HERE])
    kernel.set_carrier(0, heard=False)
    kernel.sockets[0].overrun = errno.ENOBUFS
    kernel.sockets[0].put(b"")
    await turns()
    assert told.states == [LinkState(HERE, "eth0", Trouble.NO_CARRIER)]
    assert [one.closed for one in kernel.sockets] == [True, False]
    kernel.set_carrier(1)
    await turns()
    assert [state.is_up for state in told.states] == [False, True]
    links.close()
    assert kernel.sockets[1].closed


async def test_an_overrun_while_reading_everything_is_tried_again() -> None:
    kernel = Kernel(broken=2)
    links = Links(Told(), kernel.connect)
    links.open()
    links.watch([HERE])
    assert links.states() == {"192.0.2.11": True}
    links.close()
    links.close()


@pytest.mark.parametrize(
    ("kernel", "said"),
    [(Kernel(broken=3), "Too many open files"), (Kernel(refuse=errno.EPERM), "Operation not")],
)
async def test_a_kernel_that_tells_nothing_is_an_error(kernel: Kernel, said: str) -> None:
    links = Links(Told(), kernel.connect)
    with pytest.raises(EngineError, match=f"does not tell how the network links are: {said}"):
        links.open()
    assert all(one.closed for one in kernel.sockets)


async def test_running_ends_with_the_socket() -> None:
    kernel = Kernel()
    links = Links(Told(), kernel.connect)
    links.open()
    kernel.sockets[0].overrun = errno.EBADF
    kernel.sockets[0].put(b"")
    with pytest.raises(EngineError, match="Bad file descriptor"):
        await links.run()
    assert kernel.sockets[0].closed


async def test_running_ends_with_a_listener_that_fails() -> None:
    kernel = Kernel()

    def fail(_: LinkState) -> None:
        raise ValueError("no")

    links = Links(fail, kernel.connect)
    links.open()
    links.watch([HERE])
    kernel.set_carrier(0)
    with pytest.raises(ValueError, match="no"):
        await links.run()


async def test_running_goes_on_until_cancelled_and_lets_go() -> None:
    kernel, told = Kernel(), Told()
    links = Links(told, kernel.connect)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(links.run())
        await turns()
        links.watch([HERE])
        kernel.set_carrier(0)
        await told.some.wait()
        task.cancel()
    assert kernel.sockets[0].closed


async def test_a_listener_may_watch_something_else_meanwhile() -> None:
    kernel = Kernel()
    links = Links(lambda _: links.watch([]), kernel.connect)
    links.open()
    links.watch([HERE])
    kernel.set_carrier(0)
    await turns()
    assert links.states() == {}
    links.close()


async def test_of_this_machine_the_loopback_link_is_up() -> None:
    links = Links(Told())
    links.open()
    links.watch([ip_address("127.0.0.1"), ip_address("192.0.2.99")])
    assert links.states() == {"127.0.0.1": True, "192.0.2.99": False}
    links.close()
