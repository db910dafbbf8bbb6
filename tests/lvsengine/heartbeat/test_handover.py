from __future__ import annotations

from dataclasses import replace

import pytest

from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import (
    Announce,
    Answer,
    Cause,
    Give,
    LinkDown,
    OrderKind,
    Settings,
    Sharing,
    StepDown,
    TakeOver,
)
from lvsengine.heartbeat.words import Handover, Link, Stance, Step
from tests.lvsengine.heartbeat.playing import (
    BACKUP,
    OLD_BACKUP,
    OLD_PRIMARY,
    PRIMARY,
    Play,
    serving,
    standing_by,
)

GIVES = Give("handing over to the backup")
STOP, STANDBY, TAKEOVER = OrderKind.STOP, OrderKind.STANDBY, OrderKind.TAKEOVER


def number(play: Play) -> int:
    """The exchange that it speaks of."""
    assert play.said.handover is not None
    return play.said.handover.number


def saying(play: Play) -> tuple[Stance, Step | None]:
    said = play.said.handover
    return play.said.stance, said.step if said is not None else None


# --- the giver --------------------------------------------------------------------------------


def test_the_giver_serves_until_the_taker_has_the_addresses_up() -> None:
    play = serving(PRIMARY)
    assert play.order(STANDBY) == [GIVES]
    assert saying(play) == (Stance.GIVING, Step.OFFER)
    assert play.hear(Stance.STANDBY) == []
    assert play.hear(Stance.TAKING, handover=(number(play), Step.ACCEPTED)) == []
    reason = "handed over: the backup has the addresses up"
    assert play.hear(Stance.TAKING, handover=(number(play), Step.TAKEN)) == [
        StepDown(reason, Cause.HANDOVER)
    ]
    assert saying(play)[0] is Stance.LETTING_GO
    assert play.down() == [Answer(1, ok=True, sentence=reason)]
    assert saying(play) == (Stance.STANDBY, Step.RELEASED)
    assert play.listen(Stance.ACTIVE, 40.0) == []
    assert play.said.handover is None, "over and forgotten"


def test_what_is_waited_for_is_said_every_50_ms() -> None:
    play = serving(PRIMARY)
    play.order(STANDBY)
    play.words.clear()
    play.wait(20.26)
    assert len(play.words) == 5
    assert {word.handover.step for _, word in play.words if word.handover} == {Step.OFFER}


def test_a_taken_of_another_exchange_is_none() -> None:
    play = serving(PRIMARY)
    play.order(STANDBY)
    assert play.hear(Stance.TAKING, handover=(number(play) + 1, Step.TAKEN)) == []
    assert play.state is State.GIVING


def test_a_taker_that_went_active_meanwhile_has_the_addresses_up_too() -> None:
    play = serving(BACKUP)
    play.order(STANDBY)
    assert play.hear(Stance.ACTIVE) != []
    assert play.state is State.LETTING_GO


@pytest.mark.parametrize(
    ("taker", "why"),
    [
        ("refuses", "the backup refuses: its table differs"),
        ("is slow", "the backup did not take over in time"),
        ("is silent", "the backup is silent"),
    ],
)
def test_a_handover_that_does_not_come_about_is_called_off(taker: str, why: str) -> None:
    play = serving(PRIMARY)
    play.order(STANDBY)
    if taker == "refuses":
        play.hear(
            Stance.STANDBY, handover=(number(play), Step.REFUSED), reasons="its table differs"
        )
    elif taker == "is slow":
        play.listen(Stance.TAKING, 25.0)
    else:
        play.wait(23.0)
    assert play.answers() == [(False, f"the handover is called off: {why}")]
    assert saying(play) == (Stance.ACTIVE, Step.CANCELLED)
    assert not any(isinstance(action, StepDown | TakeOver) for action in play.actions)


@pytest.mark.parametrize(
    ("ready", "link_failed", "why"),
    [
        (False, False, "is not ready: its table differs"),
        (True, True, "has lost a link that it needs"),
    ],
)
def test_a_peer_that_could_not_serve_is_handed_nothing_unless_forced(
    ready: bool, link_failed: bool, why: str
) -> None:
    play = serving(PRIMARY)
    play.hear(Stance.STANDBY, ready=ready, link_failed=link_failed, reasons="its table differs")
    play.order(STANDBY)
    assert play.answers() == [(False, f"the backup {why}")]
    assert saying(play) == (Stance.ACTIVE, None)
    play.order(STANDBY, force=True)
    assert play.said.stance is Stance.GIVING
    assert play.said.handover == Handover(number(play), Step.OFFER, force=True)


@pytest.mark.parametrize(
    ("stance", "why"),
    [
        (Stance.LETTING_GO, "the backup does not stand by"),
        (Stance.STOPPING, "the backup is not heard, so nobody would serve"),
    ],
)
def test_a_peer_that_does_not_stand_by_is_handed_nothing(stance: Stance, why: str) -> None:
    play = serving(PRIMARY)
    play.hear(stance)
    play.order(STANDBY, force=True)
    assert play.answers() == [(False, why)]


def test_a_peer_that_is_not_heard_is_handed_nothing() -> None:
    play = serving(PRIMARY)
    play.wait(30.0)
    play.order(STANDBY, force=True)
    assert play.answers() == [(False, "the backup is not heard, so nobody would serve")]


def test_to_an_original_it_hands_over_by_standing_by() -> None:
    play = serving(OLD_PRIMARY)
    assert play.order(STANDBY) == [StepDown("ordered by an operator", Cause.HANDOVER)]
    assert play.down() == [Answer(1, ok=True, sentence="ordered by an operator")]
    assert play.listen(Stance.STANDBY, 22.9) == [], "it does not take the role back at once"
    assert play.listen(Stance.STANDBY, 23.1) != []


def test_a_standby_that_asks_is_offered_the_role() -> None:
    play = serving(PRIMARY)
    play.hear(Stance.STANDBY, handover=(77, Step.ASK))
    assert play.said.handover == Handover(77, Step.OFFER)
    assert play.state is State.GIVING


def test_a_standby_that_asks_and_is_not_ready_is_refused_until_it_asks_anew() -> None:
    play = serving(PRIMARY)
    for _ in range(3):
        play.hear(Stance.STANDBY, ready=False, reasons="no", handover=(77, Step.ASK))
    assert saying(play) == (Stance.ACTIVE, Step.REFUSED)
    assert play.sayings() == ["handover refused: the backup is not ready: no"]
    play.wait(20.5)
    assert play.said.reasons == "the backup is not ready: no"
    play.listen(Stance.STANDBY, 25.0)
    assert play.said.handover is None
    play.hear(Stance.STANDBY, ready=False, handover=(78, Step.ASK), force=True)
    assert saying(play) == (Stance.GIVING, Step.OFFER)


def test_who_doubts_its_own_role_offers_it_to_nobody() -> None:
    play = serving(PRIMARY)
    play.sleep(40.0)
    play.hear(Stance.STANDBY, knows=0.0, handover=(77, Step.ASK))
    assert play.state is State.ACTIVE


# --- the taker --------------------------------------------------------------------------------


def taking(play: Play) -> Play:
    play.hear(Stance.GIVING, handover=(9, Step.OFFER))
    assert play.state is State.TAKING
    return play


def test_the_taker_says_taken_when_the_addresses_are_up_and_announces_when_the_giver_let_go() -> (
    None
):
    play = standing_by(BACKUP)
    reason = "the primary hands over"
    assert play.hear(Stance.GIVING, handover=(9, Step.OFFER)) == [
        TakeOver(reason, Cause.HANDOVER, planned=True)
    ]
    assert saying(play) == (Stance.TAKING, Step.ACCEPTED)
    play.up()
    assert saying(play) == (Stance.TAKING, Step.TAKEN)
    assert play.hear(Stance.GIVING, handover=(9, Step.OFFER)) == []
    assert play.hear(Stance.LETTING_GO, handover=(9, Step.TAKEN)) == []
    assert saying(play) == (Stance.ACTIVE, None)
    assert play.hear(Stance.STANDBY, handover=(9, Step.RELEASED)) == [
        Announce("the primary has let go of the addresses")
    ]


@pytest.mark.parametrize("stance", [Stance.STANDBY, Stance.STOPPING])
def test_a_giver_that_is_first_heard_when_all_is_done_is_announced_over_at_once(
    stance: Stance,
) -> None:
    play = taking(standing_by(BACKUP))
    play.up()
    assert play.hear(stance) == [Announce("the primary has let go of the addresses")]
    assert play.machine.reason == "the primary handed over"


@pytest.mark.parametrize("stance", [Stance.ACTIVE, Stance.LISTENING])
def test_a_taker_lets_go_again_when_the_giver_called_it_off(stance: Stance) -> None:
    play = taking(standing_by(BACKUP))
    assert play.hear(stance) == [StepDown("the primary called the handover off", Cause.HANDOVER)]


def test_a_giver_that_falls_silent_leaves_the_role_to_the_taker() -> None:
    play = taking(standing_by(BACKUP))
    play.up()
    assert play.wait(13.0) == []
    assert play.state is State.ACTIVE
    assert play.machine.reason == "the primary fell silent while it handed over"


def test_a_taker_that_slept_judges_by_the_last_of_the_words_that_waited() -> None:
    play = taking(standing_by(BACKUP))
    play.up()
    play.sleep(20.0)
    assert play.hear(Stance.STANDBY) == []
    assert play.hear(Stance.ACTIVE) == []
    assert play.wait(20.2) != []
    assert play.state is State.LETTING_GO


def test_an_offer_that_waited_for_a_sleeper_is_not_taken() -> None:
    play = standing_by(BACKUP)
    play.sleep(20.0)
    assert play.hear(Stance.GIVING, handover=(9, Step.OFFER)) == []
    play.wait(20.2)
    assert play.hear(Stance.GIVING, handover=(9, Step.OFFER)) != []


@pytest.mark.parametrize("forced", [False, True])
def test_an_offer_is_refused_by_who_is_not_ready_unless_forced(forced: bool) -> None:
    play = standing_by(BACKUP, ready=False)
    for _ in range(3):
        play.hear(Stance.GIVING, handover=(9, Step.OFFER), force=forced)
    if forced:
        assert play.state is State.TAKING
    else:
        assert saying(play) == (Stance.STANDBY, Step.REFUSED)
        assert play.said.reasons == "its table differs"
        play.listen(Stance.ACTIVE, 16.0)
        assert play.said.handover is None


@pytest.mark.parametrize("link", Link)
def test_an_offer_is_refused_by_who_has_lost_a_link_that_it_needs(link: Link) -> None:
    play = standing_by(replace(BACKUP, monitor_links=True, needs=frozenset(Link)))
    play.feed(LinkDown(10.0, link))
    play.hear(Stance.GIVING, handover=(9, Step.OFFER))
    assert saying(play) == (Stance.STANDBY, Step.REFUSED)
    play.wait(10.2)
    assert play.said.reasons == f"the {link.value} link is down"


def test_an_order_to_take_over_asks_the_active_and_takes_what_is_offered() -> None:
    play = standing_by(BACKUP)
    assert play.order(TAKEOVER) == []
    assert saying(play) == (Stance.STANDBY, Step.ASK)
    play.hear(Stance.GIVING, handover=(number(play), Step.OFFER))
    play.up()
    assert play.hear(Stance.LETTING_GO) == [Answer(1, ok=True, sentence="the primary handed over")]


def test_a_forced_order_to_take_over_is_carried_out_though_not_ready() -> None:
    play = standing_by(BACKUP, ready=False)
    play.order(TAKEOVER, force=True)
    assert play.said.handover == Handover(number(play), Step.ASK, force=True)
    play.hear(Stance.GIVING, handover=(number(play), Step.OFFER))
    assert play.state is State.TAKING


def test_an_order_to_take_over_that_is_refused_or_not_heard_says_so() -> None:
    play = standing_by(BACKUP)
    play.order(TAKEOVER)
    play.hear(Stance.ACTIVE, handover=(number(play) + 5, Step.REFUSED))
    assert play.answers() == []
    play.hear(Stance.ACTIVE, handover=(number(play), Step.REFUSED), reasons="no")
    assert play.answers() == [(False, "the primary refuses: no")]
    play.order(TAKEOVER)
    play.listen(Stance.ACTIVE, 15.0)
    assert play.answers()[1:] == [(False, "the primary did not hand over in time")]


def test_a_taker_ordered_to_stop_lets_go_again() -> None:
    play = taking(standing_by(BACKUP))
    assert play.order(STOP) == [StepDown("stops by order", Cause.STOP)]


# --- orders -----------------------------------------------------------------------------------


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
