"""Tables as hypothesis draws them, for the property that every plane must have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import (
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    Table,
    Tunnel,
    TunnelKind,
)
from lvsengine.net import Forwarding, Protocol

REAL_SERVERS = 3
NAT = (Forwarding.NAT, Tunnel())
OTHER_WAYS = (
    (Forwarding.DIRECT, Tunnel()),
    (Forwarding.TUNNEL, Tunnel()),
    (Forwarding.TUNNEL, Tunnel(TunnelKind.GUE, 6080)),
    (Forwarding.TUNNEL, Tunnel(TunnelKind.GRE, checksum=True)),
)

MakeReal = Callable[[int, ServiceKey], DestinationKey]


def tables(
    keys: Sequence[ServiceKey], real: MakeReal, *, marks_forward: bool, maglev: bool
) -> st.SearchStrategy[Table]:
    """Draw tables of up to three of these services.

    Args:
        real: Gives the destination of a number below `REAL_SERVERS` behind a service.
        marks_forward: Whether destinations of marks may be direct or tunnels, too. (Those of
            other services must have the service's port then, and are NAT only.)
        maglev: Whether the scheduler mh may be drawn.
    """
    names = [name for name in SCHEDULERS if maglev or name != "mh"]

    def of(drawn: set[ServiceKey]) -> st.SearchStrategy[Table]:
        ways = {key: _ways(key, marks_forward=marks_forward) for key in drawn}
        reals = {
            real(number, key): _destinations(ways[key])
            for key in drawn
            for number in range(REAL_SERVERS)
        }
        services = {key: _services(key, names) for key in drawn}
        return st.builds(
            Table, st.fixed_dictionaries(services), st.fixed_dictionaries({}, optional=reals)
        )

    return st.sets(st.sampled_from(keys), max_size=3).flatmap(of)


def _services(key: ServiceKey, names: Sequence[str]) -> st.SearchStrategy[Service]:
    udp = isinstance(key, AddressKey) and key.protocol is Protocol.UDP
    return st.builds(
        Service,
        scheduler=st.sampled_from(names),
        persistence_s=st.sampled_from([0, 1, 300, 86_400]),
        persistence_prefix=st.integers(1, 32 if key.family == 4 else 128),
        one_packet=st.booleans() if udp else st.just(value=False),
        scheduler_flags=st.integers(0, 7),
    )


def _ways(key: ServiceKey, *, marks_forward: bool) -> Sequence[tuple[Forwarding, Tunnel]]:
    return [NAT, *OTHER_WAYS] if isinstance(key, MarkKey) and marks_forward else [NAT]


def _destinations(
    ways: Sequence[tuple[Forwarding, Tunnel]],
) -> st.SearchStrategy[Destination]:
    thresholds = st.integers(0, 2**32 - 1)
    return st.builds(
        lambda weight, way, one, other: Destination(
            weight, way[0], max(one, other), min(one, other), way[1]
        ),
        st.integers(0, 65535),
        st.sampled_from(ways),
        thresholds,
        thresholds,
    )
