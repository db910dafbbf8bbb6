"""Which privileges a director needs, what fails without one, and as whom it should run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from lvsengine.errors import EngineError

ROOT = "root"


class Capability(IntEnum):
    """The numbers are those of linux/capability.h."""

    NET_BIND_SERVICE = 10
    NET_ADMIN = 12
    NET_RAW = 13


FAILS_WITHOUT = {
    Capability.NET_ADMIN: "it can change neither IPVS, virtual IPs, the packet filter nor"
    " kernel settings",
    Capability.NET_RAW: "it cannot announce virtual IPs to the neighbours, nor share connections"
    " in a handover",
    Capability.NET_BIND_SERVICE: "it cannot use a heartbeat_port below 1024, such as 539",
}
NEEDED = frozenset(FAILS_WITHOUT)


def mask(capabilities: Iterable[int]) -> int:
    """Write a set of capabilities as the kernel does, a bit each."""
    return sum(1 << number for number in set(capabilities))


@dataclass(frozen=True, slots=True)
class Standing:
    """As whom a process runs; `effective` are its capabilities, a bit each."""

    uid: int
    effective: int


def standing_of(status: str) -> Standing:
    """Read what /proc/PID/status says."""
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return Standing(int(lines["Uid"].split()[1]), int(lines["CapEff"], 16))


def warnings(standing: Standing) -> tuple[str, ...]:
    """Say what an operator should know of the engine's privileges: too many, or too few."""
    said = []
    if standing.uid == 0:
        said.append(
            "pulse runs as root, though three capabilities are all that it needs; make a user"
            " pulse, and it runs as that"
        )
    for capability, fails in FAILS_WITHOUT.items():
        if not standing.effective >> capability & 1:
            said.append(f"pulse has no CAP_{capability.name}: {fails}")
    return tuple(said)


@dataclass(frozen=True, slots=True)
class Choice:
    """The user to become; empty to stay who we are. `said` goes to the log."""

    user: str
    said: str


def chosen(asked: str | None, running_as: str, usual: str, *, has_usual: bool) -> Choice:
    """Choose as whom to run.

    Args:
        asked: By --user.
        running_as: The name of the user that we are; `root` for uid 0.
        usual: Whom root becomes where nobody was asked for, if `has_usual`.

    Raises:
        EngineError: `not-root`: only root can become somebody else.
    """
    wanted = asked or (usual if running_as == ROOT and has_usual else running_as)
    if wanted != running_as and running_as != ROOT:
        raise EngineError(
            "not-root",
            f"this is user {running_as}, so it cannot become user {wanted}",
            "leave --user out, or start it as root",
        )
    if wanted != running_as:
        return Choice(wanted, f"running as user {wanted}, with three capabilities of root's")
    if running_as == ROOT and not asked:
        return Choice("", f"running as root, for there is no user {usual}")
    return Choice("", f"running as user {running_as}")
