from __future__ import annotations

from dataclasses import replace

import pytest

from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import (
    Announce,
    Answer,
    Cause,
    LinkDown,
    StepDown,
    TakeOver,
)
from lvsengine.heartbeat.words import Handover, Link, Stance, Step
from tests.lvsengine.heartbeat.playing import (
    BACKUP,
    GIVES,
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

# --- the giver --------------------------------------------------------------------------------


def test_the_giver_serves_until_the_taker_has_the_addresses_up() -> None:
    play = serving(PRIMARY)
    assert play.order(STANDBY) == [GIVES]
    assert saying(play) == (Stance.GIVING, None), "first the peer's kernel must know"
    assert play.told() == []
    assert saying(play) == (Stance.GIVING, Step.OFFER)
    assert play.hear(Stance.STANDBY) == []
    assert play.hear(Stance.TAKING, handover=(number(play), Step.ACCEPTED)) == []
    reason = "handed over: the backup has the addresses up"
    assert play.hear(Stance.TAKING, handover=(number(play), Step.TAKEN)) == [
        StepDown(reason, Cause.HANDOVER, planned=True)
    ]
    assert saying(play)[0] is Stance.LETTING_GO
    assert play.down() == [Answer(1, ok=True, sentence=reason)]
    assert saying(play) == (Stance.STANDBY, Step.RELEASED)
    assert play.listen(Stance.ACTIVE, 40.0) == []
    assert play.said.handover is None, "over and forgotten"


def test_a_kernel_that_is_long_told_of_connections_holds_the_offer_up_for_a_second() -> None:
    play = serving(PRIMARY)
    play.order(STANDBY)
    play.wait(20.99)
    assert saying(play) == (Stance.GIVING, None)
    play.wait(21.01)
    assert saying(play) == (Stance.GIVING, Step.OFFER)
    play.words.clear()
    assert play.told() == []
    assert play.listen(Stance.STANDBY, 23.0) == []
    assert {word.handover.step for _, word in play.words if word.handover} == {Step.OFFER}
    assert play.listen(Stance.STANDBY, 26.1) != [], "it has its whole time from the offer"


def test_what_is_told_too_late_offers_nothing() -> None:
    play = serving(PRIMARY)
    play.order(STANDBY)
    play.listen(Stance.ACTIVE, 20.5)
    assert play.state is State.LETTING_GO
    play.told()
    assert saying(play) == (Stance.LETTING_GO, None)


def test_what_is_waited_for_is_said_every_50_ms() -> None:
    play = serving(PRIMARY)
    play.order(STANDBY)
    play.told()
    play.words.clear()
    play.wait(20.26)
    assert len(play.words) == 5
    assert {word.handover.step for _, word in play.words if word.handover} == {Step.OFFER}


def test_a_taken_of_another_exchange_is_none() -> None:
    play = serving(PRIMARY)
    play.order(STANDBY)
    play.told()
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
    play.told()
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
    play.told()
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
    assert play.hear(Stance.STANDBY, handover=(77, Step.ASK)) == []
    play.told()
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
    play.told()
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
