"""IPVS over generic netlink: its commands and attributes <-> the table's values.

Bytes only: `netlink.py` has the framing, `exchange.py` the socket. What the kernel reports and we
have no word for (attributes, flag bits, protocols of later kernels) is passed over.

Sources: linux/ip_vs.h; byte orders as net/netfilter/ipvs/ip_vs_ctl.c reads and writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.netlink import (
    attribute,
    attributes,
    be16,
    nested,
    number,
    signed,
    string,
    text,
    u8,
    u16,
    u32,
)
from lvsengine.ipvs.plane import Counters, Timeouts
from lvsengine.ipvs.table import (
    IPIP,
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    Tunnel,
    TunnelKind,
)
from lvsengine.net import Address, Forwarding, Protocol

FAMILY = "IPVS"


class Command(IntEnum):
    """IPVS_CMD_*"""

    NEW_SERVICE = 1
    SET_SERVICE = 2
    DEL_SERVICE = 3
    GET_SERVICE = 4
    NEW_DEST = 5
    SET_DEST = 6
    DEL_DEST = 7
    GET_DEST = 8
    NEW_DAEMON = 9
    DEL_DAEMON = 10
    GET_DAEMON = 11
    SET_CONFIG = 12
    GET_CONFIG = 13
    SET_INFO = 14
    GET_INFO = 15
    ZERO = 16
    FLUSH = 17


# IPVS_CMD_ATTR_*: what stands in a message
SERVICE = 1
DESTINATION = 2
DAEMON = 3
_TIMEOUT_TCP, _TIMEOUT_TCP_FIN, _TIMEOUT_UDP = 4, 5, 6

# IPVS_SVC_ATTR_*
_SVC_AF, _SVC_PROTOCOL, _SVC_ADDR, _SVC_PORT, _SVC_FWMARK = 1, 2, 3, 4, 5
_SVC_SCHED_NAME, _SVC_FLAGS, _SVC_TIMEOUT, _SVC_NETMASK = 6, 7, 8, 9
_SVC_STATS, _SVC_PE_NAME, _SVC_STATS64 = 10, 11, 12

# IPVS_DEST_ATTR_*
_DEST_ADDR, _DEST_PORT, _DEST_FWD_METHOD, _DEST_WEIGHT = 1, 2, 3, 4
_DEST_UPPER, _DEST_LOWER = 5, 6
_DEST_ACTIVE, _DEST_INACTIVE, _DEST_PERSISTENT = 7, 8, 9
_DEST_STATS, _DEST_ADDR_FAMILY, _DEST_STATS64 = 10, 11, 12
_DEST_TUN_TYPE, _DEST_TUN_PORT, _DEST_TUN_FLAGS = 13, 14, 15

# IPVS_INFO_ATTR_*
_INFO_VERSION, _INFO_CONN_TAB_SIZE = 1, 2

# IP_VS_SVC_F_*
_PERSISTENT = 0x01
_ONE_PACKET = 0x04
_SCHEDULER_SHIFT = 3
_OURS = _PERSISTENT | _ONE_PACKET | 0b111 << _SCHEDULER_SHIFT  # the kernel keeps other bits

_CHECKSUM = 0x01  # IP_VS_TUNNEL_ENCAP_FLAG_CSUM

AF_INET, AF_INET6 = 2, 10
_FAMILIES = {4: AF_INET, 6: AF_INET6}
_PROTOCOLS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.SCTP: 132}
_PROTOCOL_OF = {number: protocol for protocol, number in _PROTOCOLS.items()}
_FORWARDINGS = {Forwarding.NAT: 0, Forwarding.TUNNEL: 2, Forwarding.DIRECT: 3}
_FORWARDING_OF = {number: forwarding for forwarding, number in _FORWARDINGS.items()}
_FORWARDING_MASK = 0x07
_TUNNELS = {TunnelKind.IPIP: 0, TunnelKind.GUE: 1, TunnelKind.GRE: 2}
_TUNNEL_OF = {number: kind for kind, number in _TUNNELS.items()}

_TWO_U32 = Struct("=II")
_ONE_U32 = Struct("=I")
_ALL_ONES = 0xFFFFFFFF

_SERVICE_COMMANDS = {
    Verb.ADD: Command.NEW_SERVICE,
    Verb.SET: Command.SET_SERVICE,
    Verb.REMOVE: Command.DEL_SERVICE,
}
_DESTINATION_COMMANDS = {
    Verb.ADD: Command.NEW_DEST,
    Verb.SET: Command.SET_DEST,
    Verb.REMOVE: Command.DEL_DEST,
}


@dataclass(frozen=True, slots=True)
class Info:
    """What the kernel says of itself: its IPVS version, and its connection table's size."""

    version: str
    connection_table_size: int


# Writing


def change_request(change: Change) -> tuple[Command, bytes]:
    """Write one change. Its values must have passed `rules.refusal`."""
    if isinstance(change.key, DestinationKey):
        value = change.value if isinstance(change.value, Destination) else None
        body = service_body(change.key.service) + _destination(change.key, value)
        return _DESTINATION_COMMANDS[change.verb], body
    service = change.value if isinstance(change.value, Service) else None
    return _SERVICE_COMMANDS[change.verb], service_body(change.key, service)


def service_body(key: ServiceKey, value: Service | None = None) -> bytes:
    """Write which service, and with a value also how it chooses."""
    values = _service_values(key, value) if value else ()
    return nested(SERVICE, *_identity(key), *values)


def _identity(key: ServiceKey) -> tuple[bytes, ...]:
    family = u16(_SVC_AF, _FAMILIES[key.family])
    if isinstance(key, MarkKey):
        return family, u32(_SVC_FWMARK, key.mark)
    return (
        family,
        u16(_SVC_PROTOCOL, _PROTOCOLS[key.protocol]),
        attribute(_SVC_ADDR, key.address.packed),
        be16(_SVC_PORT, key.port),
    )


def _service_values(key: ServiceKey, value: Service) -> tuple[bytes, ...]:
    flags = value.scheduler_flags << _SCHEDULER_SHIFT
    flags |= _PERSISTENT if value.persistence_s else 0
    flags |= _ONE_PACKET if value.one_packet else 0
    return (
        text(_SVC_SCHED_NAME, value.scheduler),
        text(_SVC_PE_NAME, value.engine) if value.engine else b"",
        attribute(_SVC_FLAGS, _TWO_U32.pack(flags, _OURS)),
        u32(_SVC_TIMEOUT, value.persistence_s),
        attribute(_SVC_NETMASK, _mask(key.family, value.persistence_prefix)),
    )


def _mask(family: int, prefix: int) -> bytes:
    """IPv4: the mask in network order; IPv6: the prefix's length in the machine's."""
    if family == 6:
        return _ONE_U32.pack(prefix)
    return (_ALL_ONES << (32 - prefix) & _ALL_ONES).to_bytes(4, "big")


def _destination(key: DestinationKey, value: Destination | None) -> bytes:
    """The kernel knows no partial edit: all values are written, or none to name it only."""
    return nested(
        DESTINATION,
        attribute(_DEST_ADDR, key.address.packed),
        be16(_DEST_PORT, key.port),
        u16(_DEST_ADDR_FAMILY, _FAMILIES[key.address.version]),
        *(_destination_values(value) if value else ()),
    )


def _destination_values(value: Destination) -> tuple[bytes, ...]:
    return (
        u32(_DEST_FWD_METHOD, _FORWARDINGS[value.forwarding]),
        u32(_DEST_WEIGHT, value.weight),
        u32(_DEST_UPPER, value.upper),
        u32(_DEST_LOWER, value.lower),
        *(_tunnel(value.tunnel) if value.tunnel != IPIP else ()),
    )


def _tunnel(tunnel: Tunnel) -> tuple[bytes, ...]:
    return (
        u8(_DEST_TUN_TYPE, _TUNNELS[tunnel.kind]),
        be16(_DEST_TUN_PORT, tunnel.port),
        u16(_DEST_TUN_FLAGS, _CHECKSUM if tunnel.checksum else 0),
    )


def timeouts_body(timeouts: Timeouts) -> bytes:
    """The kernel wants all three; 0 leaves what it has."""
    return (
        u32(_TIMEOUT_TCP, timeouts.tcp_s)
        + u32(_TIMEOUT_TCP_FIN, timeouts.tcpfin_s)
        + u32(_TIMEOUT_UDP, timeouts.udp_s)
    )


# Reading; `body` is what netlink.body_of gives


def service_of(body: dict[int, bytes]) -> tuple[ServiceKey, Service] | None:
    """Read a service; None for one of a protocol that we have no word for."""
    found = attributes(body[SERVICE])
    key = service_key(found)
    return (key, _service_value(found)) if key else None


def service_key(found: dict[int, bytes]) -> ServiceKey | None:
    """Read which service, from the attributes inside SERVICE; None as `service_of`."""
    family = 6 if number(found[_SVC_AF]) == AF_INET6 else 4
    if _SVC_FWMARK in found:
        return MarkKey(number(found[_SVC_FWMARK]), family)
    protocol = _PROTOCOL_OF.get(number(found[_SVC_PROTOCOL]))
    if protocol is None:
        return None
    address = _address(family, found[_SVC_ADDR])
    return AddressKey(protocol, address, int.from_bytes(found[_SVC_PORT], "big"))


def _service_value(found: dict[int, bytes]) -> Service:
    flags = number(found[_SVC_FLAGS][:4])
    return Service(
        scheduler=string(found[_SVC_SCHED_NAME]),
        persistence_s=number(found[_SVC_TIMEOUT]) if flags & _PERSISTENT else 0,
        persistence_prefix=_prefix(number(found[_SVC_AF]), found[_SVC_NETMASK]),
        one_packet=bool(flags & _ONE_PACKET),
        scheduler_flags=flags >> _SCHEDULER_SHIFT & 0b111,
        engine=string(found.get(_SVC_PE_NAME, b"")),
    )


def _prefix(family: int, mask: bytes) -> int:
    if family == AF_INET6:
        return number(mask)
    zeroes = int.from_bytes(mask, "big") ^ _ALL_ONES
    return 32 - zeroes.bit_length()


def destination_of(
    service: ServiceKey, body: dict[int, bytes]
) -> tuple[DestinationKey, Destination]:
    """Read a destination of the service that was asked for.

    Ways of forwarding that cannot be asked for (local and bypass, which only the kernel itself
    sets) are read as direct.
    """
    found = attributes(body[DESTINATION])
    forwarding = number(found[_DEST_FWD_METHOD]) & _FORWARDING_MASK
    return destination_key(service, found), Destination(
        weight=signed(found[_DEST_WEIGHT]),
        forwarding=_FORWARDING_OF.get(forwarding, Forwarding.DIRECT),
        upper=number(found[_DEST_UPPER]),
        lower=number(found[_DEST_LOWER]),
        tunnel=_tunnel_of(found),
    )


def destination_key(service: ServiceKey, found: dict[int, bytes]) -> DestinationKey:
    """Read which destination, from the attributes inside DESTINATION."""
    family = service.family
    if _DEST_ADDR_FAMILY in found:  # since Linux 3.18
        family = 6 if number(found[_DEST_ADDR_FAMILY]) == AF_INET6 else 4
    address = _address(family, found[_DEST_ADDR])
    return DestinationKey(service, address, int.from_bytes(found[_DEST_PORT], "big"))


def _tunnel_of(found: dict[int, bytes]) -> Tunnel:
    kind = _TUNNEL_OF.get(number(found.get(_DEST_TUN_TYPE, b"")), TunnelKind.IPIP)
    if kind is TunnelKind.IPIP:
        return IPIP
    return Tunnel(
        kind,
        int.from_bytes(found.get(_DEST_TUN_PORT, b""), "big"),
        checksum=bool(number(found.get(_DEST_TUN_FLAGS, b"")) & _CHECKSUM),
    )


def service_counters(body: dict[int, bytes]) -> tuple[ServiceKey, Counters] | None:
    """Read a service's counters; None as `service_of`."""
    found = attributes(body[SERVICE])
    key = service_key(found)
    return (key, _counted(found, _SVC_STATS64, _SVC_STATS)) if key else None


def destination_counters(
    service: ServiceKey, body: dict[int, bytes]
) -> tuple[DestinationKey, Counters]:
    found = attributes(body[DESTINATION])
    return destination_key(service, found), replace(
        _counted(found, _DEST_STATS64, _DEST_STATS),
        active=number(found.get(_DEST_ACTIVE, b"")),
        inactive=number(found.get(_DEST_INACTIVE, b"")),
        persistent=number(found.get(_DEST_PERSISTENT, b"")),
    )


def _counted(found: dict[int, bytes], wide: int, narrow: int) -> Counters:
    """Read the ten of IPVS_STATS_ATTR_*; counters of 64 bits are there since Linux 4.1."""
    stats = attributes(found.get(wide) or found.get(narrow, b""))
    return Counters(*(number(stats.get(kind, b"")) for kind in range(1, 11)))


def timeouts_of(body: dict[int, bytes]) -> Timeouts:
    return Timeouts(
        tcp_s=number(body.get(_TIMEOUT_TCP, b"")),
        tcpfin_s=number(body.get(_TIMEOUT_TCP_FIN, b"")),
        udp_s=number(body.get(_TIMEOUT_UDP, b"")),
    )


def info_of(body: dict[int, bytes]) -> Info:
    version = number(body[_INFO_VERSION])
    parts = (version >> 16 & 0xFF, version >> 8 & 0xFF, version & 0xFF)
    return Info(".".join(map(str, parts)), number(body[_INFO_CONN_TAB_SIZE]))


def _address(family: int, data: bytes) -> Address:
    """The kernel gives 16 bytes for either family."""
    return IPv6Address(data[:16]) if family == 6 else IPv4Address(data[:4])
