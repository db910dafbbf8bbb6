from __future__ import annotations

from dataclasses import replace

import pytest

from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import (
    Announce,
    AskWitness,
    Cause,
    LinkDown,
    LinkUp,
    Ready,
    StepDown,
    WitnessAnswer,
)
from lvsengine.heartbeat.words import Link, Stance
from tests.lvsengine.heartbeat.playing import BACKUP, OLD_PRIMARY, PRIMARY, serving

MONITORED = replace(PRIMARY, monitor_links=True)
BY_NAT = replace(MONITORED, needs=frozenset(Link))
EACH = pytest.mark.parametrize("link", Link)
YIELDING = replace(PRIMARY, witness=True, yield_when_isolated=True)


def test_of_two_active_that_hear_each_other_the_backup_yields() -> None:
    play = serving(BACKUP)
    assert play.hear(Stance.ACTIVE) == [StepDown("the primary is active too", Cause.CONFLICT)]


def test_of_two_active_that_hear_each_other_the_primary_keeps() -> None:
    play = serving(PRIMARY)
    for _ in range(100):
        play.wait(play.now + 0.5)
        assert play.hear(Stance.ACTIVE) == []


def test_the_primary_announces_only_after_the_backup_has_let_go() -> None:
    play = serving(PRIMARY)
    assert play.hear(Stance.ACTIVE) == []
    assert play.hear(Stance.LETTING_GO) == []
    assert play.hear(Stance.STANDBY) == [Announce("the backup has let go of the addresses")]


def test_while_two_are_active_it_repeats_itself_quickly() -> None:
    play = serving(PRIMARY)
    play.hear(Stance.ACTIVE)
    play.words.clear()
    play.wait(20.26)
    assert len(play.words) == 5


@pytest.mark.parametrize("settings", [PRIMARY, BACKUP])
def test_a_claim_made_without_knowing_of_ours_makes_nobody_yield_at_once(
    settings: object,
) -> None:
    play = serving(BACKUP if settings is BACKUP else PRIMARY)
    assert play.hear(Stance.ACTIVE, knows=12.9) == []
    play.wait(21.0)
    assert play.hear(Stance.STANDBY) == [
        Announce(f"the {play.settings.peer_is} has let go of the addresses")
    ]
    assert play.machine.unaware_since is None


@pytest.mark.parametrize("settings", [PRIMARY, BACKUP])
def test_who_is_not_heard_by_the_other_active_yields_after_deadtime(settings: object) -> None:
    play = serving(BACKUP if settings is BACKUP else PRIMARY)
    for at in (20.0, 21.0, 22.0, 22.9):
        play.wait(at)
        assert play.hear(Stance.ACTIVE, knows=5.0) == []
    reason = f"the {play.settings.peer_is} is active too and does not hear this director"
    assert play.wait(23.0) == [StepDown(reason, Cause.CONFLICT)]


def test_a_claim_that_stops_hearing_ours_is_one_that_does_not_know_of_it() -> None:
    play = serving(PRIMARY)
    play.hear(Stance.ACTIVE)
    for at in (21.0, 22.0, 23.1, 24.0, 25.0, 26.0):
        play.wait(at)
        assert play.hear(Stance.ACTIVE, knows=20.0) == []
    play.wait(27.0)
    play.hear(Stance.ACTIVE, knows=20.0)
    assert play.state is State.LETTING_GO


def test_a_lost_public_link_makes_it_step_down_when_the_peer_can_serve() -> None:
    play = serving(MONITORED)
    assert play.feed(LinkDown(20.1, Link.PUBLIC)) == []
    assert (play.said.stance, play.said.link_failed) == (Stance.ACTIVE, True)
    assert play.hear(Stance.STANDBY) == [lost("the public link is down")]
    play.down()
    assert (play.said.stance, play.said.link_failed) == (Stance.STANDBY, True)


def lost(which: str) -> StepDown:
    return StepDown(f"{which}, and the backup can serve", Cause.LINK_FAILED)


def test_by_nat_a_lost_private_link_makes_it_step_down_a_moment_later() -> None:
    play = serving(BY_NAT)
    play.feed(LinkDown(20.1, Link.PRIVATE))
    assert play.said.link_failed
    assert play.hear(Stance.STANDBY) == [], "what it loses too it may not know yet"
    assert play.wait(20.19) == []
    assert play.wait(20.21) == [lost("the private link is down")]


def test_by_nat_a_peer_that_learns_late_that_its_link_is_lost_too_keeps_it_active() -> None:
    play = serving(BY_NAT)
    play.feed(LinkDown(20.1, Link.PRIVATE))
    play.hear(Stance.STANDBY)
    play.wait(20.19)
    play.hear(Stance.STANDBY, link_failed=True)
    assert play.wait(22.0) == []


def test_a_lost_private_link_that_no_real_server_needs_changes_nothing() -> None:
    play = serving(MONITORED)
    play.feed(LinkDown(20.1, Link.PRIVATE))
    assert play.listen(Stance.STANDBY, 40.0) == []
    assert not play.said.link_failed


def test_a_lost_private_link_is_needed_where_most_real_servers_are_down_without_it() -> None:
    play = serving(MONITORED)
    play.feed(LinkDown(20.1, Link.PRIVATE))
    play.feed(Ready(26.0, ok=False, reasons="3 of 3 real servers are down", reaches=False))
    assert play.said.link_failed
    play.hear(Stance.STANDBY)
    assert play.wait(26.11) == [lost("the private link is down")]


def test_real_servers_that_are_down_while_both_links_are_up_make_nobody_step_down() -> None:
    play = serving(BY_NAT)
    play.feed(Ready(20.1, ok=False, reasons="3 of 3 real servers are down", reaches=False))
    assert play.listen(Stance.STANDBY, 40.0) == []


@EACH
def test_a_peer_that_says_nothing_of_its_links_relieves_it_a_moment_later(link: Link) -> None:
    play = serving(BY_NAT)
    play.feed(LinkDown(20.1, link))
    assert play.wait(20.19) == []
    assert play.hear(Stance.STANDBY, knows=20.05) == [], "it spoke before it knew"
    assert play.wait(20.21) == [lost(f"the {link.value} link is down")]


@EACH
def test_a_switch_that_dies_takes_the_link_of_both_and_nobody_moves(link: Link) -> None:
    play = serving(BY_NAT)
    play.feed(LinkDown(20.1, link))
    assert play.hear(Stance.STANDBY, link_failed=True) == []
    for at in range(21, 40):
        play.wait(float(at))
        assert play.hear(Stance.STANDBY, link_failed=True) == []
    assert play.feed(LinkUp(40.0, link)) == []
    assert play.listen(Stance.STANDBY, 50.0) == []


def test_without_any_link_it_steps_down_by_the_last_that_it_heard() -> None:
    play = serving(BY_NAT)
    play.feed(LinkDown(20.1, Link.PRIVATE))
    assert play.feed(LinkDown(20.1, Link.PUBLIC)) == [lost("both links are down")]


def test_a_peer_that_is_not_ready_is_tried_when_the_private_link_stays_away() -> None:
    play = serving(BY_NAT)
    play.hear(Stance.STANDBY, ready=False)
    play.feed(LinkDown(20.1, Link.PRIVATE))
    for at in (20.5, 21.5, 22.5):
        play.wait(at)
        assert play.hear(Stance.STANDBY, ready=False) == []
    assert play.wait(23.11) == [lost("the private link is down")]


def test_a_peer_that_is_not_ready_is_better_than_one_without_its_public_link() -> None:
    play = serving(BY_NAT)
    play.feed(LinkDown(20.1, Link.PUBLIC))
    assert play.hear(Stance.STANDBY, ready=False) == [lost("the public link is down")]


def test_a_private_link_that_is_back_in_time_costs_nothing() -> None:
    play = serving(BY_NAT)
    play.hear(Stance.STANDBY, ready=False)
    play.feed(LinkDown(20.1, Link.PRIVATE))
    play.wait(22.0)
    play.feed(LinkUp(22.0, Link.PRIVATE))
    play.hear(Stance.STANDBY, ready=False)
    play.feed(LinkDown(22.5, Link.PRIVATE))
    assert play.wait(24.9) == []


def test_a_lost_public_link_is_kept_to_while_the_peer_has_lost_its_own() -> None:
    play = serving(MONITORED)
    play.hear(Stance.STANDBY, link_failed=True)
    assert play.feed(LinkDown(20.1, Link.PUBLIC)) == []
    assert play.wait(30.0) == [], "nor does silence change that"
    assert play.hear(Stance.STANDBY) == [lost("the public link is down")]


def test_a_lost_link_means_nothing_when_links_are_not_monitored() -> None:
    play = serving(PRIMARY)
    assert play.feed(LinkDown(20.1, Link.PUBLIC)) == []
    assert not play.said.link_failed


def test_an_original_peer_that_stands_by_can_serve() -> None:
    play = serving(replace(OLD_PRIMARY, monitor_links=True))
    assert play.feed(LinkDown(20.1, Link.PUBLIC)) != []


def test_an_isolated_active_asks_and_yields_when_it_is_told_to() -> None:
    play = serving(YIELDING)
    assert play.wait(23.0) == [AskWitness("the backup is silent")]
    assert play.feed(WitnessAnswer(23.1, reached=True)) == []
    assert play.wait(26.1) == [AskWitness("the backup is silent")]
    reason = "neither the backup nor a witness answers"
    assert play.feed(WitnessAnswer(26.2, reached=False)) == [StepDown(reason, Cause.ISOLATED)]


def test_an_isolated_active_keeps_its_addresses_otherwise() -> None:
    assert serving(replace(PRIMARY, witness=True)).wait(60.0) == []


def test_an_active_that_has_just_woken_is_not_isolated_before_it_has_listened() -> None:
    play = serving(YIELDING)
    play.sleep(40.0)
    assert play.hear(Stance.STANDBY) == []
    assert play.wait(42.9) == []
    assert play.wait(43.0) == [AskWitness("the backup is silent")]
