from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from lvsengine.errors import EngineError
from lvsengine.heartbeat import driver, packet
from lvsengine.heartbeat.driver import Heartbeat
from lvsengine.heartbeat.memory import ADDRESSES, CUT, MemoryNetwork, MemoryTransport
from lvsengine.heartbeat.packet import Key
from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.transport import Receive
from lvsengine.heartbeat.values import (
    Action,
    AddressesUp,
    Ready,
    Say,
    TakeOver,
)
from lvsengine.heartbeat.words import Link, Stance
from lvsengine.net import Address
from tests.journeys.virtual_time import run_virtually
from tests.lvsengine.heartbeat.playing import BACKUP, PRIMARY

KEY = Key(7, b"k" * 32)
PUBLIC = ADDRESSES["primary"][Link.PUBLIC]
OWN = ADDRESSES["backup"][Link.PUBLIC]


def now() -> float:
    return asyncio.get_running_loop().time()


def a_backup(
    network: MemoryNetwork,
    on_action: Callable[[Action], None],
    *,
    transport: MemoryTransport | None = None,
    keys: tuple[Key, ...] = (KEY,),
) -> Heartbeat:
    return Heartbeat(
        BACKUP, transport or network.join("backup"), on_action, keys=keys, clock=now, boot=2
    )


def play(journey: Callable[[MemoryNetwork], Coroutine[Any, Any, None]]) -> None:
    run_virtually(journey(MemoryNetwork()))


@asynccontextmanager
async def running(heartbeat: Heartbeat) -> AsyncIterator[None]:
    """Run a heartbeat until the block ends."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(heartbeat.run())
        await asyncio.sleep(0)
        try:
            yield
        finally:
            task.cancel()


def test_alone_it_speaks_every_keepalive_and_takes_over_after_deadtime() -> None:
    async def journey(network: MemoryNetwork) -> None:
        actions: list[tuple[float, Action]] = []
        spoken: list[float] = []
        network.on_carry = lambda _: spoken.append(now())
        heartbeat = a_backup(network, lambda action: actions.append((now(), action)))
        async with running(heartbeat):
            await asyncio.sleep(4.5)
        assert spoken[::2] == pytest.approx([0, 1, 2, 3, 4], abs=1e-3)
        ((at, action),) = actions
        assert at == pytest.approx(3.0, abs=1e-3)
        assert isinstance(action, TakeOver)
        assert heartbeat.machine.state is State.ACTIVE

    play(journey)


def test_what_is_told_before_it_runs_waits_and_what_passed_is_no_silence() -> None:
    async def journey(network: MemoryNetwork) -> None:
        actions: list[Action] = []
        heartbeat = a_backup(network, actions.append)
        heartbeat.tell(Ready(heartbeat.now(), ok=True, revision="abc"))
        await asyncio.sleep(100)
        async with running(heartbeat):
            await asyncio.sleep(2.9)
            assert heartbeat.machine.ready.ok
            assert actions == []

    play(journey)


def test_an_action_may_be_answered_at_once() -> None:
    async def journey(network: MemoryNetwork) -> None:
        def at_once(action: Action) -> None:
            if isinstance(action, TakeOver):
                heartbeat.tell(AddressesUp(now()))
                seen.append(action)

        seen: list[Action] = []
        heartbeat = a_backup(network, at_once)
        async with running(heartbeat):
            await asyncio.sleep(10)
        assert len(seen) == 1

    play(journey)


def test_an_error_in_what_is_done_ends_it_loudly() -> None:
    async def journey(network: MemoryNetwork) -> None:
        def broken(_action: Action) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await a_backup(network, broken).run()

    play(journey)


def test_a_late_loop_is_noticed_before_what_waited_is_judged() -> None:
    async def journey(network: MemoryNetwork) -> None:
        actions: list[Action] = []
        loop = asyncio.get_running_loop()
        ahead = 0.0
        heartbeat = Heartbeat(
            BACKUP,
            network.join("backup"),
            actions.append,
            keys=(KEY,),
            clock=lambda: loop.time() + ahead,
        )
        async with running(heartbeat):
            await asyncio.sleep(2.5)
            ahead = 20.0
            await asyncio.sleep(2.9)
            assert [type(action) for action in actions] == [Say]
            await asyncio.sleep(1.2)
            assert heartbeat.machine.state is State.ACTIVE

    play(journey)


def test_the_picture_shows_the_peer_its_links_and_what_had_no_effect() -> None:
    async def journey(network: MemoryNetwork) -> None:
        primary = Heartbeat(
            PRIMARY, network.join("primary"), lambda _: None, keys=(KEY,), clock=now
        )
        backup = a_backup(network, lambda _: None)
        before = backup.peer()
        assert (before.word, before.heard_s, before.since_s) == (None, None, None)
        assert before.links[Link.PUBLIC].heard_s is None
        network.change(CUT, Link.PRIVATE)
        async with running(backup), running(primary):
            primary.tell(Ready(now(), ok=False, reasons="its table differs", revision="abc"))
            await asyncio.sleep(10.5)
            network.carry(Link.PUBLIC, PUBLIC, OWN, packet.original(Stance.ACTIVE))
            network.carry(Link.PUBLIC, PUBLIC, OWN, b"x" * 40)
            network.carry(Link.PUBLIC, OWN, OWN, b"")
            await asyncio.sleep(0.1)
            picture = backup.peer()
        assert picture.word is not None
        assert picture.word.reasons == "its table differs"
        assert picture.word.revision == "abc"
        assert 0 < (picture.heard_s or 0) <= 1.1
        assert picture.links[Link.PUBLIC].loss == 0
        assert picture.links[Link.PRIVATE].loss == 1
        rejected = {kind: picture.rejected[kind] for kind in ("old form", "forged", "elsewhere")}
        assert set(rejected.values()) == {1}

    play(journey)


def test_a_flood_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def journey(network: MemoryNetwork) -> None:
        async with running(a_backup(network, lambda _: None)):
            for _ in range(2000):
                network.carry(Link.PUBLIC, PUBLIC, OWN, b"x" * 100)
                network.carry(Link.PUBLIC, OWN, OWN, b"x")
            await asyncio.sleep(1)

    with caplog.at_level(logging.DEBUG, "pulse"):
        play(journey)
    assert len(caplog.messages) == 8
    assert "Unexpected heartbeat (elsewhere from 192.168.26.8, 1000 so far)" in caplog.messages


def test_without_a_key_the_original_lines_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    async def journey(network: MemoryNetwork) -> None:
        heartbeat = a_backup(network, lambda _: None, keys=())
        async with running(heartbeat):
            network.carry(Link.PUBLIC, PUBLIC, OWN, b"abc")
            network.carry(Link.PUBLIC, PUBLIC, OWN, (0xBEEFBABE).to_bytes(4, sys.byteorder))
            network.carry(Link.PUBLIC, PUBLIC, OWN, packet.original(Stance.STANDBY))
            await asyncio.sleep(0.1)
            assert heartbeat.peer().word is not None

    with caplog.at_level(logging.INFO, "pulse"):
        play(journey)
    assert sorted(caplog.messages) == [
        "Incompatible heartbeat received -- other system not using identical services"
        " (foreign family from 192.168.26.9, 1 so far)",
        "bad heartbeat packet (bad length from 192.168.26.9, 1 so far)",
    ]


class Broken(MemoryTransport):
    """One whose private link refuses to send."""

    def send(self, link: Link, data: bytes) -> str:
        if link is Link.PRIVATE:
            return "Network is down"
        return super().send(link, data)


def test_a_link_that_cannot_send_is_said_once_and_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def journey(network: MemoryNetwork) -> None:
        heartbeat = a_backup(network, lambda _: None, transport=Broken(network, "backup"))
        async with running(heartbeat):
            await asyncio.sleep(5)
            links = heartbeat.peer().links
            assert (links[Link.PUBLIC].failed, links[Link.PRIVATE].failed) == (
                "",
                "Network is down",
            )

    play(journey)
    assert caplog.messages == ["Warning -- failed to send heartbeat (private if): Network is down"]


def test_a_reload_changes_links_and_times_but_not_who_is_active() -> None:
    async def journey(network: MemoryNetwork) -> None:
        actions: list[Action] = []
        heartbeat = a_backup(network, actions.append)
        async with running(heartbeat):
            await asyncio.sleep(4)
            assert heartbeat.machine.state is State.ACTIVE
            actions.clear()
            spoken: list[float] = []
            network.on_carry = lambda _: spoken.append(now())
            quicker = replace(BACKUP, keepalive_s=0.1, deadtime_s=0.3, links=(Link.PUBLIC,))
            heartbeat.configure(quicker, (KEY,), network.join("backup"))
            await asyncio.sleep(1.05)
            assert len(spoken) == pytest.approx(10, abs=1)
            assert heartbeat.machine.state is State.ACTIVE
            assert set(heartbeat.peer().links) == {Link.PUBLIC}
            assert actions == []

    play(journey)


def test_a_reload_before_it_runs_opens_nothing_yet() -> None:
    async def journey(network: MemoryNetwork) -> None:
        heartbeat = a_backup(network, lambda _: None)
        heartbeat.configure(BACKUP, (KEY,), network.join("backup"))
        await asyncio.sleep(1)
        assert heartbeat.peer().word is None

    play(journey)


class Unopenable(MemoryTransport):
    def open(self, receive: Receive) -> None:
        raise EngineError("no-heartbeat-socket", "failed to bind")


def test_a_socket_that_cannot_be_had_ends_it() -> None:
    async def journey(network: MemoryNetwork) -> None:
        with pytest.raises(EngineError, match="failed to bind"):
            await a_backup(network, lambda _: None, transport=Unopenable(network, "backup")).run()

    play(journey)


async def test_by_default_it_goes_by_the_clock_that_sleep_does_not_stop() -> None:
    sent: list[bytes] = []

    class Listening(MemoryTransport):
        @property
        def sources(self) -> frozenset[Address]:
            return frozenset()

        def send(self, link: Link, data: bytes) -> str:
            sent.append(data)
            return ""

    settings = replace(BACKUP, keepalive_s=0.01, deadtime_s=60.0)
    heartbeat = Heartbeat(settings, Listening(MemoryNetwork(), "backup"), lambda _: None)
    assert heartbeat.now() == pytest.approx(driver.steady(), abs=5)
    async with running(heartbeat), asyncio.timeout(5):
        while len(sent) < 6:
            await asyncio.sleep(0.005)
