"""What this director does when its role changes: addresses, announcements, commands, witnesses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lvsengine import role
from lvsengine.commands import Commands
from lvsengine.heartbeat.driver import Heartbeat
from lvsengine.heartbeat.values import Action
from lvsengine.lvscf.model import Config
from lvsengine.pair import Office, Pair
from lvsengine.parts import Parts

if TYPE_CHECKING:
    from lvsengine.engine import Engine

log = logging.getLogger("pulse")

WITNESS_S = 1.0  # for an answer of any of them


class Duty:
    """The engine's side of the pair; an `Office`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._commands = Commands()

    async def run(self) -> None:
        await self._commands.run()

    async def serve(self, *, planned: bool) -> None:
        """Raise the addresses; the table stands already."""
        config = self._engine.running.config
        self.run_command(config.active_cmd, "active_cmd")
        await self._engine.hold_addresses()

    async def let_go(self) -> None:
        await self._engine.hold_addresses()
        self.run_command(self._engine.running.config.inactive_cmd, "inactive_cmd")

    async def announce_again(self) -> None:
        self.run_command(self._engine.running.config.active_cmd, "active_cmd")
        await self._engine.holding.announce_again()

    async def ask_witness(self) -> bool:
        witnesses = self._engine.running.config.witness
        reached, told = await self._engine.parts.witness(witnesses, WITNESS_S)
        log.info("%s", told)
        return reached

    def note(self, kind: str, subject: str, sentence: str) -> None:
        self._engine.chronicle.add(kind, subject, sentence)

    def wall(self) -> float:
        return self._engine.parts.wall()

    def run_command(self, command: str, name: str) -> None:
        """Run active_cmd or inactive_cmd, without waiting for it."""
        if command:
            self._commands.start(name, command)


def pair_of(config: Config, parts: Parts, office: Office) -> Pair:
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
    pair = Pair(heartbeat, wiring.settings, office)
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
