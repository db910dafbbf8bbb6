from __future__ import annotations

from dataclasses import replace

import pytest

from lvsengine.heartbeat import failback
from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.values import (
    Cause,
    LinkDown,
    LinkUp,
    PeerWord,
    Say,
    Settings,
    Sharing,
    TakeOver,
)
from lvsengine.heartbeat.words import Link, Stance, Step, Word
from tests.lvsengine.heartbeat.playing import BACKUP, OLD_PRIMARY, PRIMARY, Play, standing_by

DELAY_S = 20.0
BACK = replace(PRIMARY, auto_failback=True, failback_delay_s=DELAY_S, forgets_s=300.0)
OLD_BACK = replace(OLD_PRIMARY, auto_failback=True, failback_delay_s=DELAY_S, forgets_s=300.0)


def returned(settings: Settings = BACK, *, listens: bool | None = True, knows: int = 0) -> Play:
    """A primary that has come back and stands by."""
    play = standing_by(settings)
    play.feed(Sharing(10.0, listens, knows))
    return play


def hear(play: Play, theirs: int | None, until: float) -> None:
    """Hear the active peer every second, and how many connections it has."""
    while play.now < until and not asked(play):
        play.wait(play.now + 1.0)
        word = Word(Stance.ACTIVE, ready=True, connections=theirs)
        play.feed(PeerWord(play.now, word, play.now))


def asked(play: Play) -> bool:
    exchange = play.machine.exchange
    return exchange is not None and exchange.step is Step.ASK


def learn(play: Play, connections: int | None, *, listens: bool = True) -> None:
    play.feed(Sharing(play.now, listens, connections))


def test_a_primary_that_was_long_ready_and_knows_the_connections_takes_back() -> None:
    play = returned(knows=90)
    hear(play, 100, until=60.0)
    assert asked(play)
    assert play.now == DELAY_S
    assert play.sayings() == [
        "taking back: the primary has been ready for 20 s and knows 90 connections, the peer 100"
    ]


def test_it_waits_until_it_knows_nine_in_ten_and_says_so_once() -> None:
    play = returned(knows=12)
    hear(play, 340, until=60.0)
    learn(play, 305)
    hear(play, 340, until=80.0)
    assert not asked(play)
    assert play.sayings() == [
        "the primary waits before it takes back: it knows 12 of the peer's 340 connections"
    ]
    learn(play, 306)
    assert asked(play)


def test_it_listens_for_a_whole_refresh_however_many_it_knows() -> None:
    play = returned(replace(BACK, failback_delay_s=0.0), knows=500)
    play.actions.clear()
    hear(play, 10, until=19.0)
    assert not asked(play)
    hear(play, 10, until=30.0)
    assert play.now == 20.0


def test_a_peer_with_no_connections_has_none_to_wait_for() -> None:
    play = returned(knows=0)
    hear(play, 0, until=60.0)
    assert play.now == DELAY_S


def test_where_nothing_is_shared_there_is_nothing_to_wait_for() -> None:
    play = returned(listens=None)
    hear(play, None, until=60.0)
    assert play.now == DELAY_S


def test_before_it_knows_whether_it_is_told_it_waits() -> None:
    play = standing_by(BACK)
    hear(play, 0, until=400.0)
    assert not asked(play)
    assert "does not hear of the peer's connections" in play.sayings()[0]


def test_when_the_peer_has_forgotten_what_it_never_told_numbers_do_not_matter() -> None:
    play = returned(knows=0)
    hear(play, 1_000, until=400.0)
    assert play.now == 310.0


def test_who_is_not_told_of_connections_never_takes_back() -> None:
    play = returned(listens=False)
    hear(play, 10, until=1_000.0)
    assert not asked(play)


@pytest.mark.parametrize("theirs", [None, 5])
def test_without_both_numbers_it_waits_until_all_is_told_or_forgotten(theirs: int | None) -> None:
    play = returned()
    learn(play, None if theirs is not None else 5)
    hear(play, theirs, until=400.0)
    assert play.now == 310.0
    assert "forgets after 300 s" in play.sayings()[0]


def test_beside_an_original_it_claims_when_all_is_told_or_forgotten() -> None:
    play = returned(OLD_BACK, knows=500)
    assert play.listen(Stance.ACTIVE, 309.9) == []
    assert play.listen(Stance.ACTIVE, 310.0) == [
        TakeOver("the primary has been ready for 20 s", Cause.FAILBACK)
    ]


def test_what_was_told_while_a_link_was_down_has_been_missed() -> None:
    play = returned(knows=100)
    hear(play, 100, until=15.0)
    play.feed(LinkDown(15.0, Link.PRIVATE))
    play.feed(LinkUp(15.5, Link.PRIVATE))
    hear(play, 100, until=60.0)
    assert play.now == 25.5


def test_what_was_told_while_it_slept_has_been_missed() -> None:
    play = returned(knows=100)
    play.sleep(16.0)
    hear(play, 100, until=60.0)
    assert play.now == 26.0


def test_the_daemon_that_fails_in_between_begins_the_wait_anew() -> None:
    play = returned(knows=100)
    hear(play, 100, until=15.0)
    learn(play, 100, listens=False)
    learn(play, 100)
    hear(play, 100, until=60.0)
    assert play.now == 25.0


def test_each_time_that_it_stands_by_it_listens_anew() -> None:
    play = returned(replace(BACK, failback_delay_s=0.0), knows=500)
    play.wait(13.0)
    assert play.state is State.ACTIVE
    play.up()
    play.feed(Sharing(14.0, listens=False))
    assert play.machine.listens_since is None
    play.feed(Sharing(15.0, listens=True))
    play.machine = replace(play.machine, state=State.LETTING_GO)
    play.down()
    assert play.machine.listens_since is None


def test_a_primary_that_is_not_ready_does_not_take_back() -> None:
    play = standing_by(BACK, ready=False)
    play.feed(Sharing(10.0, listens=None))
    hear(play, 0, until=100.0)
    assert not asked(play)
    play.be_ready()
    hear(play, 0, until=200.0)
    assert play.now == 100.0 + DELAY_S


def test_only_the_primary_that_is_told_to_takes_back() -> None:
    for settings in (replace(BACK, auto_failback=False), replace(BACK, primary=False)):
        play = returned(settings, knows=100)
        hear(play, 100, until=400.0)
        assert not asked(play)
    assert failback.moments(BACKUP, standing_by(BACKUP).machine) == ()


def test_it_says_how_many_connections_it_knows_but_not_at_once() -> None:
    play = returned(knows=7)
    hear(play, 8, until=11.0)
    assert play.said.connections == 7
    count = len(play.words)
    learn(play, 8)
    assert len(play.words) == count


def test_that_it_waits_is_said_again_the_next_time() -> None:
    play = returned(listens=False)
    hear(play, 10, until=40.0)
    play.wait(43.0)
    assert play.state is State.ACTIVE
    assert not play.machine.cold_said
    assert sum(isinstance(one, Say) for one in play.actions) == 1
