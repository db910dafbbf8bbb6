"""Compose what people see, from the values that the rooms hold: snapshot, plan, explanation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lvsengine.control.messages import Explained, PlannedLine, TriedCheck
from lvsengine.health import RealServerKey, Standing
from lvsengine.ipvs.desired import destination_of, service_of
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.listing import change_line
from lvsengine.ipvs.plane import Counters, Usage
from lvsengine.ipvs.table import DestinationKey, ServiceKey, Table
from lvsengine.lvscf.model import Config, RealServer, VirtualServer
from lvsengine.nanny.check import Definition, Tried
from lvsengine.net import endpoint
from lvsengine.snapshot import RealServerState, Traffic, VirtualServerState
from lvsengine.traffic import Totals


@dataclass(frozen=True, slots=True)
class View:
    """What the virtual servers' part of a snapshot is made from."""

    config: Config
    standings: Mapping[RealServerKey, Standing]
    table: Table
    usage: Usage


def virtual_servers(view: View) -> tuple[VirtualServerState, ...]:
    return tuple(_virtual(view, virtual) for virtual in view.config.enabled_virtual_servers)


def _virtual(view: View, virtual: VirtualServer) -> VirtualServerState:
    key = service_of(virtual)
    return VirtualServerState(
        name=virtual.name,
        service=str(key),
        address=str(virtual.address),
        port=virtual.port,
        protocol=virtual.protocol.value,
        mark=virtual.mark,
        scheduler=virtual.scheduler,
        persistence_s=virtual.persistence_s,
        sorry_server=_sorry(view, virtual, key),
        traffic=_traffic(view.usage.services.get(key)),
        real_servers=tuple(
            _real(view, virtual, server) for server in virtual.real_servers if server.enabled
        ),
    )


def _sorry(view: View, virtual: VirtualServer, service: ServiceKey) -> str | None:
    address = virtual.sorry_server
    if address is None:
        return None
    listed = {server.address for server in virtual.real_servers if server.enabled}
    stands_in = address not in listed and any(
        key.service == service and key.address == address for key in view.table.destinations
    )
    return str(address) if stands_in else None


def _real(view: View, virtual: VirtualServer, server: RealServer) -> RealServerState:
    standing = view.standings.get(RealServerKey(virtual.name, server.name), Standing())
    key = destination_of(view.config, virtual, server)
    held = view.table.destinations.get(key)
    return RealServerState(
        name=server.name,
        address=str(server.address),
        port=virtual.port_of(server),
        weight=server.weight,
        effective_weight=None if held is None else held.weight,
        health=standing.health.value,
        override=standing.override.value,
        reason=standing.reason,
        since=standing.since,
        traffic=_traffic(view.usage.destinations.get(key)),
    )


def _traffic(counters: Counters | None) -> Traffic:
    if counters is None:
        return Traffic()
    return Traffic(
        connections=counters.connections,
        bytes_in=counters.bytes_in,
        bytes_out=counters.bytes_out,
        connections_per_s=counters.connections_per_s,
        bytes_in_per_s=counters.bytes_in_per_s,
        bytes_out_per_s=counters.bytes_out_per_s,
        active=counters.active,
        inactive=counters.inactive,
    )


def totals(config: Config, usage: Usage) -> dict[str, Totals]:
    """Gather what has gone through each enabled virtual server."""
    none = Counters()
    counted = {
        virtual.name: usage.services.get(service_of(virtual), none)
        for virtual in config.enabled_virtual_servers
    }
    return {
        name: Totals(one.connections, one.bytes_in, one.bytes_out) for name, one in counted.items()
    }


def planned(
    changes: Iterable[Change], usage: Usage, unchecked: Collection[DestinationKey]
) -> tuple[PlannedLine, ...]:
    """List changes as ipvsadm-style lines, with the live connections that each touches.

    `unchecked` are real servers that come in only once their check has succeeded.
    """
    return tuple(
        PlannedLine(change_line(change), _live(change, usage), _note(change, unchecked))
        for change in changes
    )


def _live(change: Change, usage: Usage) -> int:
    if isinstance(change.key, DestinationKey):
        return _connections(usage.destinations.get(change.key))
    return sum(
        _connections(counters)
        for key, counters in usage.destinations.items()
        if key.service == change.key
    )


def _connections(counters: Counters | None) -> int:
    return counters.active + counters.inactive if counters else 0


def _note(change: Change, unchecked: Collection[DestinationKey]) -> str:
    if change.verb is Verb.REMOVE:
        return "to be cut"
    if isinstance(change.key, DestinationKey) and change.key in unchecked:
        return "once its check succeeds"
    return ""


def explained(
    key: RealServerKey, standing: Standing, definition: Definition, tried: Sequence[Tried]
) -> Explained:
    return Explained(
        name=str(key),
        endpoint=endpoint(definition.address, definition.port),
        health=standing.health.value,
        override=standing.override.value,
        reason=standing.reason,
        since=standing.since,
        check=describe(definition),
        serves=standing.serves,
        results=tuple(_tried(one) for one in tried),
    )


def describe(definition: Definition) -> str:
    """Say in a few words what is checked, how often, and what it takes to change the opinion."""
    return (
        f"{definition.kind} {definition.protocol.value} "
        f"{endpoint(definition.address, definition.port)} every {definition.interval_s:g} s, "
        f"down after {definition.fall}, up again after {definition.rise} in a row"
    )


def _tried(tried: Tried) -> TriedCheck:
    result = tried.result
    return TriedCheck(
        tried.at, result.ok, result.reason, result.seconds, result.sent, result.received
    )
