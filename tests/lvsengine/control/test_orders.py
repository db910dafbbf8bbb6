"""Real users at a real socket: who may order, and who may only ask. Only root can be others."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lvsengine.control import messages
from lvsengine.control.server import ControlServer
from lvsengine.health import Override
from tests.lvsengine.trusted import a_trusted_folder

STRANGER, GROUP = 64001, 64002
# Becomes somebody else, asks, and prints the answer; it imports nothing afterwards.
ASK = """
import os, socket, sys
path, uid, gid, further, line = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4], sys.argv[5]
connection = socket.socket(socket.AF_UNIX)
os.setgroups([int(further)] if further else [])
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
connection.connect(path)
connection.sendall(line.encode())
print(connection.makefile().readline())
"""


class Spy:
    """Answers, and remembers what got through."""

    def __init__(self) -> None:
        self.asked: list[messages.Request] = []

    async def answer(self, request: messages.Request) -> object:
        self.asked.append(request)
        return messages.Text("done")

    async def follow(self, request: messages.Events) -> AsyncIterator[messages.Event]:
        yield messages.Event(1, 0.0, "table", "web", "changed")


async def ask(
    spy: Spy, path: Path, request: messages.Request, uid: int, gid: int, further: str = ""
) -> str:
    """Ask as another user, at a socket that belongs to `GROUP` but that everybody may open."""
    server = ControlServer(path, spy.answer, spy.follow)
    await server.start()
    os.chown(path, -1, GROUP)
    path.chmod(0o666)
    line = messages.encode_request(request).decode()
    words = [sys.executable, "-c", ASK, str(path), str(uid), str(gid), further, line]
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True)
    await server.close()
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def spy() -> Spy:
    return Spy()


ORDERS = (
    messages.Reload("x"),
    messages.StandBy(by="x"),
    messages.TakeOver(force=True),
    messages.SetOverride("web", "one", Override.DOWN, "root"),
)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
async def test_a_stranger_who_can_connect_orders_nothing(
    spy: Spy, order: messages.Request, caplog: pytest.LogCaptureFixture
) -> None:
    with a_trusted_folder() as folder:
        told = await ask(spy, folder / "s", order, STRANGER, STRANGER)
    assert f"user {STRANGER} may ask pulse, and order nothing" in told
    assert spy.asked == []
    assert f"by={STRANGER}" in caplog.text


async def test_a_stranger_may_ask(spy: Spy) -> None:
    with a_trusted_folder() as folder:
        told = await ask(spy, folder / "s", messages.Status(), STRANGER, STRANGER)
        events = await ask(spy, folder / "s", messages.Events(), STRANGER, STRANGER)
    assert "done" in told
    assert "changed" in events


@pytest.mark.parametrize(
    ("gid", "further"), [(GROUP, ""), (STRANGER, str(GROUP))], ids=["primary", "further"]
)
async def test_a_member_of_the_group_orders_and_is_named(spy: Spy, gid: int, further: str) -> None:
    with a_trusted_folder() as folder:
        told = await ask(spy, folder / "s", messages.Reload("ann"), STRANGER, gid, further)
    assert "done" in told
    assert spy.asked == [messages.Reload(f"ann through {STRANGER}")]


async def test_what_an_order_claims_is_never_all_that_is_told_of_who_gave_it(spy: Spy) -> None:
    with a_trusted_folder() as folder:
        await ask(spy, folder / "s", messages.StandBy(by="root"), STRANGER, GROUP)
    assert spy.asked == [messages.StandBy(by=f"root through {STRANGER}")]


async def test_root_orders_whatever_its_group(spy: Spy) -> None:
    with a_trusted_folder() as folder:
        await ask(spy, folder / "s", messages.StandBy(), 0, STRANGER)
    assert spy.asked == [messages.StandBy(by="root")]


async def test_the_socket_is_given_to_the_group_that_may_use_it(spy: Spy, tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "s", spy.answer, spy.follow, group="daemon")
    await server.start()
    made = (tmp_path / "s").stat()
    await server.close()
    assert (made.st_gid, made.st_mode & 0o777) == (1, 0o660)


async def test_without_such_a_group_it_stays_the_engine_s_own(spy: Spy, tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "s", spy.answer, spy.follow, group="no-such-group")
    await server.start()
    made = (tmp_path / "s").stat()
    await server.close()
    assert (made.st_gid, made.st_mode & 0o777) == (os.getegid(), 0o660)
