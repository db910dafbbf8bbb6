"""This director's part in the pair: carry out what the heartbeat's machine decides.

The machine says who is active; here that becomes addresses, announcements, commands, log lines
and history. Without a backup (`backup_active = 0`) there is no Pair: the engine is `Alone`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Protocol

from lvsengine.errors import EngineError
from lvsengine.heartbeat.driver import Heartbeat
from lvsengine.heartbeat.packet import Key
from lvsengine.heartbeat.state import State
from lvsengine.heartbeat.transport import Transport
from lvsengine.heartbeat.values import (
    Action,
    AddressesDown,
    AddressesUp,
    Announce,
    Answer,
    AskWitness,
    Cause,
    Give,
    LinkDown,
    LinkUp,
    Order,
    OrderKind,
    Ready,
    Say,
    Settings,
    Sharing,
    StepDown,
    TakeOver,
    Told,
    WitnessAnswer,
)
from lvsengine.heartbeat.words import Link
from lvsengine.history import History
from lvsengine.snapshot import LinkState, PeerState, RejectedState, RoleChange

log = logging.getLogger("pulse")

ANSWER_S = 30.0
# From a change of role to what can wait: on a machine with one processor clients come first.
CALM_S = 0.1
SERVING = frozenset((State.ACTIVE, State.TAKING, State.GIVING))

# The original's lines, which operators grep for.
TAKEOVER_LINES = {
    Cause.PEER_DEAD: "partner dead: activating lvs",
    Cause.PEER_INACTIVE: "{peer} inactive: activating lvs",
    Cause.COLD_START: "{peer} inactive: activating lvs",
}
STEP_DOWN_LINES = {
    Cause.CONFLICT: "partner active: deactivating LVS",
    Cause.LINK_FAILED: "local link failure: deactivating LVS",
}


class Office(Protocol):
    """What the engine does when the role changes."""

    async def serve(self, *, planned: bool) -> None:
        """Raise the addresses and announce each once; the table stands already."""

    async def settle_as_active(self, *, planned: bool) -> None:
        """Do what can wait until the peer knows that the addresses are up."""

    async def before_giving(self) -> None:
        """Tell the peer's kernel of the connections that are open."""

    async def let_go(self, *, planned: bool) -> None:
        """Take the addresses away, and tell the peer's kernel of the rest."""

    async def settle_as_standby(self) -> None:
        """Do what can wait until the peer knows that the addresses are gone.

        Where this director is being stopped it may be cancelled at any moment.
        """

    async def announce_again(self) -> None:
        """Announce the addresses once more."""

    async def ask_witness(self) -> bool:
        """Try to reach a witness."""

    def note(self, kind: str, subject: str, sentence: str) -> None:
        """Add an event."""

    def wall(self) -> float:
        """Seconds since the epoch."""


class Pair:
    """One director of two.

    Attributes:
        history: The last changes of role, this run's and those before.
        links_down: Of this director's own links, how.
    """

    def __init__(
        self, heartbeat: Heartbeat, settings: Settings, office: Office, history: History
    ) -> None:
        self.history = history
        self.links_down: dict[Link, str] = {}
        self._heartbeat = heartbeat
        self._settings = settings
        self._office = office
        self._to_do: asyncio.Queue[tuple[float, Action]] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._numbers = count(1)
        self._put_off: Callable[[], Awaitable[None]] | None = None
        self._settle_at: float | None = None  # by the loop's clock
        self._since = office.wall()

    # --- what it is -----------------------------------------------------------------------

    @property
    def overdue_s(self) -> float:
        """Since when the heartbeat should have done something; 0: it is not due."""
        return max(0.0, self._heartbeat.now() - self._heartbeat.machine.due_at)

    @property
    def serves(self) -> bool:
        """Whether this director should hold the virtual IPs now."""
        return self._heartbeat.machine.state in SERVING

    @property
    def state(self) -> str:
        return str(self._heartbeat.machine.state.value)

    @property
    def reason(self) -> str:
        return self._heartbeat.machine.reason

    @property
    def since(self) -> float:
        """When the role last changed, in seconds since the epoch."""
        return self._since

    def peer(self) -> PeerState:
        """Draw the peer, and each link to it."""
        picture = self._heartbeat.peer()
        word = picture.word
        links = tuple(
            LinkState(link.value, one.heard_s, one.loss, one.failed)
            for link, one in picture.links.items()
        )
        rejected = tuple(RejectedState(kind, number) for kind, number in picture.rejected.items())
        if word is None:
            return PeerState(links=links, rejected=rejected, silent=True)
        return PeerState(
            state=word.stance.name.lower().replace("_", " "),
            ready=word.ready,
            reasons=word.reasons,
            revision=word.revision,
            heard_s=picture.heard_s,
            since_s=picture.since_s,
            links=links,
            rejected=rejected,
            silent=picture.heard_s is None or picture.heard_s >= self._settings.deadtime_s,
        )

    # --- what it is told ------------------------------------------------------------------

    def ready(self, reasons: Sequence[str], revision: str, *, reaches: bool) -> None:
        """Say whether this director could serve, and if not, why; `reaches` as in `Ready`."""
        told = Ready(self._heartbeat.now(), not reasons, "; ".join(reasons), revision, reaches)
        if replace(self._heartbeat.machine.ready, at=told.at) != told:
            self._heartbeat.tell(told)

    def link(self, link: Link, *, up: bool, told: str = "") -> None:
        """Say that one of this director's own links is up, or down, and how."""
        now = self._heartbeat.now()
        if up:
            self.links_down.pop(link, None)
            self._heartbeat.tell(LinkUp(now, link))
        else:
            self.links_down[link] = told
            self._heartbeat.tell(LinkDown(now, link))

    def sharing(self, *, listens: bool | None, connections: int | None) -> None:
        """Say what this director knows of the peer's connections: as in `Sharing`."""
        self._heartbeat.tell(Sharing(self._heartbeat.now(), listens, connections))

    def configure(
        self, settings: Settings, keys: Sequence[Key], transport: Transport | None
    ) -> None:
        """Go on by a new lvs.cf."""
        self._settings = settings
        self._heartbeat.configure(settings, keys, transport)

    async def order(self, kind: OrderKind, *, force: bool = False) -> str:
        """Carry out an order to take over, stand by or stop; answer what came of it.

        Raises:
            EngineError: `refused`, with the reason; `no-answer` after 30 s.
        """
        number = next(self._numbers)
        self._answers[number] = answer = asyncio.get_running_loop().create_future()
        self._heartbeat.tell(Order(self._heartbeat.now(), number, kind, force))
        try:
            async with asyncio.timeout(ANSWER_S):
                told: Answer = await answer
        except TimeoutError as error:
            raise EngineError(
                "no-answer", f"the order was not carried out within {ANSWER_S:g} s"
            ) from error
        finally:
            del self._answers[number]
        if not told.ok:
            raise EngineError("refused", told.sentence)
        return told.sentence

    # --- what it does ---------------------------------------------------------------------

    async def run(self) -> None:
        """Take part until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._heartbeat.run(), name="heartbeat")
            group.create_task(self._carry_out_all(group), name="role")

    def on_action(self, action: Action) -> None:
        """Take an action of the machine; never blocks."""
        match action:
            case Say(sentence):
                log.info("%s", sentence)
                self._office.note("pair", "heartbeat", sentence)
            case Answer(number):
                answer = self._answers.get(number)
                if answer is not None and not answer.done():
                    answer.set_result(action)
            case _:
                self._to_do.put_nowait((self._office.wall(), action))

    async def _carry_out_all(self, group: asyncio.TaskGroup) -> None:
        while True:
            decided_at, action = await self._next()
            match action:
                case TakeOver():
                    await self._take_over(action, decided_at)
                case StepDown():
                    await self._step_down(action, decided_at)
                case Give(reason):
                    log.info("handing over reason=%s", reason)
                    await self._office.before_giving()
                    self._heartbeat.tell(Told(self._heartbeat.now()))
                case Announce(reason):
                    log.info("partner active: resending arps reason=%s", reason)
                    await self._office.announce_again()
                case AskWitness(reason):
                    group.create_task(self._ask_witness(reason), name="witness")

    async def _next(self) -> tuple[float, Action]:
        """Wait for an action; do meanwhile, or before it, what the last one put off."""
        try:
            async with asyncio.timeout_at(self._settle_at):
                decided_at, action = await self._to_do.get()
        except TimeoutError:
            await self._settle()
            return await self._to_do.get()
        if not isinstance(action, Announce | AskWitness):
            await self._settle()
        return decided_at, action

    def _settle_later(self, settle: Callable[[], Awaitable[None]]) -> None:
        self._put_off = settle
        self._settle_at = asyncio.get_running_loop().time() + CALM_S

    async def _settle(self) -> None:
        if self._put_off is not None:
            await self._put_off()
        self._put_off = self._settle_at = None

    async def _take_over(self, action: TakeOver, decided_at: float) -> None:
        line = TAKEOVER_LINES.get(action.cause, "activating lvs").format(
            peer=self._settings.peer_is
        )
        log.info("%s reason=%s", line, action.reason)
        await self._office.serve(planned=action.planned)
        self._heartbeat.tell(AddressesUp(self._heartbeat.now()))
        self._changed("active", action.cause, action.reason, decided_at)
        self._settle_later(partial(self._office.settle_as_active, planned=action.planned))

    async def _step_down(self, action: StepDown, decided_at: float) -> None:
        line = STEP_DOWN_LINES.get(action.cause, "deactivating lvs")
        log.info("%s reason=%s", line, action.reason)
        await self._office.let_go(planned=action.planned)
        self._heartbeat.tell(AddressesDown(self._heartbeat.now()))
        self._changed("standby", action.cause, action.reason, decided_at)
        self._settle_later(self._office.settle_as_standby)

    async def _ask_witness(self, reason: str) -> None:
        log.info("asking the witnesses reason=%s", reason)
        reached = await self._office.ask_witness()
        self._heartbeat.tell(WitnessAnswer(self._heartbeat.now(), reached))

    def _changed(self, state: str, cause: Cause, reason: str, decided_at: float) -> None:
        self._since = decided_at
        seconds = max(0.0, self._office.wall() - decided_at)
        self.history.add(RoleChange(decided_at, state, cause.value, reason, seconds))
        self._office.note("role", state, f"{cause.value}: {reason}")


@dataclass(frozen=True, slots=True)
class Alone:
    """A director without a backup: active from its start."""

    reason: str
    since: float
    state: str = "active"
    serves: bool = True
