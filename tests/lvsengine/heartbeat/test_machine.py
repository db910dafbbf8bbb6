"""The rules of the pair: first the original's, row by row, then the machine's own habits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import (
    Announce,
    Answer,
    Cause,
    LinkDown,
    LinkUp,
    OrderKind,
    PeerKnocks,
    Settings,
    StepDown,
    TakeOver,
    Tick,
    WitnessAnswer,
)
from lvsengine.heartbeat.words import Link, Stance
from tests.lvsengine.heartbeat.playing import (
    BACKUP,
    OLD_BACKUP,
    OLD_PRIMARY,
    PRIMARY,
    Play,
    serving,
    standing_by,
)

BOTH = pytest.mark.parametrize("settings", [OLD_PRIMARY, OLD_BACKUP])
ALL = pytest.mark.parametrize("settings", [OLD_PRIMARY, OLD_BACKUP, PRIMARY, BACKUP])


# --- the original's table -------------------------------------------------------------------


@ALL
def test_running_heard_refreshes_the_timer(settings: Settings) -> None:
    play = standing_by(settings)
    play.wait(12.9)
    play.hear(Stance.ACTIVE)
    assert play.wait(15.8) == []
    assert play.state is State.STANDBY


def test_running_heard_by_an_active_backup_makes_it_say_so_once_more_and_let_go() -> None:
    play = serving(OLD_BACKUP)
    play.words.clear()
    assert play.hear(Stance.ACTIVE) == [StepDown("the primary is active too", Cause.CONFLICT)]
    assert [word.stance for _, word in play.words] == [Stance.ACTIVE]
    assert play.wait(21.5) == []
    assert len(play.words) == 1, "silent until the addresses are gone"
    play.down()
    assert play.said.stance is Stance.STANDBY


def test_running_heard_by_an_active_primary_makes_it_announce_when_the_backup_has_let_go() -> None:
    play = serving(OLD_PRIMARY)
    assert play.hear(Stance.ACTIVE) == []
    play.wait(20.5)
    assert play.hear(Stance.ACTIVE) == []
    assert play.hear(Stance.STANDBY) == [Announce("the backup has let go of the addresses")]
    assert play.hear(Stance.STANDBY) == []
    assert play.state is State.ACTIVE


def test_an_active_backup_that_falls_silent_is_announced_over_too() -> None:
    play = serving(OLD_PRIMARY)
    play.hear(Stance.ACTIVE)
    assert play.wait(23.0) == [Announce("the backup is silent now")]


@BOTH
def test_running_heard_by_a_standby_changes_nothing(settings: Settings) -> None:
    assert standing_by(settings).listen(Stance.ACTIVE, 30.0) == []


@pytest.mark.parametrize(
    ("settings", "who"),
    [(OLD_PRIMARY, "backup"), (OLD_BACKUP, "primary"), (PRIMARY, "backup"), (BACKUP, "primary")],
)
def test_stopped_heard_by_a_standby_makes_it_take_over_at_once(
    settings: Settings, who: str
) -> None:
    play = standing_by(settings)
    assert play.hear(Stance.STANDBY) == [TakeOver(f"the {who} stands by now", Cause.PEER_INACTIVE)]
    assert play.said.stance is Stance.ACTIVE


@ALL
def test_stopped_heard_by_a_standby_without_its_link_changes_nothing(settings: Settings) -> None:
    play = standing_by(replace(settings, monitor_links=True))
    play.feed(LinkDown(10.0, Link.PUBLIC))
    assert play.hear(Stance.STANDBY) == []
    assert play.listen(Stance.STANDBY, 20.0) == []


@ALL
def test_stopped_heard_by_an_active_changes_nothing(settings: Settings) -> None:
    assert serving(settings).listen(Stance.STANDBY, 40.0) == []


@ALL
def test_silence_for_deadtime_makes_a_standby_take_over_then_and_no_sooner(
    settings: Settings,
) -> None:
    play = standing_by(settings)
    assert play.wait(12.999) == []
    who = settings.peer_is
    assert play.wait(13.0) == [
        TakeOver(f"no heartbeat from the {who} on any link for 3 s", Cause.PEER_DEAD)
    ]
    assert (play.state, play.machine.since) == (State.ACTIVE, 13.0)


@ALL
def test_silence_does_not_make_a_standby_without_its_link_take_over(settings: Settings) -> None:
    play = standing_by(replace(settings, monitor_links=True))
    play.feed(LinkDown(10.0, Link.PUBLIC))
    assert play.wait(20.0) == []
    assert play.feed(LinkUp(20.0, Link.PUBLIC)) != []
    assert play.state is State.ACTIVE


@ALL
def test_silence_changes_nothing_for_an_active(settings: Settings) -> None:
    assert serving(settings).wait(60.0) == []


@ALL
def test_nothing_heard_since_the_start_for_deadtime_makes_it_take_over(settings: Settings) -> None:
    play = Play(settings)
    assert play.wait(2.999) == []
    assert [action.cause for action in play.wait(3.0) if isinstance(action, TakeOver)] == [
        Cause.PEER_DEAD
    ]


@ALL
def test_there_is_no_failback_unless_it_is_asked_for(settings: Settings) -> None:
    assert standing_by(settings).listen(Stance.ACTIVE, 500.0) == []


# --- when it speaks ---------------------------------------------------------------------------


@pytest.mark.parametrize(("keepalive_s", "deadtime_s"), [(0.05, 0.15), (6.0, 18.0)])
def test_it_speaks_at_once_and_then_every_keepalive(keepalive_s: float, deadtime_s: float) -> None:
    play = Play(replace(PRIMARY, keepalive_s=keepalive_s, deadtime_s=deadtime_s))
    play.wait(0.0)
    play.wait(2.01 * keepalive_s)
    assert [at for at, _ in play.words] == pytest.approx([0.0, keepalive_s, 2 * keepalive_s])


def test_what_is_new_is_said_at_once_but_reasons_wait_for_their_turn() -> None:
    play = standing_by(BACKUP)
    play.wait(10.3)
    count = len(play.words)
    play.be_ready(ok=False, reasons="its table differs")
    assert len(play.words) == count + 1
    assert (play.said.ready, play.said.reasons) == (False, "its table differs")
    play.be_ready(ok=False, reasons="its revision differs")
    assert len(play.words) == count + 1
    assert play.said.revision == "abc123"


def test_a_stranger_is_answered_soon_but_not_as_often_as_it_knocks() -> None:
    play = standing_by(BACKUP)
    play.wait(10.0)
    play.words.clear()
    play.wait(10.1)
    for _ in range(100):
        play.feed(PeerKnocks(play.now))
    assert play.words == []
    play.wait(10.25)
    assert [at for at, _ in play.words] == [10.25]


def test_the_original_form_never_speaks_while_it_lets_go() -> None:
    play = serving(OLD_PRIMARY)
    play.order(OrderKind.STANDBY)
    play.words.clear()
    play.wait(22.0)
    assert play.words == []
    play.down()
    assert play.said.stance is Stance.STANDBY


def test_addresses_that_nobody_reports_gone_are_taken_for_gone_in_the_end() -> None:
    play = serving(BACKUP)
    play.hear(Stance.ACTIVE)
    assert play.state is State.LETTING_GO
    play.listen(Stance.ACTIVE, 24.9)
    assert play.said.stance is Stance.LETTING_GO
    play.listen(Stance.ACTIVE, 25.0)
    assert play.machine.state is State.STANDBY
    assert "nobody said that the addresses are gone; going on" in play.sayings()


# --- sleep ------------------------------------------------------------------------------------


@ALL
def test_a_little_lateness_is_no_sleep(settings: Settings) -> None:
    play = standing_by(settings)
    play.wait(11.0)
    play.sleep(12.0 + 1.5)
    assert play.state is State.ACTIVE
    assert play.sayings() == []


@ALL
def test_a_standby_that_slept_listens_for_a_whole_deadtime_first(settings: Settings) -> None:
    play = standing_by(settings)
    assert play.sleep(30.0) == []
    assert play.sayings() == ["this director was asleep for 19 s: it listens first"]
    assert play.wait(32.9) == []
    assert play.wait(33.0) != []


def test_a_standby_that_slept_judges_by_the_last_of_the_words_that_waited() -> None:
    play = standing_by(OLD_BACKUP)
    play.sleep(30.0)
    assert play.hear(Stance.STANDBY) == []
    assert play.hear(Stance.ACTIVE) == []
    assert play.wait(31.0) == []
    assert play.state is State.STANDBY


@pytest.mark.parametrize("settings", [PRIMARY, BACKUP])
def test_an_active_that_slept_claims_nothing_until_it_has_heard_the_peer(
    settings: Settings,
) -> None:
    play = serving(settings)
    play.sleep(30.0)
    assert play.said.stance is Stance.LISTENING
    assert play.hear(Stance.STANDBY, knows=19.0) == [], "this word may be an old one"
    assert play.said.stance is Stance.LISTENING
    assert play.hear(Stance.STANDBY, knows=30.0) == []
    assert play.words[-1][1].stance is Stance.ACTIVE


@ALL
def test_an_active_that_slept_lets_go_when_the_peer_took_over(settings: Settings) -> None:
    play = serving(settings)
    play.sleep(30.0)
    reason = f"the {settings.peer_is} took over while this director was asleep"
    assert play.hear(Stance.ACTIVE, knows=0.0) == [StepDown(reason, Cause.RESUMED)]


@ALL
def test_an_active_that_slept_and_hears_nobody_goes_on(settings: Settings) -> None:
    play = serving(settings)
    play.sleep(30.0)
    words = len(play.words)
    play.wait(32.9)
    assert play.machine.doubt is not None
    assert (len(play.words) == words) is settings.original, "the original form has no such word"
    assert play.wait(33.0) == []
    assert play.said.stance is Stance.ACTIVE


def test_in_the_original_form_words_that_waited_do_not_end_the_doubt() -> None:
    play = serving(OLD_PRIMARY)
    play.sleep(30.0)
    play.hear(Stance.STANDBY)
    assert play.machine.doubt is not None
    play.wait(30.2)
    play.hear(Stance.STANDBY)
    assert play.machine.doubt is None


def test_a_giver_that_slept_tells_who_ordered_and_doubts() -> None:
    play = serving(PRIMARY)
    play.order(OrderKind.STANDBY)
    assert play.state is State.GIVING
    assert play.sleep(40.0) == [Answer(1, ok=False, sentence="this director was asleep meanwhile")]
    assert (play.state, play.said.stance) == (State.ACTIVE, Stance.LISTENING)


def test_a_giver_that_slept_and_must_stop_still_stops() -> None:
    play = serving(PRIMARY)
    play.order(OrderKind.STOP)
    assert play.sleep(40.0) == []
    assert play.wait(43.0) == [StepDown("stops by order", Cause.STOP)]


# --- what does not concern it -----------------------------------------------------------------


def test_what_comes_at_the_wrong_time_changes_nothing() -> None:
    play = standing_by(BACKUP)
    before = replace(play.machine, due_at=0.0)
    for _ in range(2):
        play.up()
        play.down()
        play.feed(WitnessAnswer(10.0, reached=True))
        play.feed(Tick(10.0))
    assert replace(play.machine, due_at=0.0) == before
