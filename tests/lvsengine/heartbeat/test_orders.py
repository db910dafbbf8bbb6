from __future__ import annotations

from dataclasses import replace

import pytest

from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import (
    Answer,
    Cause,
    Settings,
    Sharing,
    StepDown,
    TakeOver,
)
from lvsengine.heartbeat.words import Stance, Step
from tests.lvsengine.heartbeat.playing import (
    BACKUP,
    GIVES,
    OLD_BACKUP,
    OLD_PRIMARY,
    PRIMARY,
    STANDBY,
    STOP,
    TAKEOVER,
    Play,
    number,
    saying,
    serving,
    standing_by,
)


def test_an_order_to_be_what_it_is_already_is_done() -> None:
    play = standing_by(PRIMARY)
    play.order(STANDBY)
    assert play.answers() == [(True, "this director is standby already")]
    play = serving(PRIMARY)
    play.order(TAKEOVER)
    assert play.answers() == [(True, "this director is active already")]


def test_one_order_at_a_time_but_a_stop_comes_first() -> None:
    play = serving(PRIMARY)
    play.order(STANDBY, number=1)
    play.order(STANDBY, number=2)
    busy = Answer(2, ok=False, sentence="another order is being carried out")
    assert play.actions == [GIVES, busy]
    play.order(STOP, number=3)
    assert play.actions[2:] == [Answer(1, ok=False, sentence="this director is being stopped")]
    assert play.state is State.GIVING
    play.told()
    play.hear(Stance.TAKING, handover=(number(play), Step.TAKEN))
    play.down()
    play.wait(20.1)
    assert play.actions[-1] == Answer(3, ok=True, sentence="stops by order")


@pytest.mark.parametrize("settings", [PRIMARY, OLD_BACKUP])
def test_a_takeover_of_a_silent_peer_must_be_forced(settings: Settings) -> None:
    play = Play(settings)
    play.wait(0.0)
    play.order(TAKEOVER)
    who = settings.peer_is
    assert play.answers() == [(False, f"the {who} is not heard; it can be forced")]
    assert play.order(TAKEOVER, force=True, number=2) == [
        TakeOver("ordered by an operator, forced", Cause.FORCED),
        Answer(2, ok=True, sentence="ordered by an operator, forced"),
    ]


def test_a_takeover_while_both_stand_by_is_left_to_themselves_unless_forced() -> None:
    play = Play(BACKUP)
    play.wait(0.0)
    play.be_ready()
    play.hear(Stance.STANDBY)
    play.order(TAKEOVER)
    sentence = "both directors stand by, and one takes over by itself in a moment"
    assert play.answers() == [(False, f"{sentence}; it can be forced")]
    play.order(TAKEOVER, force=True)
    assert play.state is State.ACTIVE


def test_a_takeover_by_who_is_not_ready_must_be_forced() -> None:
    play = standing_by(BACKUP, ready=False)
    play.order(TAKEOVER)
    assert play.answers() == [(False, "not ready: its table differs")]


def test_an_original_cannot_be_asked_but_it_yields_to_the_primary() -> None:
    sentence = "speaks the original heartbeat, which cannot be asked: let it stand by instead"
    play = standing_by(OLD_BACKUP)
    play.order(TAKEOVER, force=True)
    assert play.answers() == [(False, f"the primary {sentence}")]
    play = standing_by(OLD_PRIMARY)
    play.order(TAKEOVER)
    assert play.answers() == [(False, f"the backup {sentence}")]
    play.order(TAKEOVER, force=True)
    assert play.state is State.ACTIVE


def test_an_order_to_take_over_ends_when_the_role_comes_by_itself() -> None:
    play = standing_by(BACKUP)
    play.order(TAKEOVER)
    assert play.wait(13.0)[1:] == [
        Answer(1, ok=True, sentence="no heartbeat from the primary on any link for 3 s")
    ]


# --- stop -------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [PRIMARY, OLD_PRIMARY])
def test_a_standby_that_stops_says_goodbye_three_times_and_then_nothing(
    settings: Settings,
) -> None:
    play = standing_by(settings)
    play.words.clear()
    play.order(STOP)
    play.wait(10.5)
    play.wait(30.0)
    assert [word.stance for _, word in play.words] == 3 * [Stance.STOPPING]
    assert play.answers() == [(True, "stops by order")]
    assert play.state is State.STOPPING


def test_an_active_that_stops_hands_over_first() -> None:
    play = serving(PRIMARY)
    assert play.order(STOP) == [GIVES]
    play.told()
    assert saying(play) == (Stance.GIVING, Step.OFFER)
    play.hear(Stance.TAKING, handover=(number(play), Step.TAKEN))
    play.down()
    assert saying(play) == (Stance.STOPPING, Step.RELEASED)
    play.wait(20.5)
    assert play.answers() == [(True, "stops by order")]


@pytest.mark.parametrize("settings", [PRIMARY, OLD_PRIMARY])
def test_an_active_that_stops_and_cannot_hand_over_lets_go_and_says_goodbye(
    settings: Settings,
) -> None:
    play = serving(settings)
    play.hear(Stance.STANDBY, ready=False)
    assert play.order(STOP) == [StepDown("stops by order", Cause.STOP)]
    play.down()
    assert play.said.stance is Stance.STOPPING


def test_an_active_that_stops_does_so_though_the_handover_fails() -> None:
    play = serving(PRIMARY)
    play.order(STOP)
    play.told()
    assert play.hear(Stance.STANDBY, handover=(number(play), Step.REFUSED), reasons="no") == [
        StepDown("stops by order; the backup refuses: no", Cause.STOP)
    ]


def test_a_director_that_lets_go_already_stops_after_that() -> None:
    play = serving(BACKUP)
    play.hear(Stance.ACTIVE)
    assert play.order(STOP) == []
    play.down()
    assert play.state is State.STOPPING


# --- failback ---------------------------------------------------------------------------------


def test_a_primary_asks_for_its_role_back_and_again_after_the_same_delay() -> None:
    play = standing_by(replace(PRIMARY, auto_failback=True, failback_delay_s=20.0))
    play.feed(Sharing(10.0, listens=None))
    play.listen(Stance.ACTIVE, 19.9)
    assert play.said.handover is None
    play.wait(20.0)
    assert saying(play) == (Stance.STANDBY, Step.ASK)
    assert play.sayings() == ["taking back: the primary has been ready for 20 s"]
    play.hear(Stance.ACTIVE, handover=(number(play), Step.REFUSED), reasons="not now")
    play.listen(Stance.ACTIVE, 39.9)
    assert play.said.handover is None
    play.listen(Stance.ACTIVE, 41.0)
    assert saying(play) == (Stance.STANDBY, Step.ASK)
    play.hear(Stance.GIVING, handover=(number(play), Step.OFFER))
    assert play.state is State.TAKING
