"""What this director does when its role changes: addresses, announcements, commands, witnesses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lvsengine import role
from lvsengine.commands import Commands
from lvsengine.heartbeat.driver import Heartbeat
from lvsengine.heartbeat.values import Action
from lvsengine.heartbeat.words import Link
from lvsengine.history import History
from lvsengine.lvscf.model import Config
from lvsengine.net import Address
from lvsengine.pair import Office, Pair
from lvsengine.parts import Parts
from lvsengine.vip.interfaces import LinkState

if TYPE_CHECKING:
    from lvsengine.engine import Engine

log = logging.getLogger("pulse")

NIC_NAMES = {Link.PUBLIC: "Primary NIC", Link.PRIVATE: "Private NIC"}  # the original's words
READY_S = 1.0
GRACE_S = 0.02  # neighbours take a moment to follow the peer: till then they are served here
WITNESS_S = 1.0  # for an answer of any of them


class Duty:
    """The engine's side of the pair; an `Office`.

    Attributes:
        conflicts: Who else answered for a virtual IP after the last takeover.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._commands = Commands()
        self._links = engine.parts.links(self._on_link)
        self._own: dict[Address, Link] = {}
        self._serving = asyncio.Event()
        self.conflicts: tuple[str, ...] = ()
        self._crossing = engine.parts.crossing
        self._sharing: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know: of shared connections, and of rivals."""
        return tuple(dict.fromkeys((*self._sharing, *self._crossing.failures, *self.conflicts)))

    async def prepare(self) -> None:
        """Share connections as lvs.cf says now, and say what stands in the way."""
        engine = self._engine
        serves = engine.role.serves
        self._sharing = await self._crossing.prepare(engine.running.config, serves=serves)
        self._say(self._sharing)

    async def leave(self) -> None:
        self._say(await self._crossing.leave())

    async def run(self) -> None:
        """Run commands as they come, and in a pair watch the links of this director."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._commands.run(), name="commands")
            group.create_task(self._look_for_conflicts(), name="conflicts")
            group.create_task(self._crossing.run(), name="crossing")
            if isinstance(self._engine.role, Pair):
                group.create_task(self._links.run(), name="links")
                group.create_task(self._say_ready(), name="readiness")
                self.watch_links()

    async def _say_ready(self) -> None:
        """Readiness hangs on the peer's revision too, of which nobody else tells us."""
        while True:
            await asyncio.sleep(READY_S)
            self._engine.say_ready()

    async def _look_for_conflicts(self) -> None:
        """After each takeover, ask whether somebody else still answers for a virtual IP."""
        while True:
            await self._serving.wait()
            self._serving.clear()
            holding = self._engine.holding
            self.conflicts = tuple(await self._engine.parts.conflicts(holding.held()))
            for sentence in self.conflicts:
                log.warning("%s", sentence)
                self.note("conflict", "virtual IP", sentence)

    def watch_links(self) -> None:
        """Watch the links that lvs.cf names now, and say at once how they are."""
        config, parts = self._engine.running.config, self._engine.parts
        links = role.wiring(config, parts.is_local).links
        self._own = {ends.own: link for link, ends in links.items()}
        self._links.open()
        self._links.watch(self._own)
        for address in self._own:
            self._tell(self._links.look(address))

    def _on_link(self, state: LinkState) -> None:
        link = self._own[state.address].value
        if state.is_up:
            log.info("Local NIC link(s) restored: Pulse enabled (%s: %s)", link, state)
        else:
            log.info("%s: link down (%s)", NIC_NAMES[self._own[state.address]], state)
        self.note("link", link, str(state))
        self._tell(state)
        self._engine.say_ready()

    def _tell(self, state: LinkState) -> None:
        if isinstance(self._engine.role, Pair):
            link = self._own[state.address]
            self._engine.role.link(link, up=state.is_up, told=str(state))

    async def serve(self, *, planned: bool) -> None:
        """Raise the addresses; the table stands already."""
        config = self._engine.running.config
        self.run_command(config.active_cmd, "active_cmd")
        await self._engine.warm_up()
        self._say(await self._crossing.before_taking(planned=planned))
        await self._change_addresses()

    async def settle_as_active(self, *, planned: bool) -> None:
        await self._engine.holding.record()
        self._say(await self._crossing.taken(planned=planned))
        if not planned:
            self._serving.set()

    async def before_giving(self) -> None:
        self._say(await self._crossing.before_giving(self._engine.table.table))

    async def let_go(self, *, planned: bool) -> None:
        self.conflicts = ()
        if planned:
            await asyncio.sleep(GRACE_S)
        await self._change_addresses()
        self._say(await self._crossing.given(self._engine.table.table))
        self.run_command(self._engine.running.config.inactive_cmd, "inactive_cmd")

    async def settle_as_standby(self) -> None:
        if self._engine.ends:
            return  # all is put away in a moment
        await self._engine.holding.record()
        self._say(await self._crossing.stands_by())
        await self._engine.cool_down()

    async def _change_addresses(self) -> None:
        engine = self._engine
        await engine.holding.change(engine.wanted_addresses(engine.running.config))

    async def announce_again(self) -> None:
        self.run_command(self._engine.running.config.active_cmd, "active_cmd")
        await self._engine.holding.announce_again()
        self._serving.set()

    async def ask_witness(self) -> bool:
        witnesses = self._engine.running.config.witness
        reached, told = await self._engine.parts.witness(witnesses, WITNESS_S)
        log.info("%s", told)
        return reached

    def _say(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            log.warning("%s", sentence)

    def note(self, kind: str, subject: str, sentence: str) -> None:
        self._engine.chronicle.add(kind, subject, sentence)

    def wall(self) -> float:
        return self._engine.parts.wall()

    def run_command(self, command: str, name: str) -> None:
        """Run active_cmd or inactive_cmd, without waiting for it."""
        if command:
            self._commands.start(name, command)


def pair_of(config: Config, parts: Parts, office: Office, history: History) -> Pair:
    """Make this director's part in the pair.

    Raises:
        EngineError: lvs.cf does not name this machine, or the key file cannot be used.
    """
    wiring = role.wiring(config, parts.is_local)
    pair: Pair

    def act(action: Action) -> None:
        pair.on_action(action)

    heartbeat = Heartbeat(
        wiring.settings,
        parts.transport(wiring.links, wiring.port),
        act,
        keys=wiring.keys,
        clock=parts.steady,
        later=parts.later,
    )
    pair = Pair(heartbeat, wiring.settings, office, history)
    return pair


def reconfigured(pair: Pair, config: Config, before: Config, parts: Parts) -> None:
    """Let the pair go on by a new lvs.cf; the sockets only where links or port changed.

    Raises:
        EngineError: as `pair_of`; or `no-heartbeat-socket`.
    """
    wiring = role.wiring(config, parts.is_local)
    old = role.wiring(before, parts.is_local)
    moved = (wiring.links, wiring.port) != (old.links, old.port)
    transport = parts.transport(wiring.links, wiring.port) if moved else None
    pair.configure(wiring.settings, wiring.keys, transport)
