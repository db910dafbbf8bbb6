"""Let connections survive a change of role: the sync daemons, and what a planned handover needs.

    taker                                        giver
                                                 before_giving      tell of what is open
    before_taking   keep quiet                   (offers the role)
    (raises its addresses, announces)            (lets its addresses go)
    taken           as soon as it is so          given              tell of what came since
    ... `SETTLING_S` later: speak again;         stands_by          listen
    send instead of listening

Nothing here decides anything, and nothing here fails a change of role: what does not work is
returned as sentences.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from lvsengine.errors import EngineError
from lvsengine.hush.apply import Hushing
from lvsengine.hush.rules import hush_of
from lvsengine.ipvs import sysctls
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.ipvs.syncd_policy import Finding, daemon_for, daemon_plan
from lvsengine.ipvs.table import Table
from lvsengine.ipvs.telling import Telling
from lvsengine.lvscf.model import Config

log = logging.getLogger("pulse")

SETTLING_S = 3.0  # the giver's kernel tells the last it has to tell within 3 s
CALM_S = 6.0  # after a change of role; starting a program costs clients of a small machine
QUIET_S = 5  # then the rules end by themselves, should this process not end them


class SyncPlane(Protocol):
    """What runs connection-sync daemons: the kernel plane."""

    async def syncd(self) -> tuple[SyncDaemon, ...]: ...

    async def start_syncd(self, daemon: SyncDaemon) -> None: ...

    async def stop_syncd(self, role: SyncRole) -> None: ...


class Crossing:
    """One director's side. Call its methods one at a time, and `run` beside them.

    Attributes:
        failures: Why the daemon that should run does not; empty where all is well.
    """

    def __init__(
        self,
        plane: SyncPlane | None,
        hushing: Hushing,
        *,
        telling: Callable[[SyncDaemon], Telling] = Telling,
        check: Callable[[], Sequence[Finding]] = sysctls.check,
        mend: Callable[[Iterable[Finding]], Sequence[str]] = sysctls.mend,
        settling_s: float = SETTLING_S,
        calm_s: float = CALM_S,
    ) -> None:
        self.failures: tuple[str, ...] = ()
        self._plane = plane
        self._hushing = hushing
        self._new_telling = telling
        self._check = check
        self._mend = mend
        self._settling_s = settling_s
        self._calm_s = calm_s
        self._telling: Telling | None = None
        self._turn = asyncio.Lock()
        self._settling = asyncio.Event()
        self._hushed = False
        self._serves = False
        self._role_changed = asyncio.Event()
        self._config = Config()

    async def prepare(self, config: Config, *, serves: bool) -> tuple[str, ...]:
        """Begin, or go on by a new lvs.cf; answer what an operator should know.

        The values of the kernel are set where `manage_sysctls = 1`, else only compared.
        """
        self._config = config
        if daemon_for(config, serves=serves) is None:
            return await self._follow(serves=serves)
        if self._plane is None:
            return ("syncdaemon = 1 needs the kernel's IPVS: connections are not shared",)
        said = [*self._values(config), *await self._follow(serves=serves)]
        if not serves and not self._hushed:
            said += await self._prepare_to_hush()
        return tuple(said)

    async def _prepare_to_hush(self) -> tuple[str, ...]:
        try:
            await self._hushing.prepare(hush_of(self._config), QUIET_S)
        except EngineError as error:
            return (str(error),)
        return ()

    async def before_taking(self, *, planned: bool) -> tuple[str, ...]:
        """Be ready for packets of connections that are not known yet; before addresses rise."""
        if not planned or not self._shares:
            return ()
        self._hushed = True
        try:
            await self._hushing.begin(hush_of(self._config), QUIET_S)
        except EngineError as error:
            return (str(error),)
        return ()

    async def taken(self, *, planned: bool) -> tuple[str, ...]:
        """This director is active. After a planned handover it listens for 3 s more."""
        self._telling = None
        self._serves = True
        self._role_changed.set()
        if not planned or not self._shares:
            return await self._follow(serves=True)
        self._settling.set()
        return ()

    async def before_giving(self, table: Table) -> tuple[str, ...]:
        """A handover begins: tell the peer's daemon of all that is open."""
        daemon = daemon_for(self._config, serves=True)
        if daemon is None or self._plane is None:
            return ()
        self._telling = self._new_telling(daemon)
        return await _told(self._telling.tell(table))

    async def given(self, table: Table) -> tuple[str, ...]:
        """The addresses are gone: tell of what came last, then listen."""
        telling, self._telling = self._telling, None
        return () if telling is None else await _told(telling.tell_the_rest(table))

    async def stands_by(self) -> tuple[str, ...]:
        """This director is on standby: listen."""
        self._serves = False
        self._role_changed.set()
        self._settling.clear()
        await self._end_hush()
        return await self._follow(serves=False)

    async def leave(self) -> tuple[str, ...]:
        """The engine ends, and does not leave things running: stop our daemon, be as usual."""
        self._settling.clear()
        self._hushed = False
        await self._hushing.remove()
        if not self._shares or self._plane is None:
            return ()
        try:
            for daemon in await self._plane.syncd():
                if daemon.interface == self._config.syncd_iface:
                    await self._plane.stop_syncd(daemon.role)
        except EngineError as error:
            return (str(error),)
        return ()

    async def run(self) -> None:
        """Do what follows a change of role in seconds."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settle_when_taken())
            group.create_task(self._prepare_when_calm())

    async def _prepare_when_calm(self) -> None:
        """Only who stands by will need to keep quiet: have the rules ready, or not at all."""
        while True:
            await self._role_changed.wait()
            self._role_changed.clear()
            await asyncio.sleep(self._calm_s)
            if self._role_changed.is_set():
                continue
            if self._serves:
                await self._hushing.remove()
            elif self._shares:
                for sentence in await self._prepare_to_hush():
                    log.warning("%s", sentence)

    async def _settle_when_taken(self) -> None:
        """End what `before_taking` began, 3 s after `taken`."""
        while True:
            await self._settling.wait()
            await asyncio.sleep(self._settling_s)
            if self._settling.is_set():
                await self._end_hush()
            if self._settling.is_set():  # else it has handed over while the hush was ended
                self._settling.clear()
                for sentence in await self._follow(serves=True):
                    log.warning("%s", sentence)

    async def _end_hush(self) -> None:
        if self._hushed:
            self._hushed = False
            await self._hushing.end()

    @property
    def _shares(self) -> bool:
        return self._plane is not None and daemon_for(self._config, serves=True) is not None

    def _values(self, config: Config) -> list[str]:
        found = self._check()
        if not config.manage_sysctls:
            return [str(one.sentence) for one in found]
        return list(self._mend(found))

    async def _follow(self, *, serves: bool) -> tuple[str, ...]:
        """Let the daemon run that fits the role, and no other."""
        wanted = daemon_for(self._config, serves=serves)
        if self._plane is None or wanted is None:
            self.failures = ()
            return ()
        async with self._turn:
            try:
                plan = daemon_plan(await self._plane.syncd(), wanted)
                for role in plan.stop:
                    await self._plane.stop_syncd(role)
                if plan.start is not None:
                    await self._plane.start_syncd(plan.start)
            except (EngineError, ValueError) as error:
                self.failures = (str(error),)
            else:
                self.failures = ()
        return self.failures


async def _told(telling: Awaitable[int]) -> tuple[str, ...]:
    try:
        number = await telling
    except OSError as error:
        return (f"cannot tell the peer of the connections that are open: {error}",)
    log.info("told the peer of connections number=%d", number)
    return ()
