"""Is it the peer that is gone, or are we the isolated one? Ask the witnesses, repeatedly."""

from __future__ import annotations

from dataclasses import replace

from lvsengine.heartbeat.state import Inquiry, Machine
from lvsengine.heartbeat.values import AskWitness, Settings

PATIENCE_S = 1.0  # at least this long an answer may take


def inquire(settings: Settings, machine: Machine, at: float, why: str) -> Machine:
    """Ask when nothing is known, or what is known is older than it may be."""
    inquiry = machine.inquiry
    if inquiry is not None and at < expires(settings, inquiry):
        return machine
    if inquiry is not None and inquiry.reached is None:
        return replace(machine, inquiry=Inquiry(at, reached=False))
    return replace(machine, inquiry=Inquiry(at)).act(AskWitness(why))


def expires(settings: Settings, inquiry: Inquiry) -> float:
    """When an answer is too old, or one that did not come counts as no."""
    if inquiry.reached is None:
        return inquiry.at + max(settings.deadtime_s, PATIENCE_S)
    return inquiry.at + settings.deadtime_s


def reached(machine: Machine) -> bool | None:
    return machine.inquiry.reached if machine.inquiry is not None else None
