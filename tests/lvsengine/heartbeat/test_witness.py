from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat import witness
from lvsengine.heartbeat.state import Inquiry, begun
from lvsengine.heartbeat.values import AskWitness, Say
from tests.lvsengine.heartbeat.playing import BACKUP

QUICK = replace(BACKUP, deadtime_s=0.15)


def test_one_question_at_a_time() -> None:
    machine = witness.inquire(BACKUP, begun(0.0), 5.0, "silence")
    assert machine.doing == (AskWitness("silence"),)
    assert witness.inquire(BACKUP, machine, 7.9, "silence") == machine


def test_an_answer_that_does_not_come_is_no() -> None:
    machine = witness.inquire(BACKUP, begun(0.0), 5.0, "silence")
    assert witness.reached(machine) is None
    machine = witness.inquire(BACKUP, machine, 8.0, "silence")
    assert witness.reached(machine) is False
    assert len(witness.inquire(BACKUP, machine, 11.0, "silence").doing) == 2


def test_an_answer_may_take_a_second_however_short_deadtime_is() -> None:
    assert witness.expires(QUICK, Inquiry(5.0)) == 6.0
    assert witness.expires(QUICK, Inquiry(5.0, reached=True)) == 5.15
    assert witness.expires(BACKUP, Inquiry(5.0)) == 8.0


def test_nobody_asked_is_no_answer_and_nothing_to_say() -> None:
    assert witness.reached(begun(0.0)) is None
    assert witness.answered(begun(0.0), 1.0, reached=True) == begun(0.0)
    assert witness.said_once(begun(0.0), "nobody answers") == begun(0.0)


def test_that_nobody_answers_is_said_once_however_often_it_is_asked() -> None:
    machine = witness.inquire(BACKUP, begun(0.0), 5.0, "silence")
    for at in (8.0, 11.0, 14.0, 17.0):
        machine = witness.inquire(BACKUP, machine, at, "silence")
        machine = witness.said_once(machine, "nobody answers")
    assert machine.doing.count(Say("nobody answers")) == 1
