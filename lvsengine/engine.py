"""Wire the parts of one director: configuration, checks, table, addresses, control socket.

The only file that knows all the others. It decides nothing about one real server or one
kernel entry: the machines decide, the reconcilers make it so, and this file passes their
values along.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lvsengine import limits, state
from lvsengine.answers import Answers
from lvsengine.chronicle import Chronicle
from lvsengine.control.server import ControlServer
from lvsengine.errors import EngineError
from lvsengine.health import Health, Override, RealServerKey
from lvsengine.ipvs.desired import desired, destinations_of
from lvsengine.ipvs.plane import Plane, Timeouts, Usage
from lvsengine.ipvs.table import EMPTY, Table
from lvsengine.lvscf import store
from lvsengine.lvscf.found import Known
from lvsengine.lvscf.model import Config
from lvsengine.lvscf.problems import Problem, Severity
from lvsengine.nanny.check import Check, Definition
from lvsengine.nanny.driver import Nanny, Transition
from lvsengine.nanny.kinds import CHECKS
from lvsengine.nanny.plan import plan
from lvsengine.net import Address
from lvsengine.reconciler import AddressReconciler, Outcome, Reconciler
from lvsengine.snapshot import FailureState
from lvsengine.vip import desired as vip_desired
from lvsengine.vip.addresses import AddressPlane
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import Verb

log = logging.getLogger("pulse")

REFRESH_S = 30.0  # drift made behind our back is seen within this
RETRY_S = 2.0
USAGE_AGE_S = 1.0

Announce = Callable[[Sequence[HeldAddress]], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says.

    Attributes:
        path: lvs.cf.
        state_dir: Where `engine.json` lies.
        leave_running: At the end, leave addresses and services as they are.
        force_active: Run though lvs.cf names another director or asks for a pair.
    """

    path: Path
    socket: Path
    state_dir: Path
    leave_running: bool = False
    force_active: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """The lvs.cf that runs, and the checks that follow from it.

    Attributes:
        known: What makes the next reading quicker.
    """

    config: Config
    revision: str
    plan: dict[RealServerKey, Definition]
    warnings: tuple[str, ...] = ()
    known: Known = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the engine does its work with; tests hand in the same promises kept in memory.

    Attributes:
        announce: Tells the neighbours where the addresses are now; answers what went wrong.
        is_local: Whether an address is one of this machine's.
        wall: Seconds since the epoch.
        clock: The loop's own clock, in seconds.
    """

    plane: Plane
    addresses: AddressPlane
    announce: Announce
    is_local: Callable[[Address], bool]
    wall: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    checks: Mapping[str, Check] = field(default_factory=lambda: CHECKS)


class _StopOrder(Exception):
    """Ends the TaskGroup in good order; not an error."""


class Engine:
    """One director, from its start to its stop.

    `run` raises EngineError when it cannot start, and whatever killed a part when one dies:
    the kernel goes on forwarding, and the next engine adopts what it finds.
    """

    def __init__(
        self, settings: Settings, parts: Parts, ready: Callable[[], object] = lambda: None
    ) -> None:
        self.settings = settings
        self.parts = parts
        self.chronicle = Chronicle(parts.wall)
        self.nanny = Nanny(
            self._on_transition, checks=parts.checks, clock=parts.clock, wall=parts.wall
        )
        self.table = Reconciler(parts.plane)
        self.addresses = AddressReconciler(parts.addresses)
        self.running = Running(Config(), "", {})
        self.kept = state.Kept()
        self.started_at = parts.wall()
        self._ready = ready
        answers = Answers(self)
        self._server = ControlServer(settings.socket, answers.answer, answers.follow)
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._reload_asked = asyncio.Event()
        self._turn = asyncio.Lock()
        self._reloading = asyncio.Lock()
        self._addresses_due = True
        self._raised: set[HeldAddress] = set()
        self._raised_some = asyncio.Event()
        self._usage = Usage()
        self._usage_at = float("-inf")

    # --- from start to stop ---------------------------------------------------------------

    async def run(self) -> None:
        """Start, run until `stop`, and put away what was made."""
        with state.locked(self.settings.state_dir):
            try:
                await self._begin()
                await self._run_parts()
                await self._end()
            finally:
                await self._server.close()
                await self.parts.plane.close()
                await self.parts.addresses.close()

    def stop(self) -> None:
        """Ask `run` to end in good order."""
        self._stop.set()

    def reload_soon(self) -> None:
        """Ask for a reload whose problems are only logged (SIGHUP)."""
        self._reload_asked.set()

    async def _begin(self) -> None:
        running = await self._load()
        self._log_role(running.config)
        self.kept = state.load(self.settings.state_dir)
        await self._server.start()
        await self.parts.plane.set_timeouts(_timeouts(running.config))
        await self.table.refresh()
        self._take(running)
        self.nanny.adopt(self._found())
        for key, override in self.kept.overrides.items():
            if key in running.plan:
                self.nanny.override(key, override)
        await self.converge()

    async def _run_parts(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.nanny.run(), name="nanny")
                group.create_task(self._reconcile_forever(), name="lvs")
                group.create_task(self._announce_forever(), name="send_arp")
                group.create_task(self._reload_when_asked(), name="reload")
                group.create_task(self._end_when_asked(), name="stop")
                self._ready()
        except* _StopOrder:
            pass

    async def _end_when_asked(self) -> None:
        await self._stop.wait()
        raise _StopOrder

    async def _end(self) -> None:
        if self.settings.leave_running:
            log.info("leaving addresses and services as they are")
            return
        # Addresses first, so that no packet meets an empty table.
        await self.addresses.refresh((), self.kept.addresses)
        self.chronicle.addresses(await self.addresses.hold((), self.kept.addresses))
        self.chronicle.table(await self.table.reconcile(EMPTY, self.kept.services))
        self._keep(replace(self.kept, services=frozenset(), addresses=frozenset()))

    def _log_role(self, config: Config) -> None:
        primary = self.is_primary(config)
        log.info("STARTING PULSE AS %s", "MASTER" if primary else "BACKUP")
        if self.settings.force_active:
            log.info("Forced active on startup: activating lvs")
        elif not primary:
            log.info("We are backup node and backup is marked inactive -- exiting pulse")
            raise EngineError(
                "backup-inactive",
                f"primary = {config.primary} is no address of this machine, so this is the "
                "backup, and backup_active = 0",
                "correct primary, or start with --forceactive",
            )

    def is_primary(self, config: Config) -> bool:
        """Whether an interface here holds lvs.cf's `primary`; without one, nobody else does."""
        return config.primary is None or self.parts.is_local(config.primary)

    def _found(self) -> dict[RealServerKey, Health]:
        """What the table found at start says of each real server's health."""
        config, held = self.running.config, self.table.table.destinations
        weights = {
            RealServerKey(virtual.name, server.name): server.weight
            for virtual in config.enabled_virtual_servers
            for server in virtual.real_servers
        }
        return {
            key: Health.UP if held[place].weight > 0 or not weights[key] else Health.DOWN
            for key, place in destinations_of(config).items()
            if place in held
        }

    # --- configuration --------------------------------------------------------------------

    async def reload(self) -> Outcome:
        """Read lvs.cf again and make the kernel follow.

        Raises:
            EngineError: `unsound` or `not-runnable`: the old configuration runs on.
        """
        async with self._reloading:
            log.info("rereading configuration file")
            running = await self._load_or_refuse()
            await self.parts.plane.set_timeouts(_timeouts(running.config))
            self._take(running)
            self._addresses_due = True
            outcome = await self.converge()
            self.chronicle.add("reload", str(self.settings.path), f"{running.revision} runs")
            return outcome

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            with contextlib.suppress(EngineError):  # said already
                await self.reload()

    async def _load_or_refuse(self) -> Running:
        try:
            return await self._load()
        except EngineError as error:
            log.warning("reload refused, the old configuration runs reason=%s", error.sentence)
            self.chronicle.add("reload", str(self.settings.path), f"refused: {error.sentence}")
            raise

    async def _load(self) -> Running:
        before = self.running
        loaded = await asyncio.to_thread(store.load, self.settings.path, known=before.known)
        for problem in loaded.problems:
            log.warning("%s", problem)
        config = sound(loaded.config, loaded.problems, str(self.settings.path))
        refused = limits.refusal(config, alone=self.settings.force_active)
        if refused is not None:
            raise refused
        warnings = limits.warnings(config)
        planned = plan(config, before.config, before.plan)
        return Running(config, loaded.revision, planned, warnings, loaded.known)

    def _take(self, running: Running) -> None:
        before, self.running = self.running, running
        if running.plan != before.plan:
            self.nanny.apply(running.plan)
        for warning in running.warnings:
            log.warning("%s: %s", self.settings.path, warning)
        new: dict[str, list[Definition]] = {}
        for key, definition in running.plan.items():
            if key not in before.plan:
                new.setdefault(key.virtual, []).append(definition)
        for virtual in running.config.enabled_virtual_servers if new else ():
            if virtual.name in new:
                self.chronicle.monitors(virtual, new[virtual.name])

    # --- making it so ---------------------------------------------------------------------

    async def converge(self, *, refresh: bool = False) -> Outcome:
        """Make table and addresses what they should be now, the table first."""
        async with self._turn:
            wanted = desired(self.running.config, self.nanny.standings())
            self._claim(wanted)
            if refresh:
                await self.table.refresh()
            outcome = await self.table.reconcile(wanted, self.kept.services)
            self.chronicle.table(outcome)
            if self._addresses_due or refresh:
                await self._hold_addresses()
            self.chronicle.failing(
                self.chronicle.failures_of(outcome.failures, self.addresses.failures)
            )
            return outcome

    def _claim(self, wanted: Table) -> None:
        """Remember services as ours before they are made: a crash must leave none unclaimed."""
        claimed = frozenset(wanted.services)
        leaving = {key for key in self.kept.services if key in self.table.table.services}
        self._keep(replace(self.kept, services=claimed | leaving))

    async def _hold_addresses(self) -> None:
        wanted = vip_desired.desired(self.running.config)
        await self.addresses.refresh(wanted, self.kept.addresses)
        claimed = self.kept.addresses | self.addresses.claimable()
        self._keep(replace(self.kept, addresses=claimed))
        made = await self.addresses.hold(wanted, claimed)
        self.chronicle.addresses(made)
        self._keep(replace(self.kept, addresses=self.addresses.ours(claimed)))
        self._addresses_due = False
        self._raised.update(change.address for change in made if change.verb is Verb.ADD)
        if self._raised:
            self._raised_some.set()

    def _keep(self, kept: state.Kept) -> None:
        if kept != self.kept:
            state.save(self.settings.state_dir, kept)
            self.kept = kept

    async def _reconcile_forever(self) -> None:
        while True:
            failing = bool(self.chronicle.failures)
            woken = True
            try:
                async with asyncio.timeout(RETRY_S if failing else REFRESH_S):
                    await self._wake.wait()
            except TimeoutError:
                woken = False
            self._wake.clear()
            await self._converge_or_say(refresh=not woken)

    async def _converge_or_say(self, *, refresh: bool) -> None:
        try:
            await self.converge(refresh=refresh)
        except EngineError as error:
            # The plane as a whole is out of reach: keep checking, try again, tell everybody.
            state_of_it = FailureState(self.parts.plane.name, 0, str(error), self.parts.wall())
            self.chronicle.failing([state_of_it])

    async def _announce_forever(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await self._raised_some.wait()
                self._raised_some.clear()
                # Each set by itself: what is raised now must not wait for the last set's rounds.
                group.create_task(self._announce(tuple(self._raised)))
                self._raised.clear()

    async def _announce(self, raised: Sequence[HeldAddress]) -> None:
        for sentence in await self.parts.announce(raised):
            log.warning("%s", sentence)
        log.info("gratuitous lvs arps finished")

    def _on_transition(self, change: Transition) -> None:
        self.chronicle.health(change, self.running.plan[change.key])
        self._wake.set()

    # --- what is asked --------------------------------------------------------------------

    async def override(self, key: RealServerKey, order: Override) -> None:
        """Carry out an operator's order and make the table follow.

        Raises:
            EngineError: `unknown-real-server`.
        """
        self.nanny.override(key, order)
        self._keep(replace(self.kept, overrides=self.nanny.overrides()))
        await self.converge()

    async def usage(self) -> Usage:
        """Read the counters, at most once a second."""
        async with self._turn:
            now = self.parts.wall()
            if not 0 <= now - self._usage_at < USAGE_AGE_S:
                self._usage = await self.parts.plane.counters()
                self._usage_at = now
            return self._usage


def sound(config: Config | None, problems: Sequence[Problem], path: str) -> Config:
    """Answer the configuration, or raise `unsound` with every problem."""
    if config is not None:
        return config
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    raise EngineError(
        "unsound",
        f"{path} has {errors} error{'s' if errors != 1 else ''}; nothing was changed",
        "\n".join(map(str, problems)),
    )


def _timeouts(config: Config) -> Timeouts:
    return Timeouts(config.tcp_timeout_s, config.tcpfin_timeout_s, config.udp_timeout_s)
