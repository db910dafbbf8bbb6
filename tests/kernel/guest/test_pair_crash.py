"""The active director dies, or pulse does, and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.lab.clients import burst
from tests.kernel.lab.configuration import Virtual
from tests.kernel.lab.crowd import Crowd
from tests.kernel.lab.network import VIRTUAL_IP, Network
from tests.kernel.lab.pair import DEADTIME_S, SHARING_WELL, Pair, a_pair, holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import hold_for, wait_until

pytestmark = pytest.mark.drill
WEB = Virtual("web")
FAILBACK = ("auto_failback = 1", "failback_delay = 2")


@pytest.fixture
def pair(lab: Network, real_servers: RealServers) -> Iterator[Pair]:
    with a_pair() as pair:
        yield pair


@pytest.mark.parametrize("forwarding", ["nat", "direct"])
def test_after_a_crash_of_the_active_every_download_goes_on_at_the_other(
    pair: Pair, lab: Network, forwarding: str
) -> None:
    if forwarding == "direct":
        lab.route_directly()
    pair.write(WEB, network=forwarding, lines=SHARING_WELL)
    pair.start()
    with Crowd("dirB") as crowd:
        pair.crash("dirA")
        wait_until(lambda: "dirB" in holders(), "dirB holds the virtual IP")
        crowd.go_on(100)
        crowd.finish()
    assert "partner dead: activating lvs" in pair["dirB"].log
    wait_until(
        lambda: "gratuitous lvs arps finished" in pair["dirB"].log, "five announcements are out"
    )
    last = pair.history("dirB")[-1]
    assert (last.state, last.cause) == ("active", "peer dead")


def test_a_pulse_that_was_killed_comes_back_without_the_addresses_it_left_behind(
    pair: Pair,
) -> None:
    pair.write(WEB, lines=SHARING_WELL)
    pair.start()
    before = pair.history("dirA")
    with Crowd("dirB") as crowd:
        pair["dirA"].kill()
        wait_until(lambda: holders() == {"dirA", "dirB"}, "dirB takes over, dirA's kernel too")
        crowd.go_on()
        pair["dirA"].start()
        pair.settle("dirB")
        assert "STARTING PULSE AS MASTER" in pair["dirA"].log
        hold_for(3 * DEADTIME_S, lambda: holders() == {"dirB"}, "there is no failback")
        crowd.go_on()
        crowd.finish()
    assert pair.history("dirA") == before, "what it was before it was killed is remembered"
    assert [change.state for change in before] == ["active"]


def test_the_primary_that_comes_back_takes_back_when_it_knows_the_connections(
    pair: Pair,
) -> None:
    pair.write(WEB, lines=(*SHARING_WELL, *FAILBACK))
    pair.start()
    with Crowd("dirB") as crowd:
        pair["dirA"].kill()
        wait_until(lambda: "dirB" in holders(), "dirB takes over")
        crowd.go_on()
        pair["dirA"].start()
        pair.settle("dirB")
        settled = crowd.load.now()
        pair.wait_for_active("dirA", within_s=40)
        crowd.go_on()
        crowd.finish()
    assert crowd.load.failures_since(settled) == [], "nobody sees the failback"
    assert "the primary waits before it takes back" in pair["dirA"].log
    assert "taking back: the primary has been ready for 2 s and knows" in pair["dirA"].log
    assert pair.history("dirA")[-1].cause == "handover"


def test_alone_a_director_that_was_killed_is_active_again_soon_after_it_starts(
    pair: Pair,
) -> None:
    pair.write(WEB)
    pair["dirA"].start()
    wait_until(lambda: holders() == {"dirA"}, "dirA is active, nobody else being there")
    pair["dirA"].wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1, rs3=1))
    with Crowd() as crowd:
        pair["dirA"].kill()
        pair["dirA"].start()
        pair.wait_for_active("dirA")
        crowd.go_on()
        crowd.finish()
    pair["dirA"].wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1, rs3=1))
    assert burst(VIRTUAL_IP, 6) == {"rs1": 2, "rs2": 2, "rs3": 2}
