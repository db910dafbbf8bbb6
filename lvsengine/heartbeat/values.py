"""What goes into the machine and what comes out of it. Values only.

Times are seconds of the driver's one steady clock. The engine must answer `TakeOver` by
`AddressesUp` and `StepDown` by `AddressesDown` when it has done what they ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lvsengine.heartbeat.words import Link, Word


@dataclass(frozen=True, slots=True)
class Settings:
    """The part of lvs.cf that decides who is active.

    Attributes:
        primary: Which director this is.
        original: The pair speaks the original's four bytes, since no key is set: there are
            then no acknowledged handovers, and nothing is known of the peer's readiness.
        failback_delay_s: How long the primary must have been ready before it takes back.
        witness: Witnesses are set, so `AskWitness` is answered.
        handover_s: A planned handover that takes longer is called off.
        links: Where heartbeats go out; one where the private addresses are the public ones.
        needs: Of these, the ones without which no client can be served.
        forgets_s: After so long the kernel forgets an idle TCP connection.
    """

    primary: bool
    keepalive_s: float
    deadtime_s: float
    original: bool = False
    auto_failback: bool = False
    failback_delay_s: float = 60.0
    monitor_links: bool = False
    witness: bool = False
    yield_when_isolated: bool = False
    handover_s: float = 5.0
    links: tuple[Link, ...] = (Link.PUBLIC, Link.PRIVATE)
    needs: frozenset[Link] = frozenset((Link.PUBLIC,))
    forgets_s: float = 900.0

    @property
    def peer_is(self) -> str:
        return "backup" if self.primary else "primary"


class OrderKind(Enum):
    TAKEOVER = "takeover"
    STANDBY = "standby"
    STOP = "stop"


class Cause(Enum):
    """Why a role changes, for programs and for the original's log lines."""

    PEER_DEAD = "peer dead"
    PEER_INACTIVE = "peer inactive"
    COLD_START = "cold start"
    HANDOVER = "handover"
    FAILBACK = "failback"
    FORCED = "forced"
    CONFLICT = "both active"
    RESUMED = "resumed"
    LINK_FAILED = "link failed"
    ISOLATED = "isolated"
    STOP = "stop"


# --- events -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    at: float


@dataclass(frozen=True, slots=True)
class PeerWord:
    """The peer's newest word; `knows` as in `receiving.Fresh`."""

    at: float
    word: Word
    knows: float | None = None


@dataclass(frozen=True, slots=True)
class PeerKnocks:
    """Somebody with our key waits for our echo to prove itself."""

    at: float


@dataclass(frozen=True, slots=True)
class Ready:
    """Whether this director could serve now.

    Attributes:
        reasons: Why not, for people.
        reaches: Most real servers are up as seen from here.
    """

    at: float
    ok: bool
    reasons: str = ""
    revision: str = ""
    reaches: bool = True


@dataclass(frozen=True, slots=True)
class Sharing:
    """What this director knows of connections.

    Attributes:
        listens: To what the peer's kernel tells of its connections; None: nothing is shared.
        connections: Established ones that the kernel here knows; None: unknown.
    """

    at: float
    listens: bool | None
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class AddressesUp:
    at: float


@dataclass(frozen=True, slots=True)
class AddressesDown:
    at: float


@dataclass(frozen=True, slots=True)
class Told:
    """The peer's kernel has been told of the connections that are open here."""

    at: float


@dataclass(frozen=True, slots=True)
class LinkDown:
    at: float
    link: Link


@dataclass(frozen=True, slots=True)
class LinkUp:
    at: float
    link: Link


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """Whether any witness was reached."""

    at: float
    reached: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What a person or a signal wants; answered by one `Answer` of the same number."""

    at: float
    number: int
    kind: OrderKind
    force: bool = False


Event = (
    Tick
    | PeerWord
    | PeerKnocks
    | Ready
    | Sharing
    | AddressesUp
    | AddressesDown
    | Told
    | LinkDown
    | LinkUp
    | WitnessAnswer
    | Order
)

# --- actions ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendHeartbeat:
    """Send one word over each of `links`; the driver does it."""

    links: tuple[Link, ...]
    word: Word


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Raise the addresses and announce them, then tell `AddressesUp`.

    Attributes:
        planned: The peer serves on until it has heard that the addresses are up.
    """

    reason: str
    cause: Cause
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Give:
    """A planned handover begins: tell the peer's kernel of what is open, then tell `Told`."""

    reason: str


@dataclass(frozen=True, slots=True)
class StepDown:
    """Take the addresses away, then tell `AddressesDown`.

    Attributes:
        planned: The peer has them up already, so there is no haste.
    """

    reason: str
    cause: Cause
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Announce:
    """Announce the addresses once more: the peer held them too, and has let go of them."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskWitness:
    """Try to reach a witness, and tell `WitnessAnswer` within deadtime."""

    reason: str


@dataclass(frozen=True, slots=True)
class Say:
    """For the log and the events."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An order is carried out (`ok`), or it is not, and why."""

    number: int
    ok: bool
    sentence: str


Action = SendHeartbeat | TakeOver | Give | StepDown | Announce | AskWitness | Say | Answer
