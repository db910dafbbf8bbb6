"""systemd is told that a director moves, for as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from lvsengine import watchdog
from lvsengine.heartbeat.driver import Timer, later
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.ipvs.table import ServiceKey, Table
from lvsengine.parts import Parts
from lvsengine.watchdog import Watchdog
from tests.journeys.director import PAIR_CF, a_director, settle
from tests.journeys.virtual_time import run_virtually

PATIENCE_S = 10.0
LONGEST_S = max(watchdog.LONGEST_S.values())


class Manager:
    """systemd: remembers when it was told."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def watch(self, parts: Parts) -> Parts:
        return replace(parts, watchdog=Watchdog(PATIENCE_S, self._tell))

    def _tell(self) -> None:
        self.told.append(asyncio.get_running_loop().time())

    async def waits_in_vain(self) -> bool:
        """Whether it would have ended the engine, once every part had the time it may take."""
        await settle(LONGEST_S + 60)
        return asyncio.get_running_loop().time() - self.told[-1] > PATIENCE_S


class HangingPlane(MemoryPlane):
    hangs = False

    async def read(self, only: Collection[ServiceKey] | None = None) -> Table:
        while self.hangs:
            await asyncio.sleep(1)
        return await super().read(only)


def test_systemd_is_told_twice_within_its_patience(tmp_path: Path) -> None:
    async def story() -> None:
        manager = Manager()
        async with a_director(tmp_path, change=manager.watch):
            await settle(600)
        assert len(manager.told) >= 120
        assert max(after - before for before, after in pairwise(manager.told)) <= PATIENCE_S / 2

    run_virtually(story())


def test_a_director_that_waits_for_the_kernel_for_ever_is_ended_by_systemd(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        manager, plane = Manager(), HangingPlane()
        async with a_director(tmp_path, plane=plane, change=manager.watch):
            plane.hangs = True
            assert await manager.waits_in_vain()
            plane.hangs = False
            assert not await manager.waits_in_vain()

    run_virtually(story())
    said = [line for line in caplog.messages if "stands still" in line]
    assert said == ["systemd is not told that all is well: lvs stands still"]


def test_a_heartbeat_whose_clock_was_lost_is_found(tmp_path: Path) -> None:
    losing = False

    def sometimes(delay_s: float, call: Callable[[], None]) -> Timer:
        return later(delay_s, (lambda: None) if losing else call)

    async def story() -> None:
        nonlocal losing
        manager = Manager()

        def change(parts: Parts) -> Parts:
            return replace(manager.watch(parts), later=sometimes)

        async with a_director(tmp_path, PAIR_CF, who="primary", change=change) as director:
            assert not await manager.waits_in_vain()
            losing = True
            assert await manager.waits_in_vain()
            director.crash()  # its last handover would wait for ever, too

    run_virtually(story())


@pytest.mark.parametrize(
    ("environ", "patience_s"),
    [
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "42"}, 10.0),
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "43"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({"WATCHDOG_USEC": ""}, 0.0),
        ({}, 0.0),
    ],
)
def test_it_is_told_only_by_the_process_that_was_asked(
    environ: dict[str, str], patience_s: float
) -> None:
    assert watchdog.asked(environ, 42).patience_s == patience_s


def test_a_director_that_nobody_watches_tells_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        manager = Manager()
        silent = Watchdog(0.0, manager._tell)
        async with a_director(tmp_path, change=lambda parts: replace(parts, watchdog=silent)):
            await settle(60)
        assert manager.told == []

    run_virtually(story())


def test_an_engine_that_leaves_the_kernel_running_takes_nothing_away(tmp_path: Path) -> None:
    """What `systemctl kill -s USR1 pulse` asks for, before an upgrade."""

    async def story() -> None:
        async with a_director(tmp_path) as director:
            await settle(5)
            before, held = await director.weights(), await director.held()
            assert before
            assert held
            director.engine.stop(leave_running=True)
        assert (await director.weights(), await director.held()) == (before, held)

    run_virtually(story())
