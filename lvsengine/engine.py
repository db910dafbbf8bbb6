"""Wire the parts of one director: configuration, checks, table, addresses, control socket.

The only file that knows all the others. It decides nothing about one real server or one
kernel entry: the machines decide, the reconcilers make it so, and this file passes their
values along.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from lvsengine import folder, limits, role, showing, state, warmth, watchdog
from lvsengine.answers import Answers
from lvsengine.chronicle import Chronicle
from lvsengine.control.server import ControlServer
from lvsengine.duty import Duty, pair_of, reconfigured
from lvsengine.errors import EngineError
from lvsengine.health import Health, Override, RealServerKey
from lvsengine.heartbeat.values import OrderKind
from lvsengine.history import History
from lvsengine.holding import Holding
from lvsengine.ipvs.desired import desired, destinations_of
from lvsengine.ipvs.plane import Timeouts, Usage
from lvsengine.ipvs.table import EMPTY, Table
from lvsengine.lvscf import store
from lvsengine.lvscf.model import Config
from lvsengine.lvscf.problems import Problem, Severity
from lvsengine.nanny.check import Definition
from lvsengine.nanny.driver import Nanny, Transition
from lvsengine.nanny.plan import plan
from lvsengine.pair import Alone, Pair
from lvsengine.parts import Parts, Running, Settings
from lvsengine.reconciler import Outcome, Reconciler
from lvsengine.scarcity import in_thread
from lvsengine.scripts import look as scripts
from lvsengine.snapshot import FailureState
from lvsengine.traffic import STEP_S, TrafficHistory
from lvsengine.vip import desired as vip_desired
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange
from lvsengine.vip.release import release

log = logging.getLogger("pulse")

REFRESH_S = 30.0  # drift made behind our back is seen within this
RETRY_S = 2.0
USAGE_AGE_S = 1.0
FIRST_CHECKS_S = 2.0  # a cold standby waits so long at most for its first results
LINGER_S = 1.0  # after a handover: what neighbours still send here finds a table


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
        self.keeper = state.Keeper(settings.state_dir)
        self.history = History(settings.state_dir)
        self.nanny = Nanny(
            self._on_transition, checks=parts.checks, clock=parts.clock, wall=parts.wall
        )
        self.table = Reconciler(parts.plane)
        self.holding = Holding(parts.addresses, parts.announce, self.chronicle, self.keeper)
        self.running = Running(Config(), "", {})
        self.traffic = TrafficHistory()
        self.duty = Duty(self)
        self.role: Pair | Alone = Alone("not started", parts.wall())
        self.started_at = parts.wall()
        self._ready = ready
        answers = Answers(self)
        self._server = ControlServer(settings.socket, answers.answer, answers.follow)
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._stop = asyncio.Event()
        self._leaving = False
        self._reload_asked = asyncio.Event()
        self._turn = asyncio.Lock()
        self._reloading = asyncio.Lock()
        self._addresses_due = True
        self._usage = Usage()
        self._usage_at = float("-inf")
        self.reconciled_at = parts.clock()

    # --- from start to stop ---------------------------------------------------------------

    async def run(self) -> None:
        """Start, run until `stop`, and put away what was made."""
        with folder.locked(self.settings.state_dir):
            try:
                await self._begin()
                await self._run_parts()
                await self._end()
            finally:
                await self.history.flush()
                await self._server.close()
                await self.parts.plane.close()
                await self.parts.addresses.close()

    def stop(self, *, leave_running: bool = False) -> None:
        """Ask `run` to end in good order; where asked, the kernel goes on for the next engine."""
        if leave_running:
            self.settings = replace(self.settings, leave_running=True)
        self._stop.set()

    @property
    def stops(self) -> bool:
        """Whether `stop` was asked for."""
        return self._stop.is_set()

    @property
    def ends(self) -> bool:
        """Whether `stop` was asked for, and nothing is left running."""
        return self.stops and not self.settings.leave_running

    def reload_soon(self) -> None:
        """Ask for a reload whose problems are only logged (SIGHUP)."""
        self._reload_asked.set()

    async def _begin(self) -> None:
        running = await self._load()
        self.keeper.load()
        self.history.load()
        self.role = self._role_of(running.config)
        await self._server.start()
        await self.parts.plane.set_timeouts(_timeouts(running.config))
        await self.table.refresh()
        self._take(running)
        self.nanny.adopt(self._found())
        for key, override in self.keeper.kept.overrides.items():
            if key in running.plan:
                self.nanny.override(key, override)
        if isinstance(self.role, Pair):
            await self._release(running.config)
            await self.duty.prepare()
            self.duty.run_command(running.config.inactive_cmd, "inactive_cmd")
        await self.converge_table()

    async def _run_parts(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.nanny.run(), name="nanny")
                group.create_task(self._reconcile_forever(), name="lvs")
                group.create_task(self.holding.run(), name="send_arp")
                group.create_task(self.duty.run(), name="commands")
                group.create_task(self._look_at_traffic(), name="traffic")
                group.create_task(self._reload_when_asked(), name="reload")
                group.create_task(self._end_when_asked(), name="stop")
                group.create_task(self.history.run(), name="history")
                group.create_task(watchdog.run(self), name="watchdog")
                if isinstance(self.role, Pair):
                    group.create_task(self.role.run(), name="pair")
                    group.create_task(warmth.run(self, self.role), name="warmth")
                # While the first checks are under way.
                await self.converge()
                self._ready()
        except* _StopOrder:
            pass

    async def _end_when_asked(self) -> None:
        await self._stop.wait()
        if isinstance(self.role, Pair):
            await self._hand_over(self.role)
        raise _StopOrder

    async def _hand_over(self, pair: Pair) -> None:
        served = pair.serves
        try:
            await pair.order(OrderKind.STOP)
        except EngineError as error:
            log.warning("stopping without a handover reason=%s", error.sentence)
        if served and not pair.serves:
            self.parts.stand_back()
            await asyncio.sleep(LINGER_S)

    async def _end(self) -> None:
        if self.settings.leave_running:
            log.info("leaving addresses and services as they are")
            return
        # Who is being answered yet may want to converge: to nothing, from now on.
        self._leaving = True
        # Addresses first, so that no packet meets an empty table.
        await self.holding.hold(())
        await self.duty.leave()
        async with self._turn:
            # The reconciler was cut off where it stood: its last reading may be of before that.
            await self.table.refresh()
            self.chronicle.table(await self.table.reconcile(EMPTY, self.keeper.kept.services))
        self.keeper.change(services=frozenset(), addresses=frozenset())

    async def _release(self, config: Config) -> None:
        """Let go of what an earlier run, or a crash, has left: this director starts as standby."""
        released = await release(config, self.parts.addresses, self.keeper.kept.addresses)
        self.chronicle.addresses(released.removed)
        for sentence in released.sentences:
            log.warning("%s", sentence)

    def _role_of(self, config: Config) -> Pair | Alone:
        """Say which director this is, and make its part in the pair where there is one."""
        primary = self.is_primary(config)
        log.info("STARTING PULSE AS %s", "MASTER" if primary else "BACKUP")
        if self.settings.force_active:
            log.info("Forced active on startup: activating lvs")
            return Alone("started with --forceactive", self.parts.wall())
        if config.backup_active:
            return pair_of(config, self.parts, self.duty, self.history)
        if not primary:
            log.info("We are backup node and backup is marked inactive -- exiting pulse")
            raise EngineError(
                "backup-inactive",
                f"primary = {config.primary} is no address of this machine, so this is the "
                "backup, and backup_active = 0",
                "correct primary, or start with --forceactive",
            )
        return Alone("backup_active = 0: this director serves alone", self.parts.wall())

    def is_primary(self, config: Config) -> bool:
        """Whether an interface here holds lvs.cf's `primary`; without one, nobody else does."""
        return role.is_primary(config, self.parts.is_local)

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
            self._need_same_pair(running.config)
            await self.parts.plane.set_timeouts(_timeouts(running.config))
            if isinstance(self.role, Pair):
                reconfigured(self.role, running.config, self.running.config, self.parts)
            self._take(running)
            if isinstance(self.role, Pair):
                self.duty.watch_links()
                await self.duty.prepare()
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

    def _need_same_pair(self, config: Config) -> None:
        alone = isinstance(self.role, Alone)
        if not self.settings.force_active and config.backup_active is alone:
            raise EngineError(
                "not-runnable",
                f"backup_active = {config.backup_active:d} turns one director into a pair, or a "
                "pair into one, and a reload never changes who is active",
                "restart pulse for that",
            )

    async def _load_or_refuse(self) -> Running:
        try:
            return await self._load()
        except EngineError as error:
            log.warning("reload refused, the old configuration runs reason=%s", error.sentence)
            self.chronicle.add("reload", str(self.settings.path), f"refused: {error.sentence}")
            raise

    async def _load(self) -> Running:
        before = self.running
        loaded = await in_thread(
            store.load, self.settings.path, known=before.known, earlier=before.tree
        )
        for problem in loaded.problems:
            log.warning("%s", problem)
        config = sound(loaded.config, loaded.problems, str(self.settings.path))
        refused = limits.refusal(config)
        if refused is not None:
            raise refused
        warnings = limits.warnings(config) + await in_thread(scripts.warnings, config)
        planned = plan(config, before.config, before.plan)
        return Running(config, loaded.revision, planned, warnings, loaded.known, loaded.tree)

    def _take(self, running: Running) -> None:
        before, self.running = self.running, running
        if running.plan != before.plan or running.config != before.config:
            self.nanny.apply(running.plan if self.works else {})
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
        outcome = await self.converge_table(refresh=refresh)
        if self._addresses_due or refresh:
            self._addresses_due = False
            outcome = replace(outcome, addresses=await self.hold_addresses())
        failed = self.holding.addresses.failures
        self.chronicle.failing(self.chronicle.failures_of(outcome.failures, failed))
        self.say_ready()
        return outcome

    async def converge_table(self, *, refresh: bool = False) -> Outcome:
        """Make the table what it should be now."""
        async with self._turn:
            standings = self.nanny.standings()
            wanted = desired(self.running.config, standings) if self.works else EMPTY
            self._claim(wanted)
            if refresh:
                await self.table.refresh()
            outcome = await self.table.reconcile(wanted, self.keeper.kept.services)
            self.chronicle.table(outcome)
            return outcome

    @property
    def works(self) -> bool:
        """Whether this director checks, and holds the table: always, but as a cold standby."""
        return not self._leaving and (self.role.serves or self.running.config.standby_checks)

    async def warm_up(self) -> None:
        """As a cold standby that takes over: check first, so that the table is not empty."""
        if not self.running.config.standby_checks:
            self.nanny.apply(self.running.plan)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_CHECKS_S):
                    await self._first_checks()
            await self._converge_or_say(refresh=False)

    async def cool_down(self) -> None:
        """As a cold standby: stop the checks, and take the table away."""
        if not self.works:
            self.nanny.apply({})
            await self._converge_or_say(refresh=False)

    async def _first_checks(self) -> None:
        while any(one.health is Health.UNKNOWN for one in self.nanny.standings().values()):
            self._news.clear()
            await self._news.wait()

    async def hold_addresses(self) -> tuple[AddressChange, ...]:
        """Hold the virtual IPs when this director serves, none otherwise."""
        return await self.holding.hold(self.wanted_addresses(self.running.config))

    def wanted_addresses(self, config: Config) -> tuple[HeldAddress, ...]:
        """List what this director should hold by a configuration, as its role is now."""
        serves = self.role.serves and not self._leaving
        return vip_desired.desired(config) if serves else ()

    def not_ready(self) -> tuple[str, ...]:
        """Why this director could not serve as it should; empty when it could."""
        failing = len(self.chronicle.failures)
        if isinstance(self.role, Alone):
            return role.not_ready(self.nanny.standings(), failing, ())
        reasons = [*self.role.links_down.values()]
        theirs = self.role.peer().revision
        if theirs not in ("", self.running.revision) and not self.role.serves:
            reasons.append(f"lvs.cf differs: {self.running.revision} here, {theirs} at the peer")
        return role.not_ready(self.nanny.standings(), failing, reasons)

    def say_ready(self) -> None:
        if isinstance(self.role, Pair):
            reaches = role.reaches_most(self.nanny.standings())
            self.role.ready(self.not_ready(), self.running.revision, reaches=reaches)

    def _claim(self, wanted: Table) -> None:
        """Remember services as ours before they are made: a crash must leave none unclaimed."""
        claimed, kept = frozenset(wanted.services), self.keeper.kept.services
        leaving = {key for key in kept if key in self.table.table.services}
        self.keeper.change(services=claimed | leaving)

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
            if not woken:
                self.keeper.mend()
            self.reconciled_at = self.parts.clock()

    async def _converge_or_say(self, *, refresh: bool) -> None:
        try:
            await self.converge(refresh=refresh)
        except EngineError as error:
            # The plane as a whole is out of reach: keep checking, try again, tell everybody.
            state_of_it = FailureState(self.parts.plane.name, 0, str(error), self.parts.wall())
            self.chronicle.failing([state_of_it])
            self.say_ready()

    def _on_transition(self, change: Transition) -> None:
        self.chronicle.health(change, self.running.plan[change.key])
        self._wake.set()
        self._news.set()

    async def _look_at_traffic(self) -> None:
        while True:
            with contextlib.suppress(EngineError):  # a gap in the graphs; the reconciler says why
                totals = showing.totals(self.running.config, await self.usage())
                self.traffic.look(self.parts.wall(), totals)
            await asyncio.sleep(STEP_S)

    # --- what is asked --------------------------------------------------------------------

    async def override(self, key: RealServerKey, order: Override) -> None:
        """Carry out an operator's order and make the table follow.

        Raises:
            EngineError: `unknown-real-server`.
        """
        self.nanny.override(key, order)
        self.keeper.change(overrides=self.nanny.overrides())
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
