from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from lvsengine.nanny import tcp_connect
from lvsengine.nanny.check import Definition, NotTriedError


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        yield server


def asked(port: int, address: str = "127.0.0.1", timeout_s: float = 5.0) -> Definition:
    return Definition("tcp_connect", ip_address(address), port, timeout_s=timeout_s)


async def test_an_open_port_is_a_success(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    result = await tcp_connect.check(asked(port))
    assert (result.ok, result.reason) == (True, f"connected to 127.0.0.1:{port}")
    assert 0 < result.seconds < 1


async def test_the_connection_is_closed_in_the_ordinary_way(listener: socket.socket) -> None:
    await tcp_connect.check(asked(listener.getsockname()[1]))
    there, _ = listener.accept()
    with there:
        assert there.recv(1) == b""


async def test_a_closed_port_is_refused(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    result = await tcp_connect.check(asked(port))
    assert (result.ok, result.reason) == (False, f"connection refused by 127.0.0.1:{port}")


async def test_silence_is_no_answer_at_the_deadline(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with (
        socket.create_connection(("127.0.0.1", port)),
        socket.create_connection(("127.0.0.1", port)),
    ):  # the backlog of 1 is full: the kernel drops what comes next
        result = await tcp_connect.check(asked(port, timeout_s=0.05))
    assert (result.ok, result.reason) == (False, f"no answer on 127.0.0.1:{port} within 0.05 s")
    assert 0.05 <= result.seconds < 1


@pytest.mark.parametrize("refused", [False, True])
async def test_an_answer_from_afar_is_waited_for(listener: socket.socket, refused: bool) -> None:
    there = listener.getsockname()
    if refused:
        listener.close()
    with tcp_connect.opened(asked(there[1])) as sock:
        assert sock.connect_ex(there) == errno.EINPROGRESS
        found = await tcp_connect.settled(sock, timeout_s=5)
    assert found == (errno.ECONNREFUSED if refused else 0)


async def test_ipv6_is_asked_like_ipv4() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert (await tcp_connect.check(asked(port, "::1"))).reason == f"connected to [::1]:{port}"


async def test_an_address_nobody_can_reach_is_a_sentence() -> None:
    result = await tcp_connect.check(asked(80, "255.255.255.255"))
    assert not result.ok
    assert result.reason.startswith("no connection to 255.255.255.255:80: ")


async def test_no_descriptor_left_says_nothing_about_the_real_server() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as taken:
        lowest = taken.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(NotTriedError, match="too few file descriptors"):
            await tcp_connect.check(asked(80))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Exhausted(socket.socket):
    """A socket of a machine whose ports are all taken."""

    def connect_ex(self, address: object, /) -> int:
        return errno.EADDRNOTAVAIL


async def test_no_port_left_says_nothing_about_the_real_server() -> None:
    with Exhausted() as sock, pytest.raises(NotTriedError, match="Cannot assign requested"):
        await tcp_connect.connect(sock, asked(80))


async def test_answer_and_deadline_in_one_turn_of_the_loop_are_one_outcome(
    listener: socket.socket,
) -> None:
    with tcp_connect.opened(asked(80)) as sock:
        sock.connect_ex(listener.getsockname())
        assert await tcp_connect.settled(sock, timeout_s=0) == 0


async def test_answer_and_cancellation_in_one_turn_of_the_loop_are_a_cancellation(
    listener: socket.socket,
) -> None:
    with tcp_connect.opened(asked(80)) as sock:
        sock.connect_ex(listener.getsockname())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(tcp_connect.settled(sock, timeout_s=5))
            await asyncio.sleep(0)  # it waits for the socket now
            asyncio.get_running_loop().call_soon(task.cancel)
        assert task.cancelled()
