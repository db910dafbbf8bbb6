from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat.state import (
    State,
    answered,
    become,
    begun,
    cut_off,
    heard,
    let_go,
    link_failed,
    lost_links,
    silent_since,
    step_down,
)
from lvsengine.heartbeat.values import Answer, Cause, Order, OrderKind, StepDown
from lvsengine.heartbeat.words import Link, Stance
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


def test_what_is_lost_is_named_and_counts_only_where_links_are_monitored() -> None:
    machine = replace(begun(0.0), links_down=frozenset((Link.PUBLIC,)))
    assert lost_links(machine) == "the public link is down"
    assert not link_failed(BACKUP, machine)
    assert link_failed(replace(BACKUP, monitor_links=True), machine)
    assert lost_links(replace(machine, links_down=frozenset(Link))) == "both links are down"


def test_a_link_that_lvs_cf_no_longer_names_is_not_missed() -> None:
    one_link = replace(BACKUP, monitor_links=True, links=(Link.PUBLIC,), needs=frozenset(Link))
    machine = replace(begun(0.0), links_down=frozenset((Link.PRIVATE,)))
    assert not link_failed(one_link, machine)
    assert not cut_off(one_link, machine)
    assert cut_off(one_link, replace(machine, links_down=frozenset(Link)))
