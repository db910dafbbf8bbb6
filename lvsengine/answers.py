"""Answer what comes over the control socket, from what the engine holds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from lvsengine import __version__, limits, showing, traffic
from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.health import Health, RealServerKey, Standing
from lvsengine.heartbeat.values import OrderKind
from lvsengine.ipvs.desired import desired, destinations_of
from lvsengine.ipvs.listing import change_line, listing
from lvsengine.lvscf import reading, store
from lvsengine.lvscf.model import Config
from lvsengine.pair import Pair
from lvsengine.scarcity import in_thread
from lvsengine.snapshot import AddressState, RoleChange, Snapshot

if TYPE_CHECKING:
    from lvsengine.engine import Engine

PLANS = 2  # at once; who reads lvs.cf for another purpose finds a thread free


class Answers:
    """One method a command. Only reads, but for `messages.ORDERS`, which are told as events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._planning = asyncio.Semaphore(PLANS)

    async def answer(self, request: messages.Request) -> object:
        if isinstance(request, messages.Order):
            if self._engine.stops:
                raise EngineError("stopping", "pulse is being stopped", "ask again when it runs")
            self._engine.chronicle.order(*_told(request), request.by)
        match request:
            case messages.Status():
                return await self.status()
            case messages.Reload():
                return await self.reload()
            case messages.Plan():
                return await self.plan(request)
            case messages.ShowTable():
                table = self._engine.table.table
                return messages.Text(listing(table, await self._engine.usage()))
            case messages.ShowProcesses():
                return self.processes()
            case messages.Explain(virtual, real):
                return self.explain(RealServerKey(virtual, real))
            case messages.SetOverride(virtual, real, order):
                key = RealServerKey(virtual, real)
                await self._engine.override(key, order)
                return self.explain(key)
            case messages.StandBy(force=force):
                return messages.Text(await self._order(OrderKind.STANDBY, force=force))
            case messages.TakeOver(force=force):
                return messages.Text(await self._order(OrderKind.TAKEOVER, force=force))
            case messages.ShowHistory():
                return messages.History(self._history())
            case messages.ShowTraffic(names):
                return self.traffic(names)
            case messages.Events():
                raise EngineError("bad-request", "events are followed, not answered")

    def follow(self, request: messages.Events) -> AsyncIterator[messages.Event]:
        events = self._engine.chronicle.events
        return events.follow(request.after) if request.follow else events.so_far(request.after)

    async def status(self) -> Snapshot:
        engine = self._engine
        view = showing.View(
            engine.running.config,
            engine.nanny.standings(),
            engine.table.table,
            await engine.usage(),
        )
        role, config = engine.role, engine.running.config
        return Snapshot(
            at=engine.parts.wall(),
            version=__version__,
            pid=os.getpid(),
            started_at=engine.started_at,
            role="primary" if engine.is_primary(config) else "backup",
            state=role.state,
            reason=role.reason,
            since=role.since,
            plane=engine.parts.plane.name,
            path=str(engine.settings.path),
            revision=engine.running.revision,
            file_revision=await self._file_revision(),
            serial_no=config.serial_no,
            virtual_servers=showing.virtual_servers(view),
            addresses=self._addresses(),
            failures=tuple(engine.chronicle.failures.values()),
            warnings=(
                *engine.parts.warnings,
                *engine.running.warnings,
                *engine.duty.warnings,
                *engine.history.warnings,
                *engine.keeper.warnings,
            ),
            not_ready=engine.not_ready(),
            peer=role.peer() if isinstance(role, Pair) else None,
        )

    def traffic(self, names: tuple[str, ...]) -> messages.Graphs:
        history = self._engine.traffic
        graphs = []
        for name in names or history.names():
            hour = history.hour(name)
            graphs.append(
                messages.Graph(
                    name, hour.connections_per_s, hour.bytes_in_per_s, hour.bytes_out_per_s
                )
            )
        return messages.Graphs(history.at or 0.0, traffic.STEP_S, tuple(graphs))

    async def _order(self, kind: OrderKind, *, force: bool) -> str:
        return await self._pair().order(kind, force=force)

    def _history(self) -> tuple[RoleChange, ...]:
        return self._pair().history.changes

    def _pair(self) -> Pair:
        if isinstance(self._engine.role, Pair):
            return self._engine.role
        raise EngineError(
            "no-pair", f"there is no peer: {self._engine.role.reason}", "set backup_active = 1"
        )

    async def _file_revision(self) -> str:
        try:
            return await in_thread(store.current_revision, self._engine.settings.path)
        except EngineError:
            return ""

    def _addresses(self) -> tuple[AddressState, ...]:
        return tuple(
            AddressState(str(held.address), held.label or held.interface, holding.value)
            for held, holding in self._engine.holding.addresses.holdings.items()
        )

    async def reload(self) -> messages.Reloaded:
        outcome = await self._engine.reload()
        return messages.Reloaded(
            self._engine.running.revision,
            tuple(change_line(change) for change in outcome.made),
            (
                *(failure.sentence for failure in outcome.failures),
                *(failure.sentence for failure in self._engine.holding.addresses.failures),
            ),
            self._engine.running.warnings,
            tuple(map(str, outcome.addresses)),
        )

    async def plan(self, request: messages.Plan) -> messages.Planned:
        """What a reload would do now: as if each new real server passed its first check."""
        engine = self._engine
        async with self._planning:
            config, revision, problems = await in_thread(self._planned_file, request)
        running, places = destinations_of(engine.running.config), destinations_of(config)
        known = {
            key: standing
            for key, standing in engine.nanny.standings().items()
            if standing.health is not Health.UNKNOWN and running.get(key) == places.get(key)
        }
        assumed = {key: known.get(key, Standing(Health.UP)) for key in places}
        unchecked = {place for key, place in places.items() if key not in known}
        changes = engine.table.changes(desired(config, assumed), engine.keeper.kept.services)
        lines = showing.planned(changes, await engine.usage(), unchecked)
        addresses = engine.holding.addresses.changes(
            engine.wanted_addresses(config), engine.keeper.kept.addresses
        )
        return messages.Planned(revision, lines, problems, tuple(map(str, addresses)))

    def _planned_file(self, request: messages.Plan) -> tuple[Config, str, tuple[str, ...]]:
        from lvsengine.engine import sound

        path = request.path or str(self._engine.settings.path)
        if request.text is None:
            loaded = store.load(self._engine.settings.path)
            config, problems, revision = loaded.config, loaded.problems, loaded.revision
        else:
            revision = _revision(request.text, path)
            read = reading.read_text(request.text, path)
            config, problems = read.config, read.problems
        config = sound(config, problems, path)
        refused = limits.refusal(config)
        if refused is not None:
            raise refused
        return config, revision, tuple(map(str, problems))

    def processes(self) -> messages.Processes:
        engine = self._engine
        parts = [
            messages.Process("pulse", "this director", engine.role.state),
            messages.Process("lvs", f"{engine.parts.plane.name} plane", self._lvs_state()),
        ]
        standings = engine.nanny.standings()
        checks = [
            messages.Process(
                f"nanny {key}",
                showing.describe(definition),
                standings.get(key, Standing()).health.value,
            )
            for key, definition in engine.running.plan.items()
        ]
        return messages.Processes(os.getpid(), (*parts, *checks))

    def _lvs_state(self) -> str:
        count = len(self._engine.chronicle.failures)
        return f"{count} changes fail" if count else "table as desired"

    def explain(self, key: RealServerKey) -> messages.Explained:
        engine = self._engine
        definition = engine.running.plan.get(key)
        if definition is None:
            raise EngineError(
                "unknown-real-server",
                f"no enabled real server is called {key}",
                "lvsctl status lists them",
            )
        standing = engine.nanny.standings().get(key, Standing())
        return showing.explained(key, standing, definition, engine.nanny.history(key))


def _revision(text: str, path: str) -> str:
    try:
        return store.revision_of(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise EngineError("not-text", f"{path} cannot be such a file: {error}") from error


def _told(order: messages.Order) -> tuple[str, str]:
    """Say what an order is about, and what it is."""
    match order:
        case messages.SetOverride(virtual, real, override):
            return f"{virtual}/{real}", override.value
        case messages.Reload():
            return "lvs.cf", "reload"
        case messages.StandBy():
            return "pair", "standby"
        case messages.TakeOver():
            return "pair", "takeover"
