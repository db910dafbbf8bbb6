"""Journeys of one director: a weight is edited, a real server dies, the engine is restarted."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path

import pytest

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.health import Override
from lvsengine.heartbeat.memory import MemoryNetwork
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.ipvs.plane import Counters, Usage
from lvsengine.ipvs.table import AddressKey, Destination, Service
from lvsengine.lvscf import edits, store
from lvsengine.net import Forwarding, Protocol
from lvsengine.snapshot import Snapshot
from lvsengine.traffic import STEP_S
from lvsengine.vip.memory import MemoryAddresses
from tests.journeys.director import (
    LVS_CF,
    ONE,
    PAIR_CF,
    SHOP,
    TRY_S,
    TWO,
    a_director,
    ask,
    real_server,
    settle,
    until,
)
from tests.journeys.virtual_time import run_virtually

INTERVAL_S = 6
REENTRY_S = 15
SLACK_S = 0.05


def test_a_weight_is_edited(tmp_path: Path) -> None:
    """One line and serial_no change in the file, one entry in the plane, and it says so."""

    async def journey() -> None:
        async with a_director(tmp_path) as director:
            await settle()
            assert await director.weights() == {ONE: 1, TWO: 1}
            before = director.path.read_text()
            director.plane.applied.clear()

            loaded = store.load(director.path)
            tree = edits.with_next_serial(edits.with_weight(loaded.tree, "shop", "one", 5))
            revision = store.save(director.path, str(tree), expected=loaded.revision)
            reply = await ask(director, messages.Reload(), messages.Reloaded)

            assert reply.revision == revision
            assert reply.changes == ("-e -t 192.0.2.100:80 -r 10.9.9.21:80 -m -w 5",)
            assert director.plane.applied == [
                Change(Verb.SET, ONE, Destination(5, Forwarding.NAT))
            ]
            assert differing_lines(before, director.path.read_text()) == [
                ("serial_no = 7", "serial_no = 8"),
                ("         weight = 1", "         weight = 5"),
            ]
            assert await director.weights() == {ONE: 5, TWO: 1}

    run_virtually(journey())


def test_a_plan_and_a_reload_name_the_virtual_ips_that_come_and_go(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_director(tmp_path) as director:
            await settle()
            moved = LVS_CF.replace("192.0.2.100 eth0:1", "192.0.2.101 eth0:1")
            changes = (
                "remove 192.0.2.100/24 on eth0:1",
                "add 192.0.2.101/24 on eth0:1",
            )

            planned = await ask(director, messages.Plan(moved), messages.Planned)
            assert planned.addresses == changes
            assert await director.held() == {"192.0.2.100", "10.9.9.254"}

            director.path.write_text(moved)
            reply = await ask(director, messages.Reload(), messages.Reloaded)
            assert reply.addresses == changes
            assert await director.held() == {"192.0.2.101", "10.9.9.254"}

    run_virtually(journey())


def test_a_standby_plans_no_virtual_ip(tmp_path: Path) -> None:
    async def journey() -> None:
        network = MemoryNetwork()
        async with a_director(tmp_path, PAIR_CF, who="primary", network=network) as director:
            moved = PAIR_CF.replace("192.0.2.100 eth0:1", "192.0.2.101 eth0:1")
            planned = await ask(director, messages.Plan(moved), messages.Planned)
            assert planned.addresses == ()

    run_virtually(journey())


def test_an_unsound_file_changes_nothing_and_every_problem_is_told(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_director(tmp_path) as director:
            await settle()
            director.plane.applied.clear()
            text = LVS_CF.replace("weight = 1", "weight = heavy")
            director.path.write_text(text)

            with pytest.raises(EngineError) as caught:
                await ask(director, messages.Reload(), messages.Reloaded)

            assert caught.value.code == "unsound"
            assert caught.value.hint.count("heavy") == 2
            assert director.plane.applied == []
            status = await ask(director, messages.Status(), Snapshot)
            assert status.revision != status.file_revision
            assert await director.weights() == {ONE: 1, TWO: 1}

    run_virtually(journey())


def test_a_real_server_dies_and_comes_back(tmp_path: Path) -> None:
    """It is out within interval + timeout, with its reason, and in again after re-entry."""

    async def journey() -> None:
        async with a_director(tmp_path) as director:
            await settle()
            loop = asyncio.get_running_loop()
            director.real_servers.dead.add("10.9.9.21")
            died_at = loop.time()
            await until(director, {TWO: 1})
            assert loop.time() - died_at <= INTERVAL_S + INTERVAL_S + SLACK_S

            one = await real_server(director, "one")
            assert (one.health, one.effective_weight) == ("down", None)
            assert one.reason == "no answer on 10.9.9.21:80 within 6 s"

            director.real_servers.dead.clear()
            back_at = loop.time()
            await until(director, {TWO: 1, ONE: 1})
            needed = REENTRY_S // INTERVAL_S
            assert loop.time() - back_at <= (needed + 1) * INTERVAL_S + TRY_S + SLACK_S

    run_virtually(journey())


def test_a_drain_outlives_a_crash_and_ends_when_told(tmp_path: Path) -> None:
    async def journey() -> None:
        plane, addresses = MemoryPlane(), MemoryAddresses()
        async with a_director(tmp_path, plane=plane, addresses=addresses) as director:
            await settle()
            order = messages.SetOverride("shop", "one", Override.DRAIN)
            told = await ask(director, order, messages.Explained)
            assert (told.override, told.serves) == ("drain", False)
            assert await director.weights() == {ONE: 0, TWO: 1}
            director.crash()
        async with a_director(tmp_path, plane=plane, addresses=addresses) as director:
            await settle()
            assert await director.weights() == {ONE: 0, TWO: 1}
            order = messages.SetOverride("shop", "one", Override.AUTO)
            await ask(director, order, messages.Explained)
            assert await director.weights() == {ONE: 1, TWO: 1}

    run_virtually(journey())


def test_a_restarted_engine_adopts_what_it_finds_and_changes_nothing(tmp_path: Path) -> None:
    async def journey() -> None:
        plane, addresses = MemoryPlane(), MemoryAddresses()
        async with a_director(tmp_path, plane=plane, addresses=addresses) as director:
            await settle()
            director.crash()
        plane.applied.clear()
        addresses.applied.clear()
        async with a_director(tmp_path, plane=plane, addresses=addresses) as director:
            assert await director.weights() == {ONE: 1, TWO: 1}
            await settle(30)
            assert plane.applied == []
            assert addresses.applied == []

    run_virtually(journey())


def test_what_a_crashed_engine_made_and_lvs_cf_no_longer_names_is_taken_away(
    tmp_path: Path,
) -> None:
    async def journey() -> None:
        plane, addresses = MemoryPlane(), MemoryAddresses()
        async with a_director(tmp_path, plane=plane, addresses=addresses) as director:
            await settle()
            director.crash()
        path = tmp_path / "lvs.cf"
        path.write_text(path.read_text().replace("192.0.2.100", "192.0.2.101"))
        async with a_director(tmp_path, plane=plane, addresses=addresses) as director:
            await settle()
            services = (await plane.read()).services
            assert [str(key) for key in services] == ["tcp 192.0.2.101:80"]
            assert await director.held() == {"192.0.2.101", "10.9.9.254"}

    run_virtually(journey())


def test_foreign_services_outlive_start_reload_and_stop(tmp_path: Path) -> None:
    foreign = AddressKey(Protocol.UDP, ip_address("198.51.100.1"), 53)

    async def journey() -> None:
        plane = MemoryPlane()
        await plane.apply([Change(Verb.ADD, foreign, Service())])
        async with a_director(tmp_path, plane=plane) as director:
            await settle()
            await ask(director, messages.Reload(), messages.Reloaded)
            assert set((await plane.read()).services) == {foreign, SHOP}
        assert set((await plane.read()).services) == {foreign}

    run_virtually(journey())


def test_stopping_takes_all_away_unless_told_to_leave_it(tmp_path: Path) -> None:
    async def journey() -> None:
        plane, addresses = MemoryPlane(), MemoryAddresses()
        async with a_director(
            tmp_path / "a", plane=plane, addresses=addresses, leave_running=True
        ) as director:
            await settle()
        assert set(await director.weights()) == {ONE, TWO}
        assert await director.held() == {"192.0.2.100", "10.9.9.254"}
        (tmp_path / "a").rename(tmp_path / "b")
        async with a_director(tmp_path / "b", plane=plane, addresses=addresses) as director:
            await settle()
        assert await director.weights() == {}
        assert await director.held() == set()

    run_virtually(journey())


def test_addresses_are_announced_after_the_table_stands(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_director(tmp_path) as director:
            await settle()
            held = {str(address.address) for address in director.announced}
            assert held == {"192.0.2.100", "10.9.9.254"}

    run_virtually(journey())


def test_drift_made_behind_our_back_is_mended(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_director(tmp_path) as director:
            await settle()
            await director.plane.apply([Change(Verb.REMOVE, ONE)])
            await settle(31)
            assert await director.weights() == {ONE: 1, TWO: 1}

    run_virtually(journey())


def differing_lines(before: str, after: str) -> list[tuple[str, str]]:
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [(one, other) for one, other in pairs if one != other]


def test_the_last_hours_traffic_outlives_a_reload(tmp_path: Path) -> None:
    """Every 30 s a sample of what went through; a graph is asked for by its virtual server."""

    async def journey() -> None:
        async with a_director(tmp_path) as director:
            await settle()
            gone = Counters(connections=60, bytes_in=3000)
            director.plane.usage = Usage({SHOP: gone}, {})
            await settle(STEP_S)
            await ask(director, messages.Reload(), messages.Reloaded)
            await settle(STEP_S)

            graphs = await ask(director, messages.ShowTraffic(("shop",)), messages.Graphs)
            assert graphs.step_s == STEP_S
            assert graphs.graphs == (messages.Graph("shop", (2.0, 0.0), (100.0, 0.0), (0.0, 0.0)),)
            everything = await ask(director, messages.ShowTraffic(), messages.Graphs)
            assert everything == graphs

    run_virtually(journey())
