"""The primary comes back: it takes its role back when it knows the peer's connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from lvsengine.heartbeat.memory import MemoryNetwork
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.ipvs.plane import Counters, Usage
from tests.journeys.director import LOOK_S, ONE, PAIR_CF, TWO, Director, a_director
from tests.journeys.virtual_time import run_virtually

DELAY_S = 7
BACK = f"auto_failback = 1\nfailback_delay = {DELAY_S}\n"
SHARED = f"{BACK}syncdaemon = 1\nsyncd_iface = eth1\n"


class SharingPlane(MemoryPlane):
    """A plane in memory that passes for the one that shares connections."""

    @property
    def name(self) -> str:
        return "kernel"

    def know(self, one: int, two: int) -> None:
        """Have so many connections to each real server."""
        self.usage = Usage({}, {ONE: Counters(active=one, inactive=9), TWO: Counters(active=two)})


def state(director: Director) -> str:
    return director.engine.role.state


async def until(true: Callable[[], bool], within_s: float) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(LOOK_S)
    return loop.time() - began


def played(tmp_path: Path, more: str, *, know: bool) -> float:
    """Let the primary come back to an active backup; answer after how long it is active."""
    network, of_primary, of_backup = MemoryNetwork(), SharingPlane(), SharingPlane()
    of_primary.know(1, 2)
    of_backup.know(40, 60)
    (tmp_path / "key").write_text("1 " + "5e" * 32 + "\n")
    (tmp_path / "key").chmod(0o600)
    text = f"heartbeat_key_file = {tmp_path}/key\n{more}{PAIR_CF}"

    async def journey() -> float:
        async with a_director(
            tmp_path / "b", text, of_backup, who="backup", network=network
        ) as backup:
            await until(lambda: state(backup) == "active", 10)
            async with a_director(
                tmp_path / "a", text, of_primary, who="primary", network=network
            ) as primary:
                if know:
                    await asyncio.sleep(30)
                    assert (state(primary), state(backup)) == ("standby", "active")
                    of_primary.know(35, 57)
                took_s = await until(lambda: state(primary) == "active", 1_000)
                await until(lambda: state(backup) == "standby", 1)
                return took_s

    return run_virtually(journey())


def test_where_nothing_is_shared_it_waits_for_failback_delay_alone(tmp_path: Path) -> None:
    assert played(tmp_path, BACK, know=False) == pytest.approx(DELAY_S, abs=0.5)


def test_it_waits_until_its_kernel_knows_the_peers_connections(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert played(tmp_path, SHARED, know=True) <= 5.5
    assert "it knows 3 of the peer's 100 connections" in caplog.text
    assert "and knows 92 connections, the peer 100" in caplog.text


def test_at_the_latest_it_takes_back_when_what_was_never_told_is_forgotten(tmp_path: Path) -> None:
    more = f"{SHARED}tcp_timeout = 200\n"
    assert played(tmp_path, more, know=False) == pytest.approx(200, abs=5)
