"""Journeys of two directors: whole engines on planes in memory, talking over a memory network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lvsengine.answers import Answers
from lvsengine.control import messages
from lvsengine.duty import GRACE_S
from lvsengine.engine import LINGER_S
from lvsengine.errors import EngineError
from lvsengine.heartbeat import keys
from lvsengine.heartbeat.memory import ADDRESSES, CUT, FAIR, MemoryNetwork
from lvsengine.heartbeat.words import Link
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.snapshot import Snapshot
from lvsengine.vip.memory import MemoryAddresses
from tests.journeys.director import LOOK_S, ONE, PAIR_CF, TWO, Director, a_director, ask, settle
from tests.journeys.virtual_time import run_virtually

KEEPALIVE_S = 1.0
DEADTIME_S = 3.0
SLACK_S = 0.1
VIRTUAL_IPS = {"192.0.2.100", "10.9.9.254"}


@dataclass
class TwoDirectors:
    primary: Director
    backup: Director
    network: MemoryNetwork

    async def held(self) -> tuple[set[str], set[str]]:
        return await self.primary.held(), await self.backup.held()


@asynccontextmanager
async def a_pair(
    folder: Path, more: str = "", *, signed: bool = True, network: str = "nat"
) -> AsyncIterator[TwoDirectors]:
    between = MemoryNetwork()
    text = more + PAIR_CF.replace("network = nat\n", f"network = {network}\n")
    if signed:
        keys.create(folder / "key")
        text = f"heartbeat_key_file = {folder}/key\n{text}"
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        backup = await enter(a_director(folder / "b", text, who="backup", network=between))
        primary = await enter(a_director(folder / "a", text, who="primary", network=between))
        pair = TwoDirectors(primary, backup, between)
        await until(lambda: state(primary) == "active", DEADTIME_S * 2)
        yield pair


def state(director: Director) -> str:
    return director.engine.role.state


async def order(director: Director, request: messages.Request) -> str:
    """Give an order. Not over the socket: the clock stands still while a thread waits there."""
    answer = await Answers(director.engine).answer(request)
    assert isinstance(answer, messages.Text)
    return answer.text


async def until(true: Callable[[], bool], within_s: float) -> float:
    """Wait for it; answer how many seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(LOOK_S)
    return loop.time() - began


async def status(director: Director) -> Snapshot:
    return await ask(director, messages.Status(), Snapshot)


def test_of_a_pair_that_starts_the_primary_serves_and_the_backup_is_ready(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle()
            assert await pair.held() == (VIRTUAL_IPS, set())
            assert await pair.backup.weights() == {ONE: 1, TWO: 1}
            shown = await status(pair.backup)
            assert (shown.role, shown.state, shown.not_ready) == ("backup", "standby", ())
            assert shown.peer is not None
            assert (shown.peer.state, shown.peer.heard_s is not None) == ("active", True)

    run_virtually(journey())


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "original"])
def test_the_active_director_dies_and_the_standby_serves_within_deadtime(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, signed: bool
) -> None:
    caplog.set_level("INFO")

    async def journey() -> None:
        async with a_pair(tmp_path, signed=signed) as pair:
            await settle(5)
            pair.backup.announced.clear()
            pair.primary.crash()
            took_s = await until(lambda: state(pair.backup) == "active", DEADTIME_S * 2)
            assert took_s <= DEADTIME_S + KEEPALIVE_S + SLACK_S
            await settle()
            assert await pair.backup.held() == VIRTUAL_IPS
            assert {str(held.address) for held in pair.backup.announced} == VIRTUAL_IPS
            told = await ask(pair.backup, messages.ShowHistory(), messages.History)
            (change,) = told.changes
            assert (change.state, change.cause) == ("active", "peer dead")
            assert "no heartbeat from the primary" in change.reason

    run_virtually(journey())
    assert "partner dead: activating lvs" in caplog.text


def test_a_rival_that_still_answers_for_a_virtual_ip_is_named(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(5)
            pair.backup.rivals.append("somebody else still answers for 192.0.2.100")
            pair.primary.crash()
            await until(lambda: state(pair.backup) == "active", DEADTIME_S * 2)
            await settle()
            assert pair.backup.rivals[0] in (await status(pair.backup)).warnings

    run_virtually(journey())


def test_the_returning_director_removes_what_its_crash_left_and_stands_by(tmp_path: Path) -> None:
    async def journey() -> None:
        network, plane, addresses = MemoryNetwork(), MemoryPlane(), MemoryAddresses()
        async with a_director(tmp_path / "b", PAIR_CF, who="backup", network=network) as backup:
            async with a_director(
                tmp_path / "a", PAIR_CF, plane, addresses, who="primary", network=network
            ) as primary:
                await until(lambda: state(primary) == "active", DEADTIME_S * 2)
                await settle()
                primary.crash()
            await until(lambda: state(backup) == "active", DEADTIME_S * 2)
            assert {str(entry.address) for entry in await addresses.read()} == VIRTUAL_IPS
            async with a_director(
                tmp_path / "a", PAIR_CF, plane, addresses, who="primary", network=network
            ) as primary:
                assert await primary.held() == set()
                await settle(DEADTIME_S * 3)
                assert (state(primary), state(backup)) == ("standby", "active")

    run_virtually(journey())


def test_the_history_is_told_after_a_restart_too(tmp_path: Path) -> None:
    async def journey() -> None:
        network, folder = MemoryNetwork(), tmp_path / "a"
        async with a_director(folder, PAIR_CF, who="primary", network=network) as primary:
            await until(lambda: state(primary) == "active", DEADTIME_S * 2)
            await settle()
        async with a_director(folder, PAIR_CF, who="primary", network=network) as primary:
            told = await ask(primary, messages.ShowHistory(), messages.History)
            assert [change.state for change in told.changes] == ["active", "standby"]
            assert [change.cause for change in told.changes] == ["peer dead", "stop"]

    run_virtually(journey())


def test_a_planned_handover_never_leaves_an_address_unheld(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(DEADTIME_S * 2)
            gaps: list[float] = []

            async def watch() -> None:
                while state(pair.primary) != "standby":
                    ours, theirs = await pair.held()
                    if ours | theirs != VIRTUAL_IPS:
                        gaps.append(asyncio.get_running_loop().time())
                    await asyncio.sleep(0.0001)

            async with asyncio.TaskGroup() as group:
                group.create_task(watch())
                assert await order(pair.primary, messages.StandBy())
            await settle()
            assert gaps == []
            assert (state(pair.primary), state(pair.backup)) == ("standby", "active")
            assert await pair.held() == (set(), VIRTUAL_IPS)

    run_virtually(journey())


def test_a_giver_serves_on_until_neighbours_have_followed_the_taker(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(DEADTIME_S * 2)
            pair.backup.announced.clear()
            pair.primary.engine.stop()
            await until(lambda: bool(pair.backup.announced), 1)
            assert await pair.held() == (VIRTUAL_IPS, VIRTUAL_IPS)
            await settle(GRACE_S - 2 * LOOK_S)
            assert await pair.held() == (VIRTUAL_IPS, VIRTUAL_IPS)
            await settle(3 * LOOK_S)
            assert await pair.held() == (set(), VIRTUAL_IPS)

    run_virtually(journey())


def test_what_a_director_that_has_just_taken_over_tells_is_true_at_once(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(DEADTIME_S * 2)
            pair.primary.crash()
            await until(lambda: bool(pair.backup.announced), DEADTIME_S * 2)
            shown = await Answers(pair.backup.engine).answer(messages.Status())
            assert isinstance(shown, Snapshot)
            assert {one.address for one in shown.addresses if one.held == "ours"} == VIRTUAL_IPS

    run_virtually(journey())


def test_the_standby_takes_over_by_order(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(DEADTIME_S * 2)
            await order(pair.backup, messages.TakeOver())
            await settle()
            assert await pair.held() == (set(), VIRTUAL_IPS)

    run_virtually(journey())


def test_a_standby_that_is_not_ready_is_not_handed_the_role_unless_forced(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(DEADTIME_S * 2)
            pair.backup.real_servers.dead.update({"10.9.9.21", "10.9.9.22"})
            await settle(15)
            with pytest.raises(EngineError, match="real servers are down as seen from here"):
                await order(pair.primary, messages.StandBy())
            assert state(pair.primary) == "active"
            await order(pair.primary, messages.StandBy(force=True))
            await settle()
            assert state(pair.backup) == "active"

    run_virtually(journey())


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "original"])
def test_a_director_that_is_stopped_hands_over_first(tmp_path: Path, signed: bool) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path, signed=signed) as pair:
            await settle(DEADTIME_S * 2)
            pair.primary.engine.stop()
            assert await until(lambda: state(pair.backup) == "active", 1) <= SLACK_S
            await settle()
            assert await pair.backup.held() == VIRTUAL_IPS

    run_virtually(journey())


def test_what_still_comes_to_a_director_that_has_handed_over_meets_a_table(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(DEADTIME_S * 2)
            table = await pair.primary.weights()
            pair.primary.engine.stop()
            await until(lambda: state(pair.backup) == "active", 1)
            await settle(LINGER_S / 2)
            assert await pair.primary.held() == set()
            assert await pair.primary.weights() == table
            await settle(LINGER_S)
            assert await pair.primary.weights() == {}

    run_virtually(journey())


def test_a_reload_takes_new_timing_and_never_changes_who_is_active(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(DEADTIME_S * 2)
            for director in (pair.backup, pair.primary):
                text = director.path.read_text().replace("keepalive = 1", "keepalive = 0.1")
                director.path.write_text(text.replace("deadtime = 3", "deadtime = 0.3"))
                await ask(director, messages.Reload(), messages.Reloaded)
            await settle()
            assert (state(pair.primary), state(pair.backup)) == ("active", "standby")
            pair.primary.crash()
            assert await until(lambda: state(pair.backup) == "active", 1) <= 0.4 + SLACK_S

    run_virtually(journey())


@pytest.mark.parametrize("link", Link)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "original"])
def test_by_nat_a_director_that_loses_either_link_is_relieved_at_once(
    tmp_path: Path, link: Link, signed: bool
) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path, "monitor_links = 1\n", signed=signed) as pair:
            await settle(DEADTIME_S * 2)
            pull(pair.primary, link)
            pair.network.change(CUT, link)
            assert await until(lambda: state(pair.backup) == "active", 1) <= 2 * SLACK_S
            await settle()
            assert await pair.held() == (set(), VIRTUAL_IPS)
            shown = await status(pair.primary)
            assert any("no carrier" in reason for reason in shown.not_ready)
            plug(pair.primary, link)
            pair.network.change(FAIR)
            await settle(DEADTIME_S * 2)
            assert (state(pair.primary), state(pair.backup)) == ("standby", "active")

    run_virtually(journey())


def who(director: Director) -> str:
    return "primary" if director.path.parent.name == "a" else "backup"


def pull(director: Director, link: Link) -> None:
    director.links[0].pull(ADDRESSES[who(director)][link])


def plug(director: Director, link: Link) -> None:
    director.links[0].plug(ADDRESSES[who(director)][link])


@pytest.mark.parametrize("link", Link)
def test_a_switch_that_dies_and_comes_back_moves_nobody(tmp_path: Path, link: Link) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path, "monitor_links = 1\n") as pair:
            await settle(DEADTIME_S * 2)
            pair.network.change(CUT, link)
            for director in (pair.primary, pair.backup):
                pull(director, link)
            await settle(DEADTIME_S * 3)
            assert await pair.held() == (VIRTUAL_IPS, set())
            pair.network.change(FAIR)
            for director in (pair.backup, pair.primary):
                plug(director, link)
            await settle(DEADTIME_S * 3)
            assert await pair.held() == (VIRTUAL_IPS, set())

    run_virtually(journey())


def test_by_direct_routing_the_checks_say_whether_a_lost_private_link_is_needed(
    tmp_path: Path,
) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path, "monitor_links = 1\n", network="direct") as pair:
            await settle(DEADTIME_S * 2)
            pull(pair.primary, Link.PRIVATE)
            pair.network.change(CUT, Link.PRIVATE)
            await settle(DEADTIME_S * 3)
            assert state(pair.primary) == "active", "its real servers are up"
            pair.primary.real_servers.dead.update({"10.9.9.21", "10.9.9.22"})
            await until(lambda: state(pair.backup) == "active", 20)
            await settle()
            assert state(pair.primary) == "standby"

    run_virtually(journey())


def test_a_standby_that_reaches_no_witness_takes_itself_for_the_isolated_one(
    tmp_path: Path,
) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path, "witness = 10.9.9.21\n") as pair:
            await settle(DEADTIME_S * 2)
            pair.backup.witness_answers = False
            pair.network.change(CUT)
            await settle(DEADTIME_S * 3)
            assert await pair.held() == (VIRTUAL_IPS, set())
            pair.backup.witness_answers = True
            await until(lambda: state(pair.backup) == "active", DEADTIME_S * 3)

    run_virtually(journey())


def test_after_a_split_the_backup_lets_go_and_then_the_primary_announces_again(
    tmp_path: Path,
) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            await settle(DEADTIME_S * 2)
            pair.network.change(CUT)
            await settle(DEADTIME_S * 2)
            assert await pair.held() == (VIRTUAL_IPS, VIRTUAL_IPS)
            pair.primary.announced.clear()
            pair.network.change(FAIR)
            await settle(DEADTIME_S)
            assert await pair.held() == (VIRTUAL_IPS, set())
            assert {str(held.address) for held in pair.primary.announced} == VIRTUAL_IPS

    run_virtually(journey())


def test_a_cold_standby_checks_nothing_until_it_takes_over(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path, "standby_checks = 0\n") as pair:
            await settle(DEADTIME_S * 2)
            assert await pair.backup.weights() == {}
            await order(pair.primary, messages.StandBy())
            await settle()
            assert await pair.backup.weights() == {ONE: 1, TWO: 1}
            assert await pair.held() == (set(), VIRTUAL_IPS)
            assert await pair.primary.weights() == {}

    run_virtually(journey())


def test_the_pair_cannot_be_reloaded_away(tmp_path: Path) -> None:
    async def journey() -> None:
        async with a_pair(tmp_path) as pair:
            text = pair.primary.path.read_text().replace("backup_active = 1", "backup_active = 0")
            pair.primary.path.write_text(text)
            with pytest.raises(EngineError, match="restart pulse"):
                await ask(pair.primary, messages.Reload(), messages.Reloaded)
            assert state(pair.primary) == "active"

    run_virtually(journey())


def test_an_unset_peer_or_a_strange_machine_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async def journey() -> None:
        strange = PAIR_CF.replace("192.168.26.9", "192.0.2.1").replace("192.168.26.8", "192.0.2.2")
        async with a_director(tmp_path, strange, who="primary", network=MemoryNetwork()):
            pytest.fail("it started")

    with pytest.raises(BaseExceptionGroup) as caught:
        run_virtually(journey())
    assert "is an address of this machine" in str(caught.value.exceptions[0])
