"""A pair that is being migrated: one director is ours, the other of the original kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.lab.configuration import Virtual
from tests.kernel.lab.crowd import Crowd
from tests.kernel.lab.director import Director
from tests.kernel.lab.faults import heal, split
from tests.kernel.lab.network import Network
from tests.kernel.lab.original import Original, an_original
from tests.kernel.lab.pair import DEADTIME_S, KEEPALIVE_S, SHARING_WELL, a_pair, holders
from tests.kernel.lab.peer4 import DIRECTOR, OTHER
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import hold_for, wait_until

pytestmark = pytest.mark.drill
WEB = Virtual("web")
SHARED_OVER = "eth1"


@pytest.fixture(params=["primary", "backup"])
def role(request: pytest.FixtureRequest) -> str:
    """What the original director is in the pair; ours is the other."""
    return str(request.param)


@pytest.fixture
def original(role: str, lab: Network, real_servers: RealServers) -> Iterator[Original]:
    with an_original(role, KEEPALIVE_S, DEADTIME_S, SHARED_OVER) as original:
        yield original


@pytest.fixture
def ours(role: str, original: Original) -> Iterator[Director]:
    """Our director, which speaks as the original does because no key is set."""
    with a_pair() as pair:
        pair.write(WEB, lines=SHARING_WELL, with_key=False)
        yield pair[DIRECTOR[OTHER[role]]]


def test_each_takes_over_when_the_other_dies_and_ours_returns_as_standby(
    ours: Director, original: Original
) -> None:
    ours.start()
    wait_until(lambda: holders() == {ours.namespace}, "ours is active, alone")
    ours.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1, rs3=1))
    original.start(WEB)
    hold_for(3 * DEADTIME_S, lambda: holders() == {ours.namespace}, "the original stands by")

    with Crowd(original.namespace) as crowd:
        ours.kill()
        wait_until(lambda: original.namespace in holders(), "the original takes over")
        crowd.go_on()
        crowd.finish()
    assert original.said("partner dead: activating lvs")

    ours.start()
    wait_until(lambda: holders() == {original.namespace}, "ours returns as standby")
    hold_for(3 * DEADTIME_S, lambda: holders() == {original.namespace}, "and remains so")
    ours.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1, rs3=1))
    with Crowd(ours.namespace) as crowd:
        original.crash()
        wait_until(lambda: ours.namespace in holders(), "ours takes over")
        crowd.go_on()
        crowd.finish()
    assert "partner dead: activating lvs" in ours.log


def test_after_a_split_the_backup_yields_whichever_kind_it_is(
    ours: Director, original: Original, role: str
) -> None:
    ours.start()
    wait_until(lambda: holders() == {ours.namespace}, "ours is active, alone")
    original.start(WEB)
    hold_for(2 * DEADTIME_S, lambda: holders() == {ours.namespace}, "the original stands by")
    with Crowd(original.namespace) as crowd:
        split()
        wait_until(lambda: len(holders()) == 2, "both are active")
        crowd.go_on()
        heal()
        wait_until(lambda: holders() == {"dirA"}, "the backup yields")
        crowd.go_on()
        crowd.finish()
    backup, primary = (original, ours) if role == "backup" else (ours, original)
    wait_until(lambda: "partner active: deactivating LVS" in backup.log, "the backup says so")
    wait_until(lambda: "partner active: resending arps" in primary.log, "the primary announces")
    hold_for(2 * DEADTIME_S, lambda: holders() == {"dirA"}, "it stays so")


def test_of_two_that_start_together_one_becomes_active(ours: Director, original: Original) -> None:
    original.start(WEB)
    ours.start()
    wait_until(lambda: len(holders()) == 1, "one is active")
    hold_for(4 * DEADTIME_S, lambda: len(holders()) == 1, "it stays so")


def test_ours_that_is_stopped_says_so_and_the_original_does_not_wait(
    ours: Director, original: Original
) -> None:
    ours.start()
    wait_until(lambda: holders() == {ours.namespace}, "ours is active, alone")
    original.start(WEB)
    hold_for(2 * DEADTIME_S, lambda: holders() == {ours.namespace}, "the original stands by")
    with Crowd(original.namespace) as crowd:
        ours.terminate()
        wait_until(lambda: holders() == {original.namespace}, "the original takes over")
        crowd.go_on()
        crowd.finish()
    assert original.said("inactive: activating lvs")
