"""What a plane holds: services, and the destinations behind them. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from lvsengine.net import Address, Forwarding, Protocol, endpoint


@dataclass(frozen=True, slots=True)
class AddressKey:
    """A service known by protocol, virtual IP and port."""

    protocol: Protocol
    address: Address
    port: int

    def __hash__(self) -> int:
        # A third of the generated one's time, which counts where thousands are looked up.
        return hash((int(self.address), self.port))

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.address.version

    def __str__(self) -> str:
        return f"{self.protocol.value} {endpoint(self.address, self.port)}"


@dataclass(frozen=True, slots=True)
class MarkKey:
    """A service known by the firewall mark of its packets, in one address family (4 or 6)."""

    mark: int
    family: int = 4

    def __str__(self) -> str:
        return f"mark {self.mark}" + (" (IPv6)" if self.family == 6 else "")


ServiceKey = AddressKey | MarkKey


@dataclass(frozen=True, slots=True)
class DestinationKey:
    """A real server's address and port, behind one service."""

    service: ServiceKey
    address: Address
    port: int

    def __hash__(self) -> int:
        return hash((int(self.address), self.port, self.service))

    def __str__(self) -> str:
        return f"{self.service} -> {endpoint(self.address, self.port)}"


@dataclass(frozen=True, slots=True)
class Service:
    """How one service chooses.

    Attributes:
        scheduler: A name from `schedulers.SCHEDULERS`, such as `wlc`.
        persistence_s: How long a client stays with its real server; 0 is not at all.
        persistence_prefix: Clients that share this many leading bits are one client
            (32 or 128: each by itself). Means nothing without persistence.
        one_packet: Each UDP packet is scheduled by itself (ipvsadm -o).
        scheduler_flags: The scheduler's own switches, as the kernel's bits 3 to 5
            (`IP_VS_SVC_F_SCHED1..3`, linux/ip_vs.h) shifted down to 0 to 7.
        engine: The persistence engine, `sip` or empty.
    """

    scheduler: str = "wlc"
    persistence_s: int = 0
    persistence_prefix: int = 32
    one_packet: bool = False
    scheduler_flags: int = 0
    engine: str = ""


class TunnelKind(Enum):
    IPIP = "ipip"
    GUE = "gue"
    GRE = "gre"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """How packets are wrapped on their way to a real server; `port` is for GUE only."""

    kind: TunnelKind = TunnelKind.IPIP
    port: int = 0
    checksum: bool = False


IPIP = Tunnel()


@dataclass(frozen=True, slots=True)
class Destination:
    """How one real server takes part.

    Attributes:
        weight: Shares; 0 takes no new connections and keeps those it has.
        upper, lower: Connection thresholds (ipvsadm -x and -y); 0 is none. At `upper` the
            real server gets no new connection until it has fallen to `lower`.
        tunnel: Only meaningful with `Forwarding.TUNNEL`.
    """

    weight: int
    forwarding: Forwarding
    upper: int = 0
    lower: int = 0
    tunnel: Tunnel = IPIP


@dataclass(frozen=True)
class Table:
    """Services and destinations, in the order in which they were added.

    The order of destinations is part of what a scheduler answers, so it is kept.
    """

    services: Mapping[ServiceKey, Service] = field(default_factory=lambda: MappingProxyType({}))
    destinations: Mapping[DestinationKey, Destination] = field(
        default_factory=lambda: MappingProxyType({})
    )


EMPTY = Table()
