"""What an operator may order while traffic flows, and what stands in when nothing is left."""

from __future__ import annotations

from tests.kernel.lab.clients import Downloads, Load, burst
from tests.kernel.lab.configuration import Virtual, lvs_cf, real_address
from tests.kernel.lab.director import Director
from tests.kernel.lab.network import VIRTUAL_IP
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

WEB = Virtual("web")
ALL_UP = WEB.rows(rs1=1, rs2=1, rs3=1)
DRAINED = WEB.rows(rs1=1, rs2=0, rs3=1)


def test_a_drained_real_server_keeps_its_downloads_and_gets_no_more(
    director: Director, real_servers: RealServers
) -> None:
    director.start(lvs_cf(WEB))
    director.wait_for_rows(WEB.key(), ALL_UP)
    with Downloads() as downloads, Load(VIRTUAL_IP, period_s=0.02) as load:
        assert downloads.open(VIRTUAL_IP, 6).total() == 6
        held = downloads.flowing()
        director.lvsctl("drain", "web/rs2")
        director.wait_for_rows(WEB.key(), DRAINED)
        drained_at = load.now()
        wait_until(lambda: load.servers_since(drained_at).total() > 50, "the load goes on")
        assert set(load.servers_since(drained_at)) == {"rs1", "rs3"}
        assert downloads.flowing() == held
        assert held["rs2"] > 0

        director.kill()
        director.start()
        director.wait_for_rows(WEB.key(), DRAINED)
        director.lvsctl("undrain", "web/rs2")
        director.wait_for_rows(WEB.key(), ALL_UP)
        assert downloads.flowing() == held
    assert load.failures == []


def test_a_sorry_server_stands_in_while_none_is_up(
    director: Director, real_servers: RealServers
) -> None:
    sorry = f"sorry_server = {real_address('rs3', 'nat')}"
    web = Virtual("web", servers={"rs1": 1, "rs2": 1}, lines=[sorry])
    director.start(lvs_cf(web))
    director.wait_for_rows(web.key(), web.rows(rs1=1, rs2=1))
    real_servers.kill("rs1")
    real_servers.kill("rs2")
    director.wait_for_rows(web.key(), web.rows(rs3=1))
    assert burst(VIRTUAL_IP, 4) == {"rs3": 4}
    real_servers.recover("rs2")
    director.wait_for_rows(web.key(), web.rows(rs2=1))
    assert burst(VIRTUAL_IP, 4) == {"rs2": 4}
