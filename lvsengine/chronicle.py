"""Say what was decided: one log line and one event for each decision, with its reason.

Lines that operators of the original grep for keep their wording.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from lvsengine.events import EventLog
from lvsengine.health import Override, Standing
from lvsengine.ipvs.diff import Verb
from lvsengine.ipvs.listing import change_line
from lvsengine.ipvs.plane import Failure
from lvsengine.ipvs.table import AddressKey, MarkKey
from lvsengine.lvscf.model import VirtualServer
from lvsengine.nanny.check import Definition
from lvsengine.nanny.driver import Transition
from lvsengine.nanny.wording import making_available, place, shutting_down
from lvsengine.net import endpoint
from lvsengine.reconciler import Outcome
from lvsengine.snapshot import FailureState
from lvsengine.vip.addresses import AddressFailure
from lvsengine.vip.diff import AddressChange
from lvsengine.vip.diff import Verb as AddressVerb

pulse = logging.getLogger("pulse")
lvs = logging.getLogger("lvs")
nanny = logging.getLogger("nanny")

ORDERS = {
    Override.AUTO: "left to its checks",
    Override.UP: "forced up",
    Override.DOWN: "forced down",
    Override.DRAIN: "drained",
}


class Chronicle:
    """Logs decisions, keeps the events, and remembers which failures last."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.events = EventLog()
        self.failures: dict[str, FailureState] = {}
        self._wall = wall

    def add(self, kind: str, subject: str, sentence: str) -> None:
        self.events.add(self._wall(), kind, subject, sentence)

    def order(self, subject: str, what: str, by: str) -> None:
        """Somebody ordered something; what comes of it follows."""
        pulse.info("order=%s subject=%s by=%s", what, subject, by)
        self.add("order", subject, f"{what} by {by}")

    def monitors(self, virtual: VirtualServer, definitions: Iterable[Definition]) -> None:
        """A virtual server's checks were started."""
        at = endpoint(virtual.address, virtual.port)
        lvs.info("starting virtual service %s active: %d", virtual.name, virtual.port)
        for definition in definitions:
            nanny.info("starting LVS client monitor for %s -> %s", at, place(definition))

    def health(self, change: Transition, definition: Definition) -> None:
        """A real server went up or down, or got an order."""
        name, after = str(change.key), change.after
        if change.before.override is not after.override:
            nanny.info("%s (%s) is %s", name, place(definition), ORDERS[after.override])
            self.add("override", name, f"{ORDERS[after.override]}; {after.reason}")
        if change.before.serves != after.serves:
            nanny.info(
                "%s virtual=%s reason=%s",
                _grepped(after, definition),
                change.key.virtual,
                after.reason,
            )
        if change.before.health is not after.health:
            self.add("health", name, f"{after.health.value}: {after.reason}")

    def table(self, outcome: Outcome) -> None:
        """The table was changed."""
        for change in outcome.made:
            line = change_line(change)
            if isinstance(change.key, AddressKey | MarkKey):
                word = {Verb.ADD: "starting", Verb.REMOVE: "shutting down"}.get(change.verb, "set")
                lvs.info("%s virtual service %s", word, change.key)
            lvs.debug("ipvs %s", line)
            self.add("table", str(change.key), line)

    def addresses(self, changes: Iterable[AddressChange]) -> None:
        for change in changes:
            held = change.address
            verb = "holds" if change.verb is AddressVerb.ADD else "lets go of"
            pulse.info(
                "this director %s %s on %s", verb, held.address, held.label or held.interface
            )
            self.add("address", str(held.address), f"this director {verb} it")

    def failing(self, now_failing: Iterable[FailureState]) -> None:
        """Remember what fails now; log what is new and what has ended."""
        before, self.failures = self.failures, {}
        for failure in now_failing:
            known = before.pop(failure.what, None)
            self.failures[failure.what] = known or failure
            if known is None or known.sentence != failure.sentence:
                lvs.error("%s reason=%s", failure.what, failure.sentence)
                self.add("failure", failure.what, failure.sentence)
        for what in before:
            lvs.info("%s works again", what)
            self.add("failure", what, "works again")

    def failures_of(
        self, table: Iterable[Failure], addresses: Iterable[AddressFailure]
    ) -> list[FailureState]:
        now = self._wall()
        told = [(change_line(one.change), one.errno, one.sentence) for one in table]
        told += [(str(one.change), one.errno, one.sentence) for one in addresses]
        return [FailureState(what, errno, sentence, now) for what, errno, sentence in told]


def _grepped(standing: Standing, definition: Definition) -> str:
    if standing.serves:
        return making_available(definition.address, definition.port)
    if standing.override is Override.AUTO:
        return shutting_down(definition.address, definition.port)
    return f"[inactive] shutting down {place(definition)} by order of the operator"
