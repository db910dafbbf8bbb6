"""One real server's health, from the results of its checks. No clock, no socket.

                     first success
    UNKNOWN ---------------------------------> UP
       |                                     ^   |
       | first failure   `rise` successes    |   | `fall` failures
       |                 in a row (one, the  |   | in a row
       |                 first time ever)    |   |
       +---------------------------------> DOWN <+

A machine may also start as UP or DOWN, adopted from what was true before its first result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from lvsengine.health import Health
from lvsengine.nanny.check import Result, Tried

KEPT = 20  # results remembered

FOUND = "found in the table at start"


class Settings(Protocol):
    """The part of a `Definition` that decides."""

    @property
    def fall(self) -> int: ...
    @property
    def rise(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """The opinion so far.

    Attributes:
        reason: The sentence behind `health`.
        since: When `health` became so, in seconds since the epoch; 0 when never.
        admitted: Whether it has been up before, so that only `rise` successes bring it back.
        failures: In a row while up. `successes`: in a row while down.
        tried: The last results, newest last.
    """

    health: Health = Health.UNKNOWN
    reason: str = "not checked yet"
    since: float = 0.0
    admitted: bool = False
    failures: int = 0
    successes: int = 0
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of health."""

    before: Health
    after: Health
    reason: str
    at: float


UNTRIED = Machine()


def adopted(health: Health, at: float, reason: str = FOUND) -> Machine:
    """Start from what was true before: up until `fall` failures, down until the first success."""
    if health is Health.UNKNOWN:
        return UNTRIED
    return Machine(health, reason, at, admitted=health is Health.UP)


def asked_anew(machine: Machine) -> Machine:
    """Carry the health over to another check of the same real server; its counting starts again.

    A real server that was down comes up with the first success of what is asked now.
    """
    return Machine(
        machine.health,
        machine.reason,
        machine.since,
        admitted=machine.health is Health.UP,
        tried=machine.tried,
    )


def step(
    settings: Settings, machine: Machine, result: Result, at: float
) -> tuple[Machine, Turn | None]:
    """Take one result in; `at` is when it ended, in seconds since the epoch."""
    tried = _remembered(machine.tried, result, at)
    if result.ok:
        return _on_success(settings, machine, result.reason, tried)
    return _on_failure(settings, machine, result.reason, tried)


def not_tried(machine: Machine, result: Result, at: float) -> Machine:
    """Remember a try that could not be made; it says nothing about the real server."""
    reason = result.reason if machine.health is Health.UNKNOWN else machine.reason
    return replace(machine, reason=reason, tried=_remembered(machine.tried, result, at))


def _remembered(tried: tuple[Tried, ...], result: Result, at: float) -> tuple[Tried, ...]:
    """Add a result. Its texts are mostly those of the last one, and are kept in memory once."""
    last = tried[-1].result if tried else result
    thrifty = Result(
        result.ok,
        last.reason if result.reason == last.reason else result.reason,
        result.seconds,
        last.sent if result.sent == last.sent else result.sent,
        last.received if result.received == last.received else result.received,
    )
    return (*tried[1 - KEPT :], Tried(at, thrifty))


def _on_success(
    settings: Settings, machine: Machine, reason: str, tried: tuple[Tried, ...]
) -> tuple[Machine, Turn | None]:
    if machine.health is Health.UP:
        return replace(machine, reason=reason, failures=0, tried=tried), None
    successes = machine.successes + 1
    if machine.admitted and successes < settings.rise:
        so_far = f"{reason} ({successes} of the {settings.rise} in a row that bring it back)"
        return replace(machine, reason=so_far, successes=successes, tried=tried), None
    return _turned(machine, Health.UP, reason, tried)


def _on_failure(
    settings: Settings, machine: Machine, reason: str, tried: tuple[Tried, ...]
) -> tuple[Machine, Turn | None]:
    if machine.health is Health.DOWN:
        return replace(machine, reason=reason, successes=0, tried=tried), None
    failures = machine.failures + 1
    if machine.health is Health.UP and failures < settings.fall:
        so_far = f"{reason} ({failures} of the {settings.fall} in a row that take it out)"
        return replace(machine, reason=so_far, failures=failures, tried=tried), None
    return _turned(machine, Health.DOWN, reason, tried)


def _turned(
    machine: Machine, health: Health, reason: str, tried: tuple[Tried, ...]
) -> tuple[Machine, Turn]:
    at = tried[-1].at
    admitted = machine.admitted or health is Health.UP
    after = Machine(health, reason, at, admitted, tried=tried)
    return after, Turn(machine.health, health, reason, at)
