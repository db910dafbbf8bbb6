from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat.state import (
    State,
    answered,
    become,
    begun,
    heard,
    let_go,
    silent_since,
    step_down,
)
from lvsengine.heartbeat.values import Answer, Cause, Order, OrderKind, StepDown
from lvsengine.heartbeat.words import Stance
from tests.lvsengine.heartbeat.playing import BACKUP, standing_by


def test_a_director_starts_as_standby_and_has_heard_nobody() -> None:
    machine = begun(5.0)
    assert machine.state is State.STANDBY
    assert silent_since(machine) == 5.0
    assert heard(BACKUP, machine, 5.0) is None


def test_an_order_is_answered_when_the_state_is_what_it_wanted() -> None:
    machine = replace(begun(0.0), order=Order(0.0, 3, OrderKind.TAKEOVER))
    assert become(machine, State.TAKING, 1.0, "on the way").doing == ()
    done = become(machine, State.ACTIVE, 1.0, "there")
    assert (done.order, done.doing) == (None, (Answer(3, ok=True, sentence="there"),))


def test_without_an_order_nobody_is_answered() -> None:
    assert answered(begun(0.0), ok=True, sentence="there") == begun(0.0)


def test_an_order_to_take_over_fails_when_the_role_is_lost_on_the_way() -> None:
    machine = replace(begun(0.0), order=Order(0.0, 3, OrderKind.TAKEOVER))
    machine = step_down(BACKUP, machine, 1.0, Cause.HANDOVER, "called off")
    assert machine.doing == (
        StepDown("called off", Cause.HANDOVER),
        Answer(3, ok=False, sentence="called off"),
    )


def test_letting_go_is_given_as_long_as_a_handover_or_deadtime() -> None:
    assert step_down(BACKUP, begun(0.0), 1.0, Cause.STOP, "").deadline == 6.0
    slow = replace(BACKUP, deadtime_s=18.0)
    assert step_down(slow, begun(0.0), 1.0, Cause.STOP, "").deadline == 19.0


def test_who_has_let_go_knows_whether_the_peer_serves() -> None:
    play = standing_by(BACKUP)
    for stance, serves in [(Stance.TAKING, True), (Stance.STANDBY, False)]:
        assert play.machine.peer is not None
        peer = replace(play.machine.peer, word=replace(play.machine.peer.word, stance=stance))
        after = let_go(BACKUP, replace(play.machine, peer=peer), 11.0)
        assert after.peer is not None
        assert after.peer.served is serves
    assert let_go(BACKUP, begun(0.0), 11.0).peer is None
