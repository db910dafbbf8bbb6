"""Real loopback sockets; real servers that are slow, broken or silent."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import cast

import pytest

from lvsengine.nanny import send_expect
from lvsengine.nanny.check import Definition, Result
from lvsengine.net import Protocol

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def real_server(behave: Behaviour) -> AsyncIterator[int]:
    """Serve on loopback; each connection is closed when `behave` is through with it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def saying(*pieces: bytes) -> Behaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.005)

    return behave


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(5)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


async def half_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HT")
    writer.write_eof()
    await reader.read()


async def asked(
    behave: Behaviour,
    expect: str | None = "HTTP",
    *,
    send: str | None = None,
    use_regex: bool = False,
    timeout_s: float = 5.0,
) -> Result:
    async with real_server(behave) as port:
        result = await send_expect.check(
            Definition(
                "send_expect",
                ip_address("127.0.0.1"),
                port,
                send=send,
                expect=expect,
                use_regex=use_regex,
                timeout_s=timeout_s,
            )
        )
    shown = result.reason.replace(f"127.0.0.1:{port}", "HERE")
    return Result(result.ok, shown, result.seconds, result.sent, result.received)


async def test_the_answer_that_is_expected_is_a_success_with_its_transcript() -> None:
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.0 200 OK\r\n")

    result = await asked(answer, send=r"GET / HTTP/1.0\r\n\r\n")
    assert heard == [b"GET / HTTP/1.0\r\n\r\n"]
    assert (result.ok, result.reason) == (True, r"HERE answered 'HTTP/1.0 200 OK'")
    assert (result.sent, result.received) == (r"GET / HTTP/1.0\r\n\r\n", r"HTTP/1.0 200 OK\r\n")
    assert 0 < result.seconds < 2


async def test_an_answer_may_come_in_pieces() -> None:
    assert (await asked(saying(b"H", b"TT", b"P/1.0"))).ok


async def test_another_answer_is_quoted_beside_what_was_expected() -> None:
    result = await asked(saying(b"220 smtp ready\r\n"))
    assert (result.ok, result.reason) == (
        False,
        r"HERE answered '220 smtp ready\r\n' where 'HTTP' was expected",
    )


async def test_a_star_takes_any_answer() -> None:
    assert (await asked(saying(b"!"), "*")).ok
    assert not (await asked(saying(), "*")).ok


async def test_send_alone_is_enough_when_it_could_be_sent() -> None:
    result = await asked(say_nothing, None, send="hello")
    assert (result.ok, result.reason, result.sent) == (True, "HERE took what was sent", "hello")


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (say_nothing, "HERE took the connection and said nothing within 0.05 s"),
        (hang_up, "HERE closed the connection without an answer where 'HTTP' was expected"),
        (
            half_open,
            "HERE answered 'HT' and closed the connection where 'HTTP' was expected",
        ),
        (reset, "HERE broke the connection off: Connection reset by peer"),
    ],
)
async def test_a_broken_real_server_is_a_sentence(behave: Behaviour, reason: str) -> None:
    result = await asked(behave, send="hello", timeout_s=0.05)
    assert (result.ok, result.reason) == (False, reason)


async def test_half_an_answer_is_a_failure_at_the_deadline() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HT")
        await reader.read()

    result = await asked(slow, timeout_s=0.05)
    assert (result.ok, result.reason) == (
        False,
        "HERE answered 'HT' and nothing more within 0.05 s where 'HTTP' was expected",
    )
    assert 0.05 <= result.seconds < 1


async def test_a_regular_expression_is_searched_until_it_matches() -> None:
    result = await asked(
        saying(b"HTTP/1.1", b" 2", b"04\r\n"), r"HTTP/1\.[01] \d{3}", use_regex=True
    )
    assert (result.ok, result.reason) == (True, r"HERE answered 'HTTP/1.1 204'")


async def test_a_regular_expression_gives_up_after_4096_bytes() -> None:
    result = await asked(saying(b"x" * 5000), "OK", use_regex=True)
    assert not result.ok
    assert result.reason.endswith("...' where a match of 'OK' was expected")
    assert len(result.received) < 300


async def test_what_is_no_regular_expression_is_a_failure_with_a_sentence() -> None:
    result = await asked(saying(b"x"), "(", use_regex=True)
    assert not result.ok
    assert result.reason.startswith("expect is not a regular expression: '(': ")


async def test_a_search_that_takes_too_long_is_a_failure() -> None:
    result = await asked(saying(b"a" * 50 + b"!"), "(a+)+$", use_regex=True)
    assert not result.ok
    assert result.reason.endswith(
        "aaa!'; looking for a match of '(a+)+$' in it took too long and was broken off"
    )


async def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = await send_expect.check(
        Definition("send_expect", ip_address("127.0.0.1"), port, send="x", expect="y")
    )
    assert (result.ok, result.reason) == (False, f"connection refused by 127.0.0.1:{port}")


class Datagrams(asyncio.DatagramProtocol):
    """Answers each datagram by `pieces`, each a datagram of its own."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = pieces

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for piece in self._pieces:
            self._transport.sendto(piece, addr)


async def asked_by_udp(pieces: tuple[bytes, ...], expect: str | None) -> Result:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(pieces), ("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        result = await send_expect.check(
            Definition(
                "send_expect",
                ip_address("127.0.0.1"),
                port,
                Protocol.UDP,
                send="query",
                expect=expect,
                timeout_s=0.1,
            )
        )
    finally:
        transport.close()
    return Result(result.ok, result.reason.replace(f"127.0.0.1:{port}", "HERE"))


@pytest.mark.parametrize(
    ("pieces", "expect", "ok", "reason"),
    [
        ((b"answer",), "ans", True, "HERE answered 'answer'"),
        ((b"", b"answer"), "ans", True, "HERE answered 'answer'"),
        ((b"answer",), None, True, "HERE answered 'answer'"),
        ((b"other",), "ans", False, "HERE answered 'other' where 'ans' was expected"),
        ((), "ans", False, "no answer on HERE within 0.1 s"),
        ((), None, False, "no answer on HERE within 0.1 s"),
    ],
)
async def test_udp_needs_an_answer(
    pieces: tuple[bytes, ...], expect: str | None, ok: bool, reason: str
) -> None:
    assert await asked_by_udp(pieces, expect) == Result(ok, reason)


async def test_a_closed_udp_port_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    result = await send_expect.check(
        Definition("send_expect", ip_address("127.0.0.1"), port, Protocol.UDP, send="x")
    )
    assert (result.ok, result.reason) == (False, f"connection refused by 127.0.0.1:{port}")
