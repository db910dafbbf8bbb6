"""What the table should hold, from the configuration and where each real server stands.

Says nothing of what the table holds now (`diff.py` compares) and knows no history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from lvsengine.health import Health, Override, RealServerKey, Standing
from lvsengine.ipvs.table import (
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    Table,
)
from lvsengine.lvscf.model import Config, RealServer, VirtualServer
from lvsengine.net import Address, Forwarding

SORRY_WEIGHT = 1
NOT_CHECKED = Standing()

Listing = tuple[VirtualServer, RealServer]  # one real server, as one virtual server lists it


def desired(config: Config, standings: Mapping[RealServerKey, Standing]) -> Table:
    """Work out the whole table, services and destinations in file order.

    Only what is enabled takes part. A real server is in with its weight while it serves; drained
    it is in with weight 0; failed or forced down it is out, or in with weight 0 where its virtual
    server quiesces; not checked yet it is out. Where no real server would take a new connection,
    the sorry server stands in with weight 1.

    Virtual servers that share a mark and a family are one service, for the kernel cannot hold
    two: scheduler and persistence are those of the first in the file, the real servers are the
    union by address, each with the first weight the file gives it. A real server is in while it
    serves in every one that lists it; drained in one it is drained in all.
    """
    services: dict[ServiceKey, Service] = {}
    destinations: dict[DestinationKey, Destination] = {}
    for key, members in _members(config).items():
        services[key] = _service(members[0])
        destinations.update(_destinations(config.network, key, members, standings))
    return Table(MappingProxyType(services), MappingProxyType(destinations))


def service_of(virtual: VirtualServer) -> ServiceKey:
    """Say which service carries this virtual server; several share one where they share a mark."""
    if virtual.mark:
        return MarkKey(virtual.mark, virtual.address.version)
    return AddressKey(virtual.protocol, virtual.address, virtual.port)


def destination_of(config: Config, virtual: VirtualServer, real: RealServer) -> DestinationKey:
    """Say which destination this real server is (or would be) behind this virtual server.

    With NAT the port is the real server's. With direct routing and tunnels the packet keeps its
    port, so it is the virtual server's.

    Where virtual servers of different ports share a mark (port 80 and 443 as one service) it
    is 0, which tells the kernel to keep each packet's port: one port here would send HTTPS to
    port 80. With direct routing, with tunnels and with persistence a marked packet keeps its port
    whatever stands here, and only where that is 0 does the kernel of the other director, told of
    which real server a client stays with, find the destination: so there it is 0 too. Else it is
    as without a mark, by the first that lists the address: so it was in the original, and a
    file that maps port 80 to a real server's 8080 keeps its meaning.
    """
    key = service_of(virtual)
    members = [virtual]
    if virtual.mark:
        members = [
            other
            for other in config.virtual_servers
            if other.enabled and other.mark == virtual.mark and service_of(other) == key
        ]
    return _destination_key(config.network, key, members or [virtual], (virtual, real))


def destinations_of(config: Config) -> dict[RealServerKey, DestinationKey]:
    """As `destination_of`, for every enabled real server of the enabled virtual servers."""
    return {
        RealServerKey(virtual.name, real.name): destination
        for key, members in _members(config).items()
        for destination, listings in _by_destination(config.network, key, members).items()
        for virtual, real in listings
    }


def _members(config: Config) -> dict[ServiceKey, list[VirtualServer]]:
    """Group the enabled virtual servers by service, in file order."""
    members: dict[ServiceKey, list[VirtualServer]] = {}
    for virtual in config.enabled_virtual_servers:
        members.setdefault(service_of(virtual), []).append(virtual)
    return members


def _service(virtual: VirtualServer) -> Service:
    each_by_itself = virtual.address.max_prefixlen
    prefix = virtual.persistence_prefix if virtual.persistence_s else None
    return Service(
        scheduler=virtual.scheduler,
        persistence_s=virtual.persistence_s,
        persistence_prefix=each_by_itself if prefix is None else prefix,
    )


def _destinations(
    network: Forwarding,
    key: ServiceKey,
    members: Sequence[VirtualServer],
    standings: Mapping[RealServerKey, Standing],
) -> dict[DestinationKey, Destination]:
    found: dict[DestinationKey, Destination] = {}
    for destination, listings in _by_destination(network, key, members).items():
        weight = _weight(listings, standings)
        if weight is not None:
            found[destination] = Destination(weight, network)
    if not any(destination.weight for destination in found.values()):
        for sorry in _sorry_servers(network, key, members):
            # A sorry server that is also a drained real server stays drained.
            found.setdefault(sorry, Destination(SORRY_WEIGHT, network))
    return found


def _by_destination(
    network: Forwarding, key: ServiceKey, members: Sequence[VirtualServer]
) -> dict[DestinationKey, list[Listing]]:
    found: dict[DestinationKey, list[Listing]] = {}
    for listing in _listings(members):
        destination = _destination_key(network, key, members, listing)
        found.setdefault(destination, []).append(listing)
    return found


def _listings(members: Iterable[VirtualServer]) -> Iterator[Listing]:
    for virtual in members:
        for real in virtual.real_servers:
            if real.enabled:
                yield virtual, real


def _destination_key(
    network: Forwarding, key: ServiceKey, members: Sequence[VirtualServer], listing: Listing
) -> DestinationKey:
    virtual, real = listing
    if isinstance(key, MarkKey):
        virtual, real = _first_listing(members, real.address) or listing
    port = virtual.port_of(real) if network is Forwarding.NAT else virtual.port
    return DestinationKey(key, real.address, 0 if _keeps_ports(network, key, members) else port)


def _first_listing(members: Sequence[VirtualServer], address: Address) -> Listing | None:
    return next((found for found in _listings(members) if found[1].address == address), None)


def _keeps_ports(network: Forwarding, key: ServiceKey, members: Sequence[VirtualServer]) -> bool:
    """Whether each marked packet must keep its port, or does so anyway."""
    anyway = network is not Forwarding.NAT or members[0].persistence_s > 0
    several = len({virtual.port for virtual in members}) > 1
    return isinstance(key, MarkKey) and (anyway or several)


def _sorry_servers(
    network: Forwarding, key: ServiceKey, members: Sequence[VirtualServer]
) -> Iterator[DestinationKey]:
    """Yield the first sorry server that the members name, if any."""
    for virtual in members:
        if virtual.sorry_server is not None:
            port = 0 if _keeps_ports(network, key, members) else virtual.port
            yield DestinationKey(key, virtual.sorry_server, port)
            return


def _weight(
    listings: Sequence[Listing], standings: Mapping[RealServerKey, Standing]
) -> int | None:
    """Return the destination's weight, or None where it has no place in the table."""
    stands = [
        (virtual, standings.get(RealServerKey(virtual.name, real.name), NOT_CHECKED))
        for virtual, real in listings
    ]
    if any(standing.override is Override.DRAIN for _, standing in stands):
        return 0
    if all(standing.serves for _, standing in stands):
        return listings[0][1].weight
    quiesced = any(virtual.quiesce and _failed(standing) for virtual, standing in stands)
    return 0 if quiesced else None


def _failed(standing: Standing) -> bool:
    """Whether it is out for a reason, not merely unchecked."""
    return not standing.serves and (
        standing.override is Override.DOWN or standing.health is Health.DOWN
    )
