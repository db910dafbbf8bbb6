"""The control server and its client, over a real unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lvsengine.control import client, messages
from lvsengine.control.crowd import ANSWERED_AT_ONCE, AT_ONCE, HELD_BYTES
from lvsengine.control.server import ControlServer
from lvsengine.errors import EngineError


async def answer(request: messages.Request) -> object:
    if isinstance(request, messages.Explain):
        raise EngineError("unknown-real-server", f"no real server {request.real}", "look again")
    return messages.Text("hello")


async def follow(request: messages.Events) -> AsyncIterator[messages.Event]:
    for number in range(request.after + 1, 4):
        yield messages.Event(number, 0.0, "table", "web", "changed")


@asynccontextmanager
async def a_server(folder: Path) -> AsyncIterator[Path]:
    server = ControlServer(folder / "run" / "pulse.sock", answer, follow)
    await server.start()
    try:
        yield server.path
    finally:
        await server.close()


async def ask(path: Path, request: messages.Request) -> messages.Text:
    return await asyncio.to_thread(client.ask, path, request, messages.Text)


async def test_a_question_is_answered(tmp_path: Path) -> None:
    async with a_server(tmp_path) as path:
        assert await ask(path, messages.ShowTable()) == messages.Text("hello")


async def test_the_engines_error_reaches_the_asker(tmp_path: Path) -> None:
    async with a_server(tmp_path) as path:
        with pytest.raises(EngineError, match="no real server one: look again"):
            await ask(path, messages.Explain("web", "one"))


async def test_events_come_one_a_line_until_they_end(tmp_path: Path) -> None:
    async with a_server(tmp_path) as path:
        events = await asyncio.to_thread(
            lambda: list(client.follow(path, messages.Events(after=1, follow=True)))
        )
    assert [event.number for event in events] == [2, 3]


async def test_an_answer_of_another_shape_is_said_to_be_none(tmp_path: Path) -> None:
    async with a_server(tmp_path) as path:
        with pytest.raises(EngineError, match="not understood"):
            await asyncio.to_thread(client.ask, path, messages.Status(), messages.Event)


async def test_the_socket_is_for_its_owner_and_group_alone(tmp_path: Path) -> None:
    async with a_server(tmp_path) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


@pytest.mark.parametrize("line", [b"rubbish\n", b"\n", b'{"protocol": 1}\n'])
async def test_rubbish_is_answered_by_an_error_and_the_server_goes_on(
    tmp_path: Path, line: bytes
) -> None:
    async with a_server(tmp_path) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        assert b'"error"' in await reader.readline()
        writer.close()
        assert await ask(path, messages.ShowTable()) == messages.Text("hello")


async def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    async with a_server(tmp_path) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"x" * (messages.MAX_LINE + 2))
        assert b"too long" in await reader.readline()
        writer.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """Read to the end; who is hung up on before all he said was read sees a reset."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_who_asks_a_byte_at_a_time_is_hung_up_on_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lvsengine.control.server.REQUEST_TIMEOUT_S", 0.2)
    async with a_server(tmp_path) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            hung_up = group.create_task(_rest(reader))
            while not hung_up.done():
                with contextlib.suppress(ConnectionError):
                    writer.write(b" ")
                await asyncio.wait({hung_up}, timeout=0.05)
        assert hung_up.result() == b""
        writer.close()


async def test_one_who_hangs_up_harms_nobody(tmp_path: Path) -> None:
    async with a_server(tmp_path) as path:
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"proto')
        writer.close()
        assert await ask(path, messages.ShowTable()) == messages.Text("hello")


async def test_of_too_many_who_say_nothing_the_oldest_is_hung_up_on_and_told_why(
    tmp_path: Path,
) -> None:
    async with a_server(tmp_path) as path:
        crowd = [await asyncio.open_unix_connection(path) for _ in range(AT_ONCE)]
        assert await ask(path, messages.ShowTable()) == messages.Text("hello")
        oldest, newest = crowd[0], crowd[-1]
        assert b"others are asking too much" in await oldest[0].read()
        newest[1].write(messages.encode_request(messages.ShowTable()))
        assert b"hello" in await newest[0].readline()
        for _, writer in crowd:
            writer.close()


async def test_one_user_has_only_so_many_answers_under_way(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def slow(request: messages.Request) -> object:
        await go_on.wait()
        return messages.Text("at last")

    server = ControlServer(tmp_path / "s", slow, follow)
    await server.start()
    asked = [await asyncio.open_unix_connection(server.path) for _ in range(ANSWERED_AT_ONCE)]
    for _, writer in asked:
        writer.write(messages.encode_request(messages.Status()))
    with pytest.raises(EngineError, match="others are asking too much"):
        await ask(server.path, messages.Status())
    go_on.set()
    for reader, writer in asked:
        assert b"at last" in await reader.readline()
        writer.close()
    await server.close()


async def test_whose_unfinished_request_takes_most_memory_makes_room_for_others(
    tmp_path: Path,
) -> None:
    async with a_server(tmp_path) as path:
        hoarders = []
        for _ in range(HELD_BYTES // messages.MAX_LINE + 2):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"x" * (messages.MAX_LINE - 1))
            await writer.drain()
            hoarders.append((reader, writer))
        long_one = messages.Plan(" " * 1_000_000)
        assert await ask(path, long_one) == messages.Text("hello")
        told = [reader for reader, _ in hoarders if reader.at_eof() or reader._buffer]  # type: ignore[attr-defined]
        assert told
        for _, writer in hoarders:
            writer.close()


async def test_a_long_request_is_put_together_from_its_pieces(tmp_path: Path) -> None:
    heard = []

    async def listen(request: messages.Request) -> object:
        heard.append(request)
        return messages.Text("hello")

    server = ControlServer(tmp_path / "s", listen, follow)
    await server.start()
    for length in (65_000, 65_536, 131_072, 3_000_000):
        await ask(server.path, messages.Plan("\u7532" * (length // 6) + "x" * (length % 6)))
    await server.close()
    assert [len(one.text) for one in heard if isinstance(one, messages.Plan) and one.text] == [
        65_000 // 6 + 65_000 % 6,
        65_536 // 6 + 65_536 % 6,
        131_072 // 6 + 131_072 % 6,
        3_000_000 // 6,
    ]


async def test_a_follower_that_hangs_up_leaves_its_place_to_others(tmp_path: Path) -> None:
    async def quiet(request: messages.Events) -> AsyncIterator[messages.Event]:
        await asyncio.Event().wait()
        yield messages.Event(1, 0.0, "table", "web", "never")

    server = ControlServer(tmp_path / "s", answer, quiet)
    await server.start()
    for _ in range(20):
        reader, writer = await asyncio.open_unix_connection(server.path)
        writer.write(messages.encode_request(messages.Events(follow=True)))
        writer.write_eof()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
    assert await ask(server.path, messages.ShowTable()) == messages.Text("hello")
    await server.close()


async def test_a_fault_in_one_answer_is_told_and_the_server_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(request: messages.Request) -> object:
        if isinstance(request, messages.Status):
            raise ZeroDivisionError
        return messages.Text("hello")

    server = ControlServer(tmp_path / "s", broken, follow)
    await server.start()
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        await ask(server.path, messages.Status())
    assert await ask(server.path, messages.ShowTable()) == messages.Text("hello")
    assert "a control request broke: Status" in caplog.text
    await server.close()


async def test_closing_hangs_up_on_a_follower_without_a_word_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def never_ending(request: messages.Events) -> AsyncIterator[messages.Event]:
        yield messages.Event(1, 0.0, "table", "web", "changed")
        await asyncio.Event().wait()

    server = ControlServer(tmp_path / "s", answer, never_ending)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(server.path)
    writer.write(messages.encode_request(messages.Events(follow=True)))
    assert b"changed" in await reader.readline()
    await server.close()
    assert await reader.read() == b""
    writer.close()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_second_engine_is_refused_and_a_dead_ones_socket_is_taken_over(
    tmp_path: Path,
) -> None:
    async with a_server(tmp_path) as path:
        with pytest.raises(EngineError, match="another pulse answers"):
            await ControlServer(path, answer, follow).start()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    async with a_server(tmp_path) as path:
        assert await ask(path, messages.ShowTable()) == messages.Text("hello")


async def test_a_file_in_the_sockets_place_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "pulse.sock"
    path.write_text("precious")
    with pytest.raises(EngineError, match="is no socket"):
        await ControlServer(path, answer, follow).start()
    assert path.read_text() == "precious"


async def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="--socket"):
        await ControlServer(tmp_path / "file" / "pulse.sock", answer, follow).start()


def test_nobody_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="pulse is not running") as caught:
        client.ask(tmp_path / "none.sock", messages.Status(), messages.Text)
    assert caught.value.code == "not-running"


def test_one_who_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        with pytest.raises(EngineError, match=r"within 0.05 s"):
            client.ask(path, messages.Status(), messages.Text, timeout_s=0.05)


def test_one_who_hangs_up_in_the_middle_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "half.sock"
    with socket.socket(socket.AF_UNIX) as half:
        half.bind(str(path))
        half.listen()
        asking = socket.socket(socket.AF_UNIX)
        asking.connect(str(path))
        accepted, _ = half.accept()
        accepted.sendall(b'{"protocol"')
        accepted.close()
        with asking.makefile("rwb") as stream, pytest.raises(EngineError, match="hung up"):
            client._read(stream, messages.Text)
        asking.close()
