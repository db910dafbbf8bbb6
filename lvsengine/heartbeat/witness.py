"""Is it the peer that is gone, or are we the isolated one? Ask the witnesses, repeatedly."""

from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat.state import Inquiry, Machine
from lvsengine.heartbeat.values import AskWitness, Say, Settings

PATIENCE_S = 1.0  # at least this long an answer may take


def inquire(settings: Settings, machine: Machine, at: float, why: str) -> Machine:
    """Ask when nothing is known, or what is known is older than it may be."""
    inquiry = machine.inquiry
    if inquiry is not None and at < expires(settings, inquiry):
        return machine
    if inquiry is not None and inquiry.reached is None:
        return answered(machine, at, reached=False)
    said = inquiry is not None and inquiry.said
    return replace(machine, inquiry=Inquiry(at, said=said)).act(AskWitness(why))


def answered(machine: Machine, at: float, *, reached: bool) -> Machine:
    """Note an answer, if there was a question."""
    if machine.inquiry is None:
        return machine
    return replace(machine, inquiry=replace(machine.inquiry, at=at, reached=reached))


def said_once(machine: Machine, sentence: str) -> Machine:
    """Say that no witness answers, the first time."""
    if machine.inquiry is None or machine.inquiry.said:
        return machine
    return replace(machine, inquiry=replace(machine.inquiry, said=True)).act(Say(sentence))


def expires(settings: Settings, inquiry: Inquiry) -> float:
    """When an answer is too old, or one that did not come counts as no."""
    if inquiry.reached is None:
        return inquiry.at + max(settings.deadtime_s, PATIENCE_S)
    return inquiry.at + settings.deadtime_s


def reached(machine: Machine) -> bool | None:
    return machine.inquiry.reached if machine.inquiry is not None else None
