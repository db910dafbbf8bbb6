"""The settled opinion about a real server: the words that checks, table and page share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Health(Enum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"  # no check has ended yet


class Override(Enum):
    """What an operator has ordered for one real server, whatever its checks say."""

    AUTO = "auto"
    UP = "force-up"
    DOWN = "force-down"
    DRAIN = "drain"


class RealServerKey(NamedTuple):
    """A real server as lvs.cf names it: the virtual server's name and its own."""

    virtual: str
    real: str

    def __str__(self) -> str:
        return f"{self.virtual}/{self.real}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a real server stands now, and why.

    Attributes:
        health: What the checks say; an override does not change it.
        override: What the operator ordered.
        reason: The sentence behind `health` (and the override where there is one).
        since: When `health` became so, in seconds since the epoch; 0 when never.
    """

    health: Health = Health.UNKNOWN
    override: Override = Override.AUTO
    reason: str = "not checked yet"
    since: float = 0.0

    @property
    def serves(self) -> bool:
        """Whether new connections may go there."""
        if self.override is Override.AUTO:
            return self.health is Health.UP
        return self.override is Override.UP
