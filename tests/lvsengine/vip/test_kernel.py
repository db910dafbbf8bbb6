"""What needs no root. The rest is in tests/kernel/guest/test_virtual_ips.py."""

from __future__ import annotations

import errno
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from lvsengine.errors import EngineError
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, Verb
from lvsengine.vip.kernel import AT_ONCE, KernelAddresses
from lvsengine.vip.route_socket import RouteSocket
from lvsengine.vip.rtnetlink import GET_ADDRESS, INTERRUPTED, messages
from tests.lvsengine.vip.news_writing import address_message, answer_message, end_message

ADD = AddressChange(Verb.ADD, HeldAddress(ip_address("127.0.0.9"), 32, "lo", "lo:1"))
LOST = AddressChange(Verb.ADD, HeldAddress(ip_address("127.0.0.9"), 32, "no-such-card"))
THIS, HERE = ip_address("127.0.0.1"), ip_address("127.0.0.9")
LO = 1


@dataclass
class Kernel:
    """Answers each request at once, as the real one does."""

    refuse: int = 0
    silent: int = 0  # so many requests get no answer
    lose: int = 0  # errno at the next receiving
    interrupted: int = 0  # so many lists changed while they were read
    requests: list[int] = field(default_factory=list)  # how many in each datagram
    sockets: list[FakeSocket] = field(default_factory=list)

    def connect(self) -> RouteSocket:
        self.sockets.append(FakeSocket(self))
        return self.sockets[-1]

    def plane(self) -> KernelAddresses:
        return KernelAddresses(self.connect, lambda _: nullcontext(enter_result=True), 0.01)


class FakeSocket:
    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._waiting: deque[bytes] = deque()
        self.closed = False

    def fileno(self) -> int:
        raise AssertionError("nobody waits for it")

    def send(self, request: bytes) -> None:
        assert not self.closed
        asked = list(messages(request))
        self._kernel.requests.append(len(asked))
        for one in asked:
            if self._kernel.silent:
                self._kernel.silent -= 1
            elif one.kind == GET_ADDRESS:
                self._list(one.sequence)
            else:
                self._waiting.append(answer_message(one.sequence, self._kernel.refuse))

    def _list(self, sequence: int) -> None:
        flags = INTERRUPTED if self._kernel.interrupted else 0
        self._kernel.interrupted = max(0, self._kernel.interrupted - 1)
        if self._kernel.refuse:
            self._waiting.append(answer_message(sequence, self._kernel.refuse))
            return
        self._waiting.append(address_message(LO, THIS, sequence=sequence - 1))
        self._waiting.append(address_message(LO, HERE, sequence=sequence, flags=flags))
        self._waiting.append(end_message(sequence))

    def receive(self, timeout_s: float) -> bytes:
        assert timeout_s == 0.01
        lose, self._kernel.lose = self._kernel.lose, 0
        if lose:
            raise OSError(lose, "lost")
        if not self._waiting:
            raise TimeoutError
        return self._waiting.popleft()

    def close(self) -> None:
        self.closed = True


async def test_changes_go_many_at_once_and_each_is_answered() -> None:
    kernel = Kernel()
    assert await kernel.plane().apply([ADD] * (AT_ONCE + 2)) == []
    assert kernel.requests == [AT_ONCE, 2]


async def test_what_the_kernel_refuses_is_a_failure_of_that_change() -> None:
    failures = await Kernel(refuse=errno.EEXIST).plane().apply([ADD])
    assert [(failure.change, failure.errno) for failure in failures] == [(ADD, errno.EEXIST)]


async def test_an_interface_that_is_not_there_is_not_even_asked_for() -> None:
    kernel = Kernel()
    failures = await kernel.plane().apply([LOST, ADD, LOST])
    assert [failure.errno for failure in failures] == [errno.ENODEV, errno.ENODEV]
    assert kernel.requests == [1]
    assert "this machine has no interface no-such-card; it has " in failures[0].sentence


async def test_changes_without_an_answer_fail_and_the_next_are_asked_on_a_new_socket() -> None:
    kernel = Kernel(silent=1)
    plane = kernel.plane()
    assert [failure.errno for failure in await plane.apply([ADD, ADD])] == [errno.ETIMEDOUT]
    assert await plane.apply([ADD]) == []
    assert [one.closed for one in kernel.sockets] == [True, False]


async def test_answers_that_are_lost_are_not_waited_for() -> None:
    kernel = Kernel(lose=errno.ENOBUFS)
    assert [failure.errno for failure in await kernel.plane().apply([ADD])] == [errno.ETIMEDOUT]
    assert kernel.sockets[0].closed


async def test_a_list_holds_what_was_asked_for_and_nothing_older() -> None:
    assert [str(entry.address) for entry in await Kernel().plane().read()] == ["127.0.0.9"]


@pytest.mark.parametrize(
    ("kernel", "told"),
    [
        (Kernel(silent=1), r"did not list its addresses within 0\.01 s"),
        (Kernel(refuse=errno.EPERM), "did not list its addresses: Operation not permitted"),
        (Kernel(lose=errno.ENOBUFS), "did not list its addresses: lost"),
    ],
    ids=["silent", "refused", "lost"],
)
async def test_without_a_list_there_is_an_error_and_a_new_socket(
    kernel: Kernel, told: str
) -> None:
    plane = kernel.plane()
    with pytest.raises(EngineError, match=told):
        await plane.read()
    kernel.refuse = 0
    assert len(await plane.read()) == 1
    assert [one.closed for one in kernel.sockets] == [True, False]


@pytest.mark.parametrize(("interrupted", "lists"), [(1, 2), (9, 3)])
async def test_a_list_that_changed_while_it_was_read_is_read_again(
    interrupted: int, lists: int
) -> None:
    kernel = Kernel(interrupted=interrupted)
    assert len(await kernel.plane().read()) == 1
    assert len(kernel.requests) == lists


async def test_without_a_socket_there_is_a_sentence() -> None:
    def fail() -> RouteSocket:
        raise OSError(errno.EMFILE, "Too many open files")

    plane = KernelAddresses(fail)
    with pytest.raises(EngineError, match="cannot be asked about addresses: Too many open files"):
        await plane.read()
    with pytest.raises(EngineError, match="cannot be asked about addresses"):
        await plane.apply([ADD])


async def test_the_socket_is_kept_until_closed() -> None:
    kernel = Kernel()
    plane = kernel.plane()
    await plane.read()
    await plane.apply([ADD])
    assert [one.closed for one in kernel.sockets] == [False]
    await plane.close()
    await plane.close()
    assert [one.closed for one in kernel.sockets] == [True]
