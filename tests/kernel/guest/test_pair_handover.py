"""Planned handovers: by order to either director, and by a stop. No client loses anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lvsengine.errors import EngineError
from tests.kernel.lab.announcements import Ear, announcements, hardware_of
from tests.kernel.lab.configuration import Virtual
from tests.kernel.lab.crowd import Crowd
from tests.kernel.lab.network import VIRTUAL_IP, Network
from tests.kernel.lab.pair import SHARING_WELL, Pair, Watch, a_pair, holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import hold_for, wait_until

pytestmark = pytest.mark.drill
WEB = Virtual("web")


@pytest.fixture(scope="module", params=["nat", "direct"])
def started(
    request: pytest.FixtureRequest, network: Network, real_servers_of_session: RealServers
) -> Iterator[Pair]:
    with a_pair() as pair:
        if request.param == "direct":
            network.route_directly()
        pair.write(WEB, network=request.param, lines=SHARING_WELL)
        pair.start()
        yield pair
    network.tidy()


@pytest.fixture
def pair(started: Pair) -> Pair:
    """The pair: dirA active, dirB ready."""
    started.restore()
    return started


def test_by_order_the_taker_has_the_addresses_before_the_giver_lets_go(pair: Pair) -> None:
    with Crowd("dirB") as crowd:
        with Watch() as there:
            pair["dirA"].lvsctl("standby")
            pair.wait_for_active("dirB")
        crowd.go_on()
        wait_until(lambda: pair.ready("dirA"), "dirA is ready to take over again")
        with Watch() as back:
            pair["dirA"].lvsctl("takeover")
            pair.wait_for_active("dirA")
        crowd.go_on()
        crowd.finish()
    assert crowd.load.failures == []
    assert set() not in there.changes() + back.changes()
    assert pair.history("dirA")[-1].cause == pair.history("dirB")[-1].cause == "handover"


def test_the_active_is_stopped_and_hands_over_before_it_ends(pair: Pair) -> None:
    with Crowd("dirB") as crowd:
        with Watch() as watch:
            assert pair["dirA"].terminate() == 0
            assert holders() == {"dirB"}
        crowd.go_on()
        crowd.finish()
    assert crowd.load.failures == []
    assert set() not in watch.changes()
    assert "Terminating due to signal 15" in pair["dirA"].log


@pytest.mark.parametrize("started", ["nat"], indirect=True)
def test_who_hands_back_soon_after_it_took_over_announces_no_more(pair: Pair) -> None:
    former = hardware_of("dirB")
    with announcements() as ear:
        pair.hand_over("dirA")
        pair.settle("dirB")
        # Once when it took over, once when dirA had let go; then the repetitions.
        wait_until(lambda: said_by(former, ear) >= 3, "dirB repeats its announcements")
        pair.hand_over("dirB")
        pair.wait_for_active("dirA")
    with announcements() as ear:
        hold_for(3, lambda: said_by(former, ear) == 0, "dirB is silent")


def said_by(hardware: str, ear: Ear) -> int:
    return sum((one.hardware, one.address) == (hardware, VIRTUAL_IP) for one in ear.heard())


@pytest.mark.parametrize("started", ["nat"], indirect=True)
def test_a_standby_that_runs_another_lvs_cf_is_refused_unless_forced(pair: Pair) -> None:
    other = pair.configuration.replace("serial_no = 1\n", "serial_no = 2\n")
    pair["dirB"].reload(other)
    wait_until(lambda: not pair.ready("dirB"), "dirB is not ready")
    try:
        with pytest.raises(EngineError, match=r"lvs\.cf"):
            pair.hand_over("dirA")
        assert holders() == {"dirA"}
        pair["dirA"].lvsctl("standby", "--force")
        pair.wait_for_active("dirB")
    finally:
        pair["dirB"].reload(pair.configuration)
