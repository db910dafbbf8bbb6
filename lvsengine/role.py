"""What lvs.cf says of the pair: which director this is, its links, timing and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.health import Health, Override, RealServerKey, Standing
from lvsengine.heartbeat import keys
from lvsengine.heartbeat.packet import Key
from lvsengine.heartbeat.udp import Ends
from lvsengine.heartbeat.values import Settings
from lvsengine.heartbeat.words import Link
from lvsengine.lvscf.model import Config
from lvsengine.net import Address, Forwarding

KERNEL_TCP_S = 900  # ip_vs_proto_tcp.c, of an established connection
IsLocal = Callable[[Address], bool]


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the heartbeat is made from."""

    settings: Settings
    links: dict[Link, Ends]
    port: int
    keys: tuple[Key, ...]


def is_primary(config: Config, is_local: IsLocal) -> bool:
    """Whether an interface here holds `primary`; without one, nobody else is it."""
    return config.primary is None or is_local(config.primary)


def wiring(config: Config, is_local: IsLocal) -> Wiring:
    """Work out the heartbeat's settings.

    Raises:
        EngineError: `not-a-director`: neither `primary` nor `backup` is an address of this
            machine; `bad-key-file`.
    """
    primary = is_primary(config, is_local)
    links = _links(config, primary=primary)
    own = links[Link.PUBLIC].own
    if not is_local(own):
        raise EngineError(
            "not-a-director",
            f"neither primary = {config.primary} nor backup = {config.backup} is an address of "
            "this machine",
            "correct them, or bring the interface up",
        )
    settings = Settings(
        primary=primary,
        keepalive_s=config.keepalive_s,
        deadtime_s=config.deadtime_s,
        auto_failback=config.auto_failback,
        failback_delay_s=float(config.failback_delay_s),
        monitor_links=config.monitor_links,
        witness=bool(config.witness),
        yield_when_isolated=config.yield_when_isolated,
        links=tuple(links),
        needs=_needs(config) & frozenset(links),
        forgets_s=float(config.tcp_timeout_s or KERNEL_TCP_S),
    )
    path = config.heartbeat_key_file
    return Wiring(settings, links, config.heartbeat_port, keys.load(Path(path)) if path else ())


def _needs(config: Config) -> frozenset[Link]:
    """By NAT every packet goes to a real server and back over the private link.

    Else a real server may be anywhere: what its checks find decides.
    """
    return frozenset(Link if config.network is Forwarding.NAT else (Link.PUBLIC,))


def _links(config: Config, *, primary: bool) -> dict[Link, Ends]:
    if config.primary is None or config.backup is None:
        raise EngineError(
            "not-a-director",
            "backup_active = 1 needs primary and backup",
            "name both directors' public addresses",
        )
    links = {Link.PUBLIC: _ends(config.primary, config.backup, primary=primary)}
    private = config.primary_private, config.backup_private
    if private[0] is not None and private[1] is not None and private[0] != config.primary:
        links[Link.PRIVATE] = _ends(private[0], private[1], primary=primary)
    return links


def _ends(of_primary: Address, of_backup: Address, *, primary: bool) -> Ends:
    return Ends(of_primary, of_backup) if primary else Ends(of_backup, of_primary)


def not_ready(
    standings: Mapping[RealServerKey, Standing], failing: int, others: Iterable[str]
) -> tuple[str, ...]:
    """Why this director could not serve as well as it should; empty when it could."""
    judged = _judged(standings)
    unknown = sum(one.health is Health.UNKNOWN for one in judged)
    down = sum(one.health is Health.DOWN for one in judged)
    reasons = list(others)
    if failing:
        reasons.append(f"{failing} changes of the kernel fail")
    if unknown:
        reasons.append(f"{unknown} real servers are not checked yet")
    if not reaches_most(standings):
        reasons.append(f"{down} of {len(judged)} real servers are down as seen from here")
    return tuple(reasons)


def reaches_most(standings: Mapping[RealServerKey, Standing]) -> bool:
    """Whether no more than half of the real servers are down as seen from here."""
    judged = _judged(standings)
    return sum(one.health is Health.DOWN for one in judged) * 2 <= len(judged)


def _judged(standings: Mapping[RealServerKey, Standing]) -> list[Standing]:
    return [one for one in standings.values() if one.override is Override.AUTO]
