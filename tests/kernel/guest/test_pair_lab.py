"""The tools for tests of a pair, tried on two directors of the original kind.

They show too what the original does, so that what ours does better can be seen beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.lab.clients import Downloads, Load, burst
from tests.kernel.lab.configuration import Virtual
from tests.kernel.lab.crowd import outage_s
from tests.kernel.lab.faults import cut, deafen, heal, loss, lost, mend, split
from tests.kernel.lab.namespaces import run
from tests.kernel.lab.network import CLIENT, VIRTUAL_IP, Network, cable
from tests.kernel.lab.original import Original, an_original
from tests.kernel.lab.pair import DEADTIME_S, KEEPALIVE_S, Watch, holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import hold_for, wait_until

pytestmark = pytest.mark.drill
WEB = Virtual("web")


@pytest.fixture
def originals(lab: Network, real_servers: RealServers) -> Iterator[tuple[Original, Original]]:
    """Two directors of the original kind, dirA active."""
    with (
        an_original("primary", KEEPALIVE_S, DEADTIME_S) as primary,
        an_original("backup", KEEPALIVE_S, DEADTIME_S) as backup,
    ):
        primary.start(WEB)
        wait_until(lambda: holders() == {"dirA"}, "the primary is active")
        backup.start(WEB)
        wait_until(lambda: backup.said("STARTING PULSE AS BACKUP"), "the backup runs")
        yield primary, backup


def test_a_crash_is_an_outage_of_about_deadtime_and_ends_the_downloads_that_nobody_shared(
    originals: tuple[Original, Original],
) -> None:
    primary, backup = originals
    with Downloads() as downloads, Load(VIRTUAL_IP, give_up_s=1) as load:
        downloads.open(VIRTUAL_IP, 3)
        wait_until(lambda: len(load.outcomes) > 30, "requests are answered")
        primary.crash()
        wait_until(lambda: backup.said("partner dead: activating lvs"), "the backup takes over")
        count = len(load.outcomes)
        wait_until(lambda: len(load.outcomes) > count + 100, "requests are answered again")
        assert downloads.flowing().total() == 0
    assert outage_s(load) > DEADTIME_S - KEEPALIVE_S - 0.1
    assert load.servers_since(load.outcomes[0].began + outage_s(load)).total() > 20


def test_a_download_is_complete_when_its_last_block_has_come_after_all_the_others(
    originals: tuple[Original, Original],
) -> None:
    with Downloads() as downloads:
        downloads.open(VIRTUAL_IP, 3)
        wait_until(lambda: min(d.blocks for d in downloads.all) > 3, "blocks come")
        assert downloads.complete().total() == 0
        downloads.all[0].blocks -= 1
        downloads.finish()
        wait_until(lambda: downloads.complete().total() == 2, "two are complete")
        hold_for(
            0.5, lambda: downloads.complete().total() == 2, "the one that lost a block is not"
        )


def test_after_a_split_both_hold_the_address_and_after_it_heals_the_backup_yields(
    originals: tuple[Original, Original],
) -> None:
    primary, backup = originals
    with Watch() as watch:
        split()
        wait_until(lambda: holders() == {"dirA", "dirB"}, "both are active")
        for director in ("dirA", "dirB"):
            assert "1 received" in ping(CLIENT, cable(director, "public").address)
        assert "0 received" in ping("dirA", cable("dirB", "public").address)
        heal()
        wait_until(lambda: holders() == {"dirA"}, "the backup yields")
        assert "1 received" in ping("dirA", cable("dirB", "public").address)
    assert watch.seconds(2) > 0.05
    assert watch.changes() == [{"dirA"}, {"dirA", "dirB"}, {"dirA"}]
    assert backup.said("partner active: deactivating LVS")
    wait_until(lambda: primary.said("partner active: resending arps"), "it announces again")
    assert burst(VIRTUAL_IP, 3).total() == 3


def ping(namespace: str, address: str) -> str:
    return run(namespace, "ping", "-c1", "-W1", address, check=False)


def test_a_deaf_director_is_still_heard(originals: tuple[Original, Original]) -> None:
    deafen("dirA")
    assert "0 received" in ping("dirB", cable("dirA", "public").address)
    hold_for(3 * DEADTIME_S, lambda: holders() == {"dirA"}, "the other hears it and stands by")


def test_some_of_what_goes_to_the_peer_is_lost_and_nothing_of_what_goes_elsewhere(
    lab: Network,
) -> None:
    peer, client = cable("dirB", "public").address, cable(CLIENT, "public").address
    with loss(30, "dirA"):
        assert " 0% packet loss" in many_pings("dirA", client)
        assert " 0% packet loss" not in many_pings("dirA", peer)
        assert 10 < lost("dirA") < 50
    assert " 0% packet loss" in many_pings("dirA", peer)


def many_pings(namespace: str, address: str) -> str:
    return run(namespace, "ping", "-q", "-c100", "-i0.002", "-W1", address, check=False)


def test_cut_cables_carry_nothing_until_they_are_mended(lab: Network) -> None:
    plug, peer = cable("dirA", "private"), cable("dirB", "private").address
    cut(plug)
    assert "1 received" not in ping("dirA", peer)
    mend(plug)
    wait_until(lambda: "1 received" in ping("dirA", peer), "the peer answers again")
