"""Cables out, a director asleep, a split, losses, a flood: one pair lives through them all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.kernel.lab.configuration import Virtual
from tests.kernel.lab.crowd import Crowd
from tests.kernel.lab.faults import (
    cables_of,
    cut,
    deafen,
    heal,
    loss,
    lost,
    mend,
    peer_of,
    split,
    undeafen,
)
from tests.kernel.lab.network import Network, cable
from tests.kernel.lab.pair import DEADTIME_S, SHARING_WELL, Pair, Watch, a_pair, holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import hold_for, hold_while, wait_until

pytestmark = pytest.mark.drill
# What a cut cable takes from the table keeps its connections, as the downloads do.
WEB = Virtual("web", lines=("quiesce_server = 1",))
FORGED = 30_000  # at 10 000 a second, or as fast as the guest can


@pytest.fixture(scope="module")
def started(network: Network, real_servers_of_session: RealServers) -> Iterator[Pair]:
    with a_pair() as pair:
        pair.write(WEB, lines=(*SHARING_WELL, "monitor_links = 1"))
        pair.start()
        yield pair
    network.tidy()


@pytest.fixture
def pair(started: Pair) -> Pair:
    """The pair: dirA active, dirB ready."""
    started.restore()
    return started


@pytest.mark.parametrize("side", ["public", "private"])
def test_a_cable_of_the_active_comes_out_and_the_peer_does_not_wait_for_deadtime(
    pair: Pair, side: str
) -> None:
    with Crowd("dirB") as crowd:
        cut(cable("dirA", side))
        pair.wait_for_active("dirB")
        crowd.go_on()
        mend(cable("dirA", side))
        hold_for(2 * DEADTIME_S, lambda: holders() == {"dirB"}, "dirB stays active")
        crowd.finish()
    assert pair.history("dirB")[-1].cause == "peer inactive", "it was told, and did not wait"
    assert pair.history("dirA")[-1].cause == "link failed"
    assert "local link failure: deactivating LVS" in pair["dirA"].log


@pytest.mark.parametrize("side", ["public", "private"])
def test_a_switch_that_dies_takes_a_cable_of_both_and_nobody_moves(pair: Pair, side: str) -> None:
    before = changes(pair)
    with Crowd() as crowd:
        cut(cable("dirA", side), cable("dirB", side))
        hold_for(2 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirA stays active")
        mend(cable("dirA", side), cable("dirB", side))
        hold_for(2 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirA is active still")
        crowd.go_on()
        crowd.finish()
    assert changes(pair) == before


def changes(pair: Pair) -> tuple[object, object]:
    """What has become of both so far."""
    return pair.history("dirA"), pair.history("dirB")


@pytest.mark.parametrize("side", ["public", "private"])
def test_a_cable_of_the_standby_comes_out_and_no_client_sees_it(pair: Pair, side: str) -> None:
    with Crowd() as crowd:
        cut(cable("dirB", side))
        hold_for(2 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirA stays active")
        mend(cable("dirB", side))
        crowd.finish()
        assert holders() == {"dirA"}
    assert crowd.load.failures == []


def test_both_cables_of_the_active_come_out_and_when_they_return_clients_notice_nothing(
    pair: Pair,
) -> None:
    with Crowd("dirB") as crowd:
        cut(*cables_of("dirA"))
        pair.wait_for_active("dirB")
        pair["dirA"].wait_for_rows(WEB.key(), WEB.rows(rs1=0, rs2=0, rs3=0))
        crowd.go_on()
        before, now = changes(pair), crowd.load.now()
        mend(*cables_of("dirA"))
        hold_for(3 * DEADTIME_S, lambda: holders() == {"dirB"}, "dirB stays active")
        crowd.go_on()
        crowd.finish()
    assert changes(pair) == before
    assert crowd.load.failures_since(now) == []


def test_a_director_that_was_asleep_lets_go_at_once_when_it_wakes(pair: Pair) -> None:
    with Crowd("dirB") as crowd:
        pair["dirA"].freeze()
        hold_for(2 * DEADTIME_S, lambda: "dirA" in holders(), "dirA's kernel goes on")
        assert holders() == {"dirA", "dirB"}
        with Watch() as watch:
            pair["dirA"].thaw()
            pair.wait_for_active("dirB")
            hold_for(2 * DEADTIME_S, lambda: holders() == {"dirB"}, "and that is how it stays")
        crowd.go_on()
        crowd.finish()
    assert watch.seconds(2) < DEADTIME_S, "it did not listen for long before it let go"
    assert watch.changes() == [{"dirA", "dirB"}, {"dirB"}]
    assert pair.history("dirA")[-1].cause == "resumed"


def test_a_standby_that_was_asleep_does_not_take_over_when_it_wakes(pair: Pair) -> None:
    with Crowd() as crowd:
        pair["dirB"].freeze()
        hold_for(2 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirA goes on")
        pair["dirB"].thaw()
        hold_for(2 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirB listens first")
        crowd.finish()
    assert crowd.load.failures == []


def test_after_a_split_the_backup_yields_and_the_primary_announces_again(pair: Pair) -> None:
    with Crowd("dirB") as crowd:
        split()
        wait_until(lambda: holders() == {"dirA", "dirB"}, "both are active")
        crowd.go_on()
        heal()
        pair.wait_for_active("dirA")
        crowd.go_on()
        crowd.finish()
    assert "partner active: deactivating LVS" in pair["dirB"].log
    assert "partner active: resending arps" in pair["dirA"].log


@pytest.mark.parametrize("deaf", ["dirA", "dirB"])
def test_a_director_deaf_on_one_link_changes_nothing(pair: Pair, deaf: str) -> None:
    with Crowd() as crowd:
        deafen(deaf, "public")
        hold_for(3 * DEADTIME_S, lambda: holders() == {"dirA"}, "one heard link is enough")
        links = {link.link: link for link in pair.links(deaf)}
        assert (links["public"].heard_s or 0) > 2 * DEADTIME_S
        assert (links["private"].heard_s or 9) < DEADTIME_S
        crowd.finish()
    assert crowd.load.failures == []


def test_an_active_director_that_hears_nobody_goes_on_while_it_is_heard(pair: Pair) -> None:
    with Crowd() as crowd:
        deafen("dirA")
        hold_for(3 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirB hears it and stands by")
        crowd.finish()
    assert crowd.load.failures == []


def test_a_standby_that_hears_nobody_takes_over_and_the_other_lets_go(pair: Pair) -> None:
    with Crowd("dirB") as crowd:
        deafen("dirB")
        wait_until(lambda: "dirB" in holders(), "dirB takes over")
        wait_until(lambda: len(holders()) == 1, "one of them lets go")
        crowd.go_on()
        undeafen("dirB")
        hold_for(2 * DEADTIME_S, lambda: len(holders()) == 1, "it stays so")
        crowd.go_on()
        crowd.finish()


def test_a_third_of_all_heartbeats_lost_one_way_and_both_ways_changes_nothing(pair: Pair) -> None:
    with Crowd() as crowd:
        with loss(30, "dirA"):
            hold_for(3 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirA stays active")
        with loss(30, "dirA", "dirB"):
            hold_for(3 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirA stays active")
            assert min(lost("dirA"), lost("dirB")) > 5
            losses = [link.loss or 0 for link in pair.links("dirB")]
        crowd.finish()
    assert 0.05 < max(losses) < 0.6
    assert crowd.load.failures == []


@pytest.mark.parametrize("target", ["dirA", "dirB"])
def test_a_flood_of_forged_heartbeats_is_counted_and_changes_nothing(
    pair: Pair, target: str
) -> None:
    before = rejected(pair, target)
    with Crowd() as crowd:
        words = (f"--count={FORGED}", peer_of(target), target)
        command = [sys.executable, "-m", "tests.kernel.lab.flood", *words]
        flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        hold_while(
            lambda: flood.poll() is None, lambda: holders() == {"dirA"}, "dirA stays active"
        )
        hold_for(DEADTIME_S, lambda: holders() == {"dirA"}, "dirA is active still")
        said = flood.communicate(timeout=10)[0].splitlines()
        crowd.finish()
    assert flood.returncode == 0
    assert json.loads(said[-1])["sent"] >= FORGED
    counted = rejected(pair, target)
    for kind in ("forged", "replayed", "truncated", "old form"):
        assert counted.get(kind, 0) > before.get(kind, 0) + 100, counted
    assert crowd.load.failures == []


def rejected(pair: Pair, name: str) -> dict[str, int]:
    peer = pair.status(name).peer
    return {one.kind: one.count for one in peer.rejected} if peer else {}
