"""Pulse is killed and comes back: the kernel forwards meanwhile, and no client notices."""

from __future__ import annotations

from tests.kernel.lab.clients import Downloads, Load
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.director import Director
from tests.kernel.lab.namespaces import run
from tests.kernel.lab.network import VIRTUAL_IP
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

WEB = Virtual("web", scheduler="wrr", servers={"rs1": 1, "rs2": 2, "rs3": 3})
ROWS = WEB.rows(rs1=1, rs2=2, rs3=3)


def go_on(load: Load, downloads: Downloads) -> None:
    """Wait until the load and every download have had more, as before."""
    outcomes, blocks = len(load.outcomes), {id(d): d.blocks for d in downloads.all}
    wait_until(lambda: len(load.outcomes) > outcomes + 50, "requests are answered")
    wait_until(lambda: all(d.blocks > blocks[id(d)] + 3 for d in downloads.all), "blocks come")


def test_killed_and_started_again_under_load_not_one_request_fails(
    director: Director, real_servers: RealServers
) -> None:
    director.start(lvs_cf(WEB))
    director.wait_for_rows(WEB.key(), ROWS)
    with Downloads() as downloads, Load(VIRTUAL_IP) as load:
        downloads.open(VIRTUAL_IP, 12)
        director.kill()
        go_on(load, downloads)
        assert {key: row.weight for key, row in director.rows(WEB.key()).items()} == ROWS

        director.start()
        go_on(load, downloads)
        # The first results of its checks come in, and change nothing.
        director.wait_for_rows(WEB.key(), ROWS)
        go_on(load, downloads)
        assert downloads.stalled() == {}
    assert load.failures == []
    assert director.terminate() == 0
    assert director.rows(WEB.key()) == {}


def test_restarted_it_neither_admits_the_dead_nor_lets_go_of_the_living(
    director: Director, real_servers: RealServers
) -> None:
    director.start(lvs_cf(WEB))
    director.wait_for_rows(WEB.key(), ROWS)
    real_servers.kill("rs3")
    director.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=2))
    with Downloads() as downloads, Load(VIRTUAL_IP) as load:
        downloads.open(VIRTUAL_IP, 6)
        director.kill()
        director.start()
        wait_until(
            lambda: "refused" in director.lvsctl("explain", "web/rs3"), "its own check has failed"
        )
        go_on(load, downloads)
        assert set(load.servers_since(0)) == {"rs1", "rs2"}
        assert downloads.stalled() == {}
        real_servers.recover("rs3")
        director.wait_for_rows(WEB.key(), ROWS)
        go_on(load, downloads)
    assert load.failures == []
    assert load.servers_since(0)["rs3"] > 0


def test_told_to_leave_it_running_a_stop_takes_nothing_away(
    director: Director, real_servers: RealServers
) -> None:
    director.start(lvs_cf(WEB), "--leave-running")
    director.wait_for_rows(WEB.key(), ROWS)
    with Downloads() as downloads, Load(VIRTUAL_IP) as load:
        downloads.open(VIRTUAL_IP, 6)
        assert director.terminate() == 0
        go_on(load, downloads)
        assert downloads.stalled() == {}
    assert load.failures == []
    assert VIRTUAL_IP in run("dirA", "ip", "addr")
