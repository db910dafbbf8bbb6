"""What becomes of the sync daemon of a director that is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lvsengine.crossing import Crossing
from lvsengine.engine import LINGER_S
from lvsengine.heartbeat import keys
from lvsengine.heartbeat.memory import MemoryNetwork
from lvsengine.hush.apply import Hushing
from lvsengine.ipvs.syncd import SyncRole
from tests.journeys.director import LOOK_S, PAIR_CF, Director, a_director, settle
from tests.journeys.virtual_time import run_virtually
from tests.lvsengine.sharing import Kernel, Listing

SHARED = f"syncdaemon = 1\nsyncd_iface = eth1\n{PAIR_CF}"


@asynccontextmanager
async def an_active(folder: Path, kernel: Kernel) -> AsyncIterator[tuple[Director, Director]]:
    """The primary, which serves and shares by `kernel`, and its backup."""
    keys.create(folder / "key")
    text = f"heartbeat_key_file = {folder}/key\n{SHARED}"
    network = MemoryNetwork()
    crossing = Crossing(kernel, Hushing(()), telling=Listing().telling, check=lambda: ())
    async with (
        a_director(folder / "b", text, who="backup", network=network) as backup,
        a_director(
            folder / "a",
            text,
            who="primary",
            network=network,
            change=lambda parts: replace(parts, crossing=crossing),
        ) as primary,
    ):
        async with asyncio.timeout(10):
            while primary.engine.role.state != "active":
                await asyncio.sleep(LOOK_S)
        await settle()
        yield primary, backup


@pytest.mark.parametrize(
    ("leave_running", "meanwhile", "after"),
    [(False, [SyncRole.SENDER], []), (True, [SyncRole.RECEIVER], [SyncRole.RECEIVER])],
    ids=["ends", "goes on"],
)
def test_who_is_stopped_puts_the_daemon_away_and_what_goes_on_listens(
    tmp_path: Path, leave_running: bool, meanwhile: list[SyncRole], after: list[SyncRole]
) -> None:
    async def journey() -> None:
        kernel = Kernel()
        async with an_active(tmp_path, kernel) as (primary, backup):
            assert kernel.roles == [SyncRole.SENDER]
            primary.engine.stop(leave_running=leave_running)
            await settle(LINGER_S / 2)
            assert backup.engine.role.state == "active"
            assert kernel.roles == meanwhile
            await settle(LINGER_S)
            assert kernel.roles == after

    run_virtually(journey())
