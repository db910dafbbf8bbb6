from __future__ import annotations

from dataclasses import replace

import pytest

from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import (
    AskWitness,
    Cause,
    LinkDown,
    LinkUp,
    Say,
    Settings,
    TakeOver,
    WitnessAnswer,
)
from lvsengine.heartbeat.words import Link, Stance
from tests.lvsengine.heartbeat.playing import (
    BACKUP,
    OLD_BACKUP,
    OLD_PRIMARY,
    PRIMARY,
    Play,
    standing_by,
)

WITNESSED = replace(BACKUP, witness=True)


def starting(play: Play, *, ready: bool, peer_ready: bool) -> float:
    """Let both stand by from the start, and say when this one takes over."""
    play.wait(0.0)
    play.be_ready(ok=ready)
    while play.state is State.STANDBY and play.now < 30:
        play.hear(Stance.STANDBY, ready=peer_ready)
        if play.state is State.STANDBY:
            play.wait(play.now + 0.5)
    assert [one.cause for one in play.actions if isinstance(one, TakeOver)] == [Cause.COLD_START]
    return play.now


@pytest.mark.parametrize(
    ("ready", "peer_ready", "primary_at", "backup_at"),
    [(True, True, 0, 6), (True, False, 0, 3), (False, True, 6, 9), (False, False, 3, 9)],
)
def test_of_two_that_start_the_better_placed_is_first(
    ready: bool, peer_ready: bool, primary_at: float, backup_at: float
) -> None:
    assert starting(Play(PRIMARY), ready=ready, peer_ready=peer_ready) == primary_at
    assert starting(Play(BACKUP), ready=ready, peer_ready=peer_ready) == backup_at


@pytest.mark.parametrize(("ready", "primary_at", "backup_at"), [(True, 0, 3), (False, 6, 9)])
def test_beside_an_original_the_backup_gives_the_primary_a_deadtime(
    ready: bool, primary_at: float, backup_at: float
) -> None:
    assert starting(Play(OLD_PRIMARY), ready=ready, peer_ready=True) == primary_at
    assert starting(Play(OLD_BACKUP), ready=ready, peer_ready=True) == backup_at


def test_the_primary_waits_until_the_backup_knows_that_it_stands_by() -> None:
    play = Play(PRIMARY)
    play.wait(0.0)
    play.be_ready()
    assert play.hear(Stance.STANDBY, knows=float("-inf")) == []
    play.wait(0.5)
    assert play.hear(Stance.STANDBY, knows=0.0) != []


def test_a_peer_that_says_goodbye_is_replaced_at_once() -> None:
    assert standing_by(BACKUP).hear(Stance.STOPPING) == [
        TakeOver("the primary is being stopped", Cause.PEER_INACTIVE)
    ]


def test_a_peer_without_a_link_that_it_needs_is_replaced_at_once_even_at_a_cold_start() -> None:
    play = Play(BACKUP)
    play.wait(0.0)
    assert play.hear(Stance.STANDBY, link_failed=True) == [
        TakeOver("the primary has lost a link that it needs", Cause.PEER_INACTIVE)
    ]


def test_a_peer_that_lets_go_is_waited_for_but_not_for_ever() -> None:
    play = standing_by(BACKUP)
    assert play.listen(Stance.LETTING_GO, 12.0) == []
    play.wait(13.9)
    play.hear(Stance.LETTING_GO)
    assert play.wait(14.0) == [
        TakeOver("the primary has been letting go for 3 s", Cause.PEER_INACTIVE)
    ]


@pytest.mark.parametrize("stance", [Stance.TAKING, Stance.GIVING, Stance.LISTENING])
def test_a_peer_that_is_as_good_as_active_is_let_be(stance: Stance) -> None:
    play = standing_by(BACKUP)
    assert play.hear(stance) == []
    assert play.listen(stance, 30.0) == []


def test_who_has_just_given_the_role_does_not_take_it_back_at_once() -> None:
    play = standing_by(OLD_PRIMARY)
    play.machine = replace(
        play.machine,
        hold_until=13.0,
        peer=play.machine.peer and replace(play.machine.peer, served=False),
    )
    play.listen(Stance.STANDBY, 12.9)
    assert play.state is State.STANDBY
    assert play.wait(13.0) != []


def test_without_a_witness_that_answers_a_standby_is_the_isolated_one() -> None:
    play = standing_by(WITNESSED)
    silent = "no heartbeat from the primary on any link for 3 s"
    assert play.wait(13.0) == [AskWitness(silent)]
    assert play.feed(WitnessAnswer(13.5, reached=False)) == []
    assert play.sayings() == [
        "no heartbeat from the primary on any link for 3.5 s, and no witness answers:"
        " not taking over"
    ]
    assert play.wait(16.4) == []
    assert play.wait(16.5) == [AskWitness("no heartbeat from the primary on any link for 6.5 s")]
    assert play.feed(WitnessAnswer(16.7, reached=True)) == [
        TakeOver(
            "no heartbeat from the primary on any link for 6.7 s, and a witness answers",
            Cause.PEER_DEAD,
        )
    ]


def test_a_witness_that_never_answers_counts_as_one_that_is_not_there() -> None:
    play = standing_by(WITNESSED)
    asked = [one for one in play.wait(30.0) if isinstance(one, AskWitness)]
    assert len(asked) > 1
    assert play.state is State.STANDBY
    assert any(isinstance(one, Say) for one in play.actions)


def test_a_peer_heard_again_ends_the_question() -> None:
    play = standing_by(WITNESSED)
    play.wait(13.0)
    play.hear(Stance.ACTIVE)
    assert play.feed(WitnessAnswer(13.5, reached=True)) == []
    assert play.state is State.STANDBY


MONITORED = replace(BACKUP, monitor_links=True)
BY_NAT = replace(MONITORED, needs=frozenset(Link))


def test_a_private_link_that_no_real_server_needs_keeps_nobody_from_serving() -> None:
    play = standing_by(MONITORED)
    play.feed(LinkDown(10.0, Link.PRIVATE))
    assert play.wait(13.0) != []


@pytest.mark.parametrize("link", Link)
def test_by_nat_who_has_lost_a_link_does_not_take_over_from_a_silent_peer(link: Link) -> None:
    play = standing_by(BY_NAT)
    play.feed(LinkDown(10.0, link))
    assert play.wait(30.0) == []
    play.feed(LinkUp(30.0, link))
    assert play.state is State.ACTIVE, "it heard the silence on the other link"


@pytest.mark.parametrize("settings", [BY_NAT, replace(BY_NAT, primary=True)])
def test_when_both_have_lost_a_link_and_stand_by_the_primary_is_first(settings: Settings) -> None:
    play = standing_by(settings, ready=False)
    play.feed(LinkDown(10.0, Link.PRIVATE))
    while play.state is State.STANDBY and play.now < 40:
        play.hear(Stance.STANDBY, ready=False, link_failed=True)
        play.wait(play.now + 0.5)
    assert play.now == (13.0 if settings.primary else 19.0)
    assert "both have lost a link" in play.machine.reason


def test_without_its_public_link_nobody_takes_over_whatever_the_peer_has_lost() -> None:
    play = standing_by(BY_NAT)
    play.feed(LinkDown(10.0, Link.PUBLIC))
    while play.now < 40:
        assert play.hear(Stance.STANDBY, ready=False, link_failed=True) == []
        play.wait(play.now + 0.5)


def test_who_stands_by_answers_at_once_when_the_peer_has_lost_a_link() -> None:
    play = standing_by(BY_NAT)
    play.wait(10.3)
    play.words.clear()
    for _ in range(5):
        play.hear(Stance.ACTIVE, link_failed=True)
    assert [at for at, _ in play.words] == [10.3], "once, not for each"


# --- cut off, and back ------------------------------------------------------------------------


def cut_off(settings: Settings, until: float) -> Play:
    """A standby without any link; the peer was active when last heard."""
    play = standing_by(settings)
    for link in settings.links:
        play.feed(LinkDown(10.0, link))
    assert play.wait(until) == []
    return play


@pytest.mark.parametrize("settings", [BY_NAT, replace(BY_NAT, primary=True)])
@pytest.mark.parametrize("first", Link)
def test_who_was_cut_off_has_heard_no_silence_and_listens_first(
    settings: Settings, first: Link
) -> None:
    play = cut_off(settings, 60.0)
    assert play.feed(LinkUp(60.0, first)) == []
    (other,) = set(Link) - {first}
    assert play.feed(LinkUp(61.0, other)) == []
    assert play.wait(62.9) == []
    assert play.wait(63.0) != [], "the second link does not make it listen anew"


def test_a_deadtime_is_too_short_to_find_a_neighbour_again() -> None:
    play = standing_by(replace(BY_NAT, deadtime_s=1.2))
    for link in Link:
        play.feed(LinkDown(10.0, link))
    play.wait(20.0)
    for link in Link:
        play.feed(LinkUp(20.0, link))
    assert play.wait(21.49) == []
    assert play.wait(21.5) != []


def test_with_one_link_for_all_its_return_is_the_end_of_being_cut_off() -> None:
    play = cut_off(replace(MONITORED, links=(Link.PUBLIC,)), 60.0)
    assert play.feed(LinkUp(60.0, Link.PUBLIC)) == []
    assert play.wait(62.9) == []
    assert play.wait(63.0) != []


@pytest.mark.parametrize("stance", [Stance.STANDBY, Stance.STOPPING, Stance.LETTING_GO])
def test_what_the_peer_said_before_the_cables_were_out_is_no_reason_any_more(
    stance: Stance,
) -> None:
    play = standing_by(BY_NAT)
    for link in Link:
        play.feed(LinkDown(10.0, link))
    play.hear(stance)
    play.wait(11.0)
    for link in Link:
        assert play.feed(LinkUp(11.0, link)) == []
    assert play.wait(12.9) == []
    assert play.hear(Stance.ACTIVE) == []
    assert play.listen(Stance.ACTIVE, 30.0) == []


def test_who_comes_back_says_so_at_once() -> None:
    play = cut_off(BY_NAT, 60.3)
    play.words.clear()
    play.feed(LinkUp(60.3, Link.PUBLIC))
    play.feed(LinkUp(60.4, Link.PRIVATE))
    assert [at for at, _ in play.words] == [60.3, 60.4]


def test_a_link_that_flaps_beside_one_that_is_up_does_not_hide_a_dead_peer() -> None:
    play = standing_by(MONITORED)
    for at in (10.5, 11.5, 12.5):
        play.wait(at)
        play.feed(LinkDown(at, Link.PRIVATE))
        play.feed(LinkUp(at + 0.4, Link.PRIVATE))
    assert play.wait(13.0) != []
