"""A real server dies under load in each of three ways, is taken out, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.kernel.lab.clients import Load
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.director import Director, a_director
from tests.kernel.lab.network import VIRTUAL_IP, Network
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

WEB = Virtual("web", port=80)
GENTLE = Virtual("gentle", port=81, lines=["quiesce_server = 1"])
ALL_UP = {"rs1": 1, "rs2": 1, "rs3": 1}
# Checked every second, a second for each: two, and time for a slow machine to think.
OUT_WITHIN_S = 4.0
BACK_WITHIN_S = 6.0


@pytest.fixture(scope="module")
def pulse(network: Network, real_servers_of_session: RealServers) -> Iterator[Director]:
    with a_director("dirA") as director:
        director.start(lvs_cf(WEB, GENTLE))
        yield director
    network.tidy()


@pytest.mark.parametrize("fault", [RealServers.kill, RealServers.hang, RealServers.black_hole])
def test_a_dead_real_server_is_taken_out_and_comes_back_under_load(
    pulse: Director,
    real_servers: RealServers,
    fault: Callable[[RealServers, str], None],
) -> None:
    pulse.wait_for_rows(WEB.key(), WEB.rows(**ALL_UP))
    pulse.wait_for_rows(GENTLE.key(), GENTLE.rows(**ALL_UP))
    with Load(VIRTUAL_IP, period_s=0.02, give_up_s=1.0) as load:
        wait_until(lambda: set(load.servers_since(0)) == set(ALL_UP), "all three answer")
        fault(real_servers, "rs2")
        pulse.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs3=1), OUT_WITHIN_S)
        out_at = load.now()
        pulse.wait_for_rows(GENTLE.key(), GENTLE.rows(rs1=1, rs2=0, rs3=1), OUT_WITHIN_S)
        wait_until(lambda: load.servers_since(out_at).total() > 50, "the load goes on")
        assert set(load.servers_since(out_at)) == {"rs1", "rs3"}

        real_servers.recover("rs2")
        pulse.wait_for_rows(WEB.key(), WEB.rows(**ALL_UP), BACK_WITHIN_S)
        pulse.wait_for_rows(GENTLE.key(), GENTLE.rows(**ALL_UP), BACK_WITHIN_S)
        back_at = load.now()
        wait_until(lambda: load.servers_since(back_at)["rs2"] > 5, "it serves again")
    assert [failed for failed in load.failures if failed.began > out_at] == []
    assert load.failures, "nothing failed while it was dead and not yet taken out"


def test_its_death_is_explained(pulse: Director, real_servers: RealServers) -> None:
    pulse.wait_for_rows(WEB.key(), WEB.rows(**ALL_UP))
    real_servers.kill("rs3")
    pulse.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1), OUT_WITHIN_S)
    explanation = pulse.lvsctl("explain", "web/rs3")
    assert "down" in explanation
    assert "refused" in explanation
    assert "[inactive] shutting down 10.11.12.3:80 due to connection failure" in pulse.log
