"""Run all checks on one loop: spread, never overlapping, each result fed to its machine.

Two real servers whose definitions are equal share one check and one machine; what an operator
ordered belongs to each by itself. The driver decides nothing about health: `machine.step` does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import cast

from lvsengine.errors import EngineError
from lvsengine.health import Health, Override, RealServerKey, Standing
from lvsengine.nanny import machine as machines
from lvsengine.nanny import schedule, wording
from lvsengine.nanny.check import Check, Definition, NotTriedError, Result, Tried
from lvsengine.nanny.kinds import AT_ONCE, CHECKS
from lvsengine.nanny.machine import Machine

log = logging.getLogger(__name__)

EARLY_S = 0.01  # a check may start this early, so that one wake-up starts several
GRACE_S = 1.0  # past its deadline a check that has not ended is cancelled
LONGEST_SLEEP_S = 60.0
ORDERED = {
    Override.UP: "forced up by an operator",
    Override.DOWN: "forced down by an operator",
    Override.DRAIN: "drained by an operator",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """A real server's standing changed: by its checks, or by an operator."""

    key: RealServerKey
    before: Standing
    after: Standing


@dataclass(slots=True, eq=False)
class _Job:
    """One check that is repeated, and the real servers that it speaks for.

    Attributes:
        anchor: One of its beats; `schedule.next_due` has the others.
        gone: No longer planned; what it still brings is ignored.
    """

    definition: Definition
    anchor: float
    due: float
    machine: Machine
    keys: tuple[RealServerKey, ...] = ()
    gone: bool = False
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Turns:
    """How many more checks of one kind may run now, and which wait for their turn."""

    free: int
    waiting: deque[_Job] = field(default_factory=deque)


class Nanny:
    """Keeps checking what it was told to check, and reports each change of standing.

    `on_change` is called on the loop and must not block; an exception in it ends `run`.
    `apply` and `adopt` report nothing: who calls them reads `standings` afterwards.
    """

    def __init__(
        self,
        on_change: Callable[[Transition], None],
        *,
        checks: Mapping[str, Check] = CHECKS,
        at_once: Mapping[str, int] = AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Take the parts that tests replace.

        Args:
            at_once: How many checks of a kind may run at the same time, where that is bounded.
            clock: The loop's own clock.
            wall: Seconds since the epoch.
        """
        self._on_change = on_change
        self._checks = checks
        self._turns = {kind: _Turns(free) for kind, free in at_once.items()}
        self._clock = clock
        self._wall = wall
        self._jobs: dict[Definition, _Job] = {}
        self._by_key: dict[RealServerKey, _Job] = {}
        self._overrides: dict[RealServerKey, Override] = {}
        self._adopted: dict[RealServerKey, Health] = {}
        self._due: list[tuple[float, int, _Job]] = []  # a heap; the number breaks ties
        self._number = count()
        self._woken: asyncio.Future[None] | None = None
        self._sleeps_until = 0.0
        self.woke_at = clock()

    def apply(self, plan: Mapping[RealServerKey, Definition]) -> None:
        """Check from now on what `plan` says, and nothing else.

        A check whose definition stays goes on undisturbed. Where a real server is asked
        something else at the same address, port and protocol, its health holds until the new
        check has spoken. An override ends with its real server.
        """
        wanted: dict[Definition, list[RealServerKey]] = {}
        for key, definition in plan.items():
            wanted.setdefault(definition, []).append(key)
        jobs = {
            definition: self._jobs.get(definition) or self._begun(definition, keys)
            for definition, keys in wanted.items()
        }
        for definition, job in self._jobs.items():
            if definition not in jobs:
                _stop(job)
        for definition, keys in wanted.items():
            jobs[definition].keys = tuple(keys)
        self._jobs = jobs
        self._by_key = {key: job for job in jobs.values() for key in job.keys}
        self._overrides = {k: v for k, v in self._overrides.items() if k in self._by_key}
        self._adopted = {}
        self._wake()

    def adopt(self, states: Mapping[RealServerKey, Health]) -> None:
        """Take what was true before the first check: before `run`, before or after `apply`."""
        for key, health in states.items():
            job = self._by_key.get(key)
            if job is None:
                self._adopted[key] = health
            elif job.machine.health is not Health.UP:
                # Of real servers that share a check, one found in the table speaks for all.
                job.machine = machines.adopted(health, self._wall())

    def override(self, key: RealServerKey, override: Override) -> None:
        """Order how a real server stands, whatever its checks say.

        Raises:
            EngineError: `unknown-real-server`: it is not planned.
        """
        job = self._job(key)
        before = self._standing(key, job.machine)
        if before.override is override:
            return
        if override is Override.AUTO:
            del self._overrides[key]
        else:
            self._overrides[key] = override
        self._on_change(Transition(key, before, self._standing(key, job.machine)))

    def overrides(self) -> dict[RealServerKey, Override]:
        """Give the orders in force; a real server that is left to its checks is not listed."""
        return dict(self._overrides)

    def standings(self) -> dict[RealServerKey, Standing]:
        return {key: self._standing(key, job.machine) for key, job in self._by_key.items()}

    def history(self, key: RealServerKey) -> tuple[Tried, ...]:
        """Give the last results, newest last.

        Raises:
            EngineError: `unknown-real-server`: it is not planned.
        """
        return self._job(key).machine.tried

    async def run(self) -> None:
        """Check until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self.woke_at = self._clock()
                self._start_due(group)
                await self._sleep()

    def _job(self, key: RealServerKey) -> _Job:
        try:
            return self._by_key[key]
        except KeyError:
            raise EngineError(
                "unknown-real-server",
                f"{key} is not an enabled real server of an enabled virtual server",
                "`lvsctl status` lists those that are",
            ) from None

    def _standing(self, key: RealServerKey, machine: Machine) -> Standing:
        override = self._overrides.get(key, Override.AUTO)
        reason = machine.reason
        if override is not Override.AUTO:
            reason = f"{ORDERED[override]}; its checks say: {reason}"
        return Standing(machine.health, override, reason, machine.since)

    def _begun(self, definition: Definition, keys: list[RealServerKey]) -> _Job:
        now = self._clock()
        part = schedule.share(definition)
        job = _Job(
            definition,
            anchor=now + part * definition.interval_s,
            due=schedule.first_due(now, part, definition.interval_s),
            machine=self._first_opinion(definition, keys),
        )
        self._push(job)
        return job

    def _first_opinion(self, definition: Definition, keys: list[RealServerKey]) -> Machine:
        """Find what is known of a real server that is to be checked anew; the best of it."""
        known = [
            _carried(self._by_key[key], definition) for key in keys if key in self._by_key
        ] + [
            machines.adopted(self._adopted[key], self._wall())
            for key in keys
            if key in self._adopted
        ]
        return min(known, key=_doubt, default=machines.UNTRIED)

    def _push(self, job: _Job) -> None:
        heappush(self._due, (job.due, next(self._number), job))
        if job.due < self._sleeps_until:
            self._wake()

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def _sleep(self) -> None:
        """Wait for the next check that is due, or until something sooner has come up."""
        loop = asyncio.get_running_loop()
        latest = self._clock() + LONGEST_SLEEP_S
        self._sleeps_until = min(latest, self._due[0][0]) if self._due else latest
        self._woken = loop.create_future()
        timer = loop.call_at(self._sleeps_until, self._wake)
        try:
            await self._woken
        finally:
            timer.cancel()
            self._sleeps_until = 0.0

    def _start_due(self, group: asyncio.TaskGroup) -> None:
        for turns in self._turns.values():
            while turns.free and turns.waiting:
                self._start(group, turns.waiting.popleft())
        horizon = self._clock() + EARLY_S
        while self._due and self._due[0][0] <= horizon:
            _, _, job = heappop(self._due)
            self._start(group, job)

    def _start(self, group: asyncio.TaskGroup, job: _Job) -> None:
        """Start a check, or let it wait where too many of its kind run already."""
        if job.gone:
            return
        turns = self._turns.get(job.definition.kind)
        if turns is None:
            job.task = group.create_task(self._repeat(job))
        elif turns.free:
            turns.free -= 1
            job.task = group.create_task(self._repeat(job))
            # Not in the task itself: cancelled before its first step, it never runs.
            job.task.add_done_callback(lambda _: self._give_back(turns))
        else:
            turns.waiting.append(job)

    def _give_back(self, turns: _Turns) -> None:
        turns.free += 1
        if turns.waiting:
            self._wake()

    async def _repeat(self, job: _Job) -> None:
        """Try once, judge, and set the next try."""
        started = self._clock()
        try:
            result = await self._bounded(job, started)
        except NotTriedError as error:
            self._miss(job, Result(ok=False, reason=str(error), seconds=self._clock() - started))
        else:
            self._judge(job, result)
        job.due = schedule.next_due(
            job.anchor, job.definition.interval_s, after=max(started, job.due)
        )
        self._push(job)

    async def _bounded(self, job: _Job, started: float) -> Result:
        """Try, and end a try that forgets its deadline.

        By one timer, since `asyncio.timeout` costs as much as a whole TCP check's bookkeeping.
        """
        limit_s = job.definition.timeout_s + GRACE_S
        task = cast("asyncio.Task[None]", job.task)  # the one that runs this
        timer = task.get_loop().call_at(started + limit_s, task.cancel)
        try:
            return await self._try(job)
        except asyncio.CancelledError:
            if self._clock() < started + limit_s:
                raise  # somebody else wants it to stop
            return Result(ok=False, reason=wording.no_answer(job.definition), seconds=limit_s)
        finally:
            timer.cancel()

    async def _try(self, job: _Job) -> Result:
        """Make the check; an exception in it is a result too.

        Raises:
            NotTriedError: It could not be made.
        """
        try:
            return await self._checks[job.definition.kind](job.definition)
        except NotTriedError:
            raise
        except Exception as error:
            if job.machine.health is not Health.DOWN:  # else it would be logged at every try
                log.exception("the check of %s broke", wording.place(job.definition))
            return Result(ok=False, reason=wording.broke(job.definition, error))

    def _miss(self, job: _Job, result: Result) -> None:
        tried = job.machine.tried
        if not tried or tried[-1].result.reason != result.reason:  # said once, not at every try
            log.warning("%s: %s", wording.place(job.definition), result.reason)
        job.machine = machines.not_tried(job.machine, result, self._wall())

    def _judge(self, job: _Job, result: Result) -> None:
        before = job.machine
        job.machine, turn = machines.step(job.definition, before, result, self._wall())
        if turn is None or job.gone:
            return
        for key in job.keys:
            change = Transition(key, self._standing(key, before), self._standing(key, job.machine))
            self._on_change(change)


def _stop(job: _Job) -> None:
    job.gone = True
    if job.task is not None:
        job.task.cancel()


def _carried(job: _Job, definition: Definition) -> Machine:
    """Give what a real server's last check knew, as far as it bears on `definition`."""
    if _endpoint(job.definition) != _endpoint(definition):
        return machines.UNTRIED
    if _question(job.definition) != _question(definition):
        return machines.asked_anew(job.machine)
    return job.machine


def _endpoint(definition: Definition) -> tuple[object, ...]:
    return definition.address, definition.port, definition.protocol


def _question(definition: Definition) -> tuple[object, ...]:
    asked = (definition.send, definition.expect, definition.use_regex, definition.program)
    return definition.kind, *asked


def _doubt(machine: Machine) -> int:
    return (Health.UP, Health.DOWN, Health.UNKNOWN).index(machine.health)
