"""What one director can say to the other, whatever the wire makes of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

LONGEST_REASONS = 160  # bytes of UTF-8; what is longer is cut
LONGEST_REVISION = 64


class Link(Enum):
    """A path between the directors; the values are lvs.cf's words."""

    PUBLIC = "public"
    PRIVATE = "private"


class Stance(Enum):
    """How a director stands; the values are those of the authenticated form.

    LISTENING: it was active, was itself asleep, and claims nothing until it has heard the
        peer. LETTING_GO: it stepped down and may still hold addresses. STOPPING: it ends now.
    """

    STANDBY = 0
    ACTIVE = 1
    TAKING = 2
    GIVING = 3
    LETTING_GO = 4
    STOPPING = 5
    LISTENING = 6


SERVING = frozenset((Stance.ACTIVE, Stance.TAKING, Stance.GIVING, Stance.LISTENING))
HOLDING = SERVING | {Stance.LETTING_GO}  # may have the virtual IPs up


class Step(Enum):
    """One step of a planned handover; each is repeated until the other side's next is heard.

    taker: ASK             ACCEPTED -> TAKEN      or REFUSED
    giver:      -> OFFER                   -> RELEASED, or REFUSED, or CANCELLED
    """

    ASK = 1
    OFFER = 2
    ACCEPTED = 3
    TAKEN = 4
    RELEASED = 5
    REFUSED = 6
    CANCELLED = 7


@dataclass(frozen=True, slots=True)
class Handover:
    """Where a director is in a planned handover.

    Attributes:
        number: Tells this exchange from those before; 64 bits.
        force: The taker need not be ready.
    """

    number: int
    step: Step
    force: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """All that a heartbeat says. The original form carries only whether it is active.

    Attributes:
        ready: Whether it could serve as well as the other.
        reasons: Why it is not ready, or refuses; for people.
        link_failed: A link is down without which it cannot serve.
        revision: Of the lvs.cf it runs; empty when unknown.
        connections: Established ones that its kernel knows; None when unknown.
    """

    stance: Stance
    ready: bool = False
    link_failed: bool = False
    handover: Handover | None = None
    reasons: str = ""
    revision: str = ""
    connections: int | None = None
