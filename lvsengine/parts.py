"""What an engine is made of: the values that say what to run, and what it does its work with."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lvsengine.crossing import Crossing
from lvsengine.health import RealServerKey
from lvsengine.heartbeat.driver import Later, later, steady
from lvsengine.heartbeat.transport import Transport
from lvsengine.heartbeat.udp import Ends, UdpTransport
from lvsengine.heartbeat.words import Link
from lvsengine.holding import Announce
from lvsengine.hush.apply import Hushing
from lvsengine.ipvs.plane import Plane
from lvsengine.lvscf.found import Known
from lvsengine.lvscf.model import Config
from lvsengine.lvscf.syntax import Tree
from lvsengine.nanny.check import Check, Definition
from lvsengine.nanny.kinds import CHECKS
from lvsengine.net import Address
from lvsengine.vip.addresses import AddressPlane
from lvsengine.vip.conflict import conflicts
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.links import Links, LinkWatch, OnChange
from lvsengine.watchdog import Watchdog
from lvsengine.witness.reach import reaches_any

Conflicts = Callable[[Sequence[HeldAddress]], Awaitable[Sequence[str]]]
Witness = Callable[[Sequence[Address], float], Awaitable[tuple[bool, str]]]


def _as_before() -> None:
    """Whoever else is in this process goes on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says.

    Attributes:
        path: lvs.cf.
        state_dir: Where `engine.json` lies.
        leave_running: At the end, leave addresses and services as they are.
        force_active: Run though lvs.cf names another director or asks for a pair.
    """

    path: Path
    socket: Path
    state_dir: Path
    leave_running: bool = False
    force_active: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """The lvs.cf that runs, and the checks that follow from it.

    Attributes:
        known, tree: What makes the next reading quicker.
    """

    config: Config
    revision: str
    plan: dict[RealServerKey, Definition]
    warnings: tuple[str, ...] = ()
    known: Known = field(default_factory=dict, repr=False)
    tree: Tree | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the engine does its work with; tests hand in the same promises kept in memory.

    Attributes:
        is_local: Whether an address is one of this machine's.
        wall: Seconds since the epoch.
        clock: The loop's own clock, in seconds.
        transport: Carries heartbeats over the links, by UDP port.
        steady: The heartbeat's clock; `later` calls back by the loop's.
        conflicts: Says who else answers for addresses that we hold.
        crossing: Lets connections survive a change of role.
        links: Watches the links of this director's own addresses.
        warnings: What an operator should know of the privileges that this process has.
        watchdog: Wants to be told that the engine moves.
        stand_back: Leaves the processor to others, once this director serves nobody and ends.
        witness: Whether any of some addresses answers within so many seconds, and in words.
    """

    plane: Plane
    addresses: AddressPlane
    announce: Announce
    is_local: Callable[[Address], bool]
    wall: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    checks: Mapping[str, Check] = field(default_factory=lambda: CHECKS)
    transport: Callable[[Mapping[Link, Ends], int], Transport] = UdpTransport
    steady: Callable[[], float] = steady
    later: Later = later
    witness: Witness = reaches_any
    links: Callable[[OnChange], LinkWatch] = Links
    conflicts: Conflicts = conflicts
    warnings: tuple[str, ...] = ()
    crossing: Crossing = field(default_factory=lambda: Crossing(None, Hushing(())))
    watchdog: Watchdog = field(default_factory=Watchdog)
    stand_back: Callable[[], object] = _as_before
