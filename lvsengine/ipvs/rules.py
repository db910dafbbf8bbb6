"""What no plane takes, and what the kernel's refusals mean in words.

The kernel swallows more than makes sense: one-packet scheduling of TCP, a weight of 70000, port 0
without persistence. `refusal` says no to that before anything is sent, so that the kernel's plane
and the one in memory refuse alike. Whether an entry is there is for the plane to know.

Sources: ipvsadm(8); net/netfilter/ipvs/ip_vs_ctl.c and linux/ip_vs.h of Linux 6.1.
"""

from __future__ import annotations

import errno
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import NamedTuple

from lvsengine.errors import RuleError
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.plane import Timeouts
from lvsengine.ipvs.table import (
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Service,
    ServiceKey,
    TunnelKind,
)
from lvsengine.net import Address, Forwarding, Protocol, endpoint

MAX_WEIGHT = 65535  # ipvsadm(8), option -w
MAX_PORT = 65535
MAX_MARK = 0xFFFFFFFF  # 32 bits of a packet's mark
MAX_CONNECTIONS = 0xFFFFFFFF  # a threshold is a number of 32 bits
MAX_SECONDS = 2_147_483  # the kernel counts in ticks of an int, up to 1000 a second
MAX_SCHEDULER_FLAGS = 7
NAME_LENGTH = 15  # IP_VS_SCHEDNAME_MAXLEN - 1, linux/ip_vs.h
THIS_NETWORK = IPv4Network("0.0.0.0/8")  # RFC 1122, 3.2.1.3
BROADCAST = IPv4Address("255.255.255.255")


class Refusal(NamedTuple):
    errno: int
    sentence: str


def refusal(change: Change) -> Refusal | None:
    """Say why no plane takes this change; None where it is the plane's to decide."""
    key = change.key
    service = key.service if isinstance(key, DestinationKey) else key
    said = _bad_service_key(service)
    if isinstance(key, DestinationKey):
        said = said or _bad_destination(key, change)
    else:
        said = said or _bad_service(key, change)
    return Refusal(said.errno, f"{subject(key)}: {said.sentence}") if said else None


def check_timeouts(timeouts: Timeouts) -> None:
    """Refuse idle timeouts that the kernel cannot count.

    Raises:
        RuleError: One is not 0 to `MAX_SECONDS`.
    """
    for name, seconds in (
        ("tcp", timeouts.tcp_s),
        ("tcpfin", timeouts.tcpfin_s),
        ("udp", timeouts.udp_s),
    ):
        if not 0 <= seconds <= MAX_SECONDS:
            raise RuleError(
                "the {name} timeout must be 0 to {most} seconds, not {seconds}",
                name=name,
                most=MAX_SECONDS,
                seconds=seconds,
            )


def subject(key: ServiceKey | DestinationKey) -> str:
    """Name an entry as sentences for people do."""
    if isinstance(key, DestinationKey):
        real = endpoint(key.address, key.port)
        return f"real server {real} of virtual server {key.service}"
    return f"virtual server {key}"


def explained(change: Change, number: int, otherwise: str = "") -> Refusal:
    """Put the kernel's errno for a change into a sentence.

    Args:
        otherwise: What the system says of an errno that means nothing special here.
    """
    said = _explanation(change, number)
    if not said:
        said = f"the kernel refuses it with errno {number}"
        said += f" ({otherwise})" if otherwise else ""
    return Refusal(number, f"{subject(change.key)}: {said}")


def _explanation(change: Change, number: int) -> str:
    to_destination = isinstance(change.key, DestinationKey)
    match number:
        case errno.EEXIST:
            return "it is there already"
        case errno.ESRCH:
            return "there is no such virtual server" if to_destination else "it is not there"
        case errno.ENOENT:
            return _not_known(change)
        case errno.EPERM | errno.EACCES:
            return "only root (CAP_NET_ADMIN) may change it"
        case errno.EAFNOSUPPORT | errno.EPROTONOSUPPORT:
            return "the kernel does not balance this family or protocol"
        case errno.EINVAL:
            return _not_liked(change.key)
        case errno.ENOMEM:
            return "the kernel has no memory left for it"
    return ""


def _not_known(change: Change) -> str:
    """Say what ENOENT means: of a service the kernel misses only what is named in it."""
    if not isinstance(change.value, Service):
        return "it is not there"
    if change.value.engine:
        return (
            f"the kernel does not know the scheduler {change.value.scheduler!r} "
            f"or the persistence engine {change.value.engine!r}"
        )
    return f"the kernel does not know the scheduler {change.value.scheduler!r}"


def _not_liked(key: ServiceKey | DestinationKey) -> str:
    if isinstance(key, DestinationKey) and key.address.version != key.service.family:
        return "IPv4 and IPv6 do not mix while the connection-sync daemon runs"
    if isinstance(key, DestinationKey):
        return (
            f"the kernel does not take {key.address} as one machine's address: "
            "it may be a broadcast address here"
        )
    return "the kernel does not take these values"


def _invalid(sentence: str) -> Refusal:
    return Refusal(errno.EINVAL, sentence)


def _bad_service_key(key: ServiceKey) -> Refusal | None:
    if isinstance(key, MarkKey):
        if not 1 <= key.mark <= MAX_MARK:
            return _invalid(f"a firewall mark must be 1 to {MAX_MARK}")
        return None if key.family in (4, 6) else _invalid("its family must be 4 or 6")
    return _bad_endpoint(key.address, key.port)


def _bad_endpoint(address: Address, port: int) -> Refusal | None:
    if not 0 <= port <= MAX_PORT:
        return _invalid(f"a port must be 0 to {MAX_PORT}, not {port}")
    if isinstance(address, IPv6Address) and address.scope_id:
        return _invalid(
            f"an address cannot name an interface: write it without %{address.scope_id}"
        )
    return None


def _bad_service(key: ServiceKey, change: Change) -> Refusal | None:
    if change.verb is Verb.REMOVE:
        return None
    value = change.value
    if not isinstance(value, Service):
        return _invalid("to add or set it, its values are needed")
    return (
        _unknown_name("scheduler", value.scheduler)
        or (_unknown_name("persistence engine", value.engine) if value.engine else None)
        or _bad_persistence(key, value)
        or _bad_flags(key, value)
    )


def _unknown_name(kind: str, name: str) -> Refusal | None:
    """Refuse a name that cannot even be asked for."""
    if 1 <= len(name) <= NAME_LENGTH and name.isascii() and name.isprintable():
        return None
    return Refusal(errno.ENOENT, f"the kernel does not know the {kind} {name!r}")


def _bad_persistence(key: ServiceKey, value: Service) -> Refusal | None:
    shortest, longest = (0, 32) if key.family == 4 else (1, 128)
    if not shortest <= value.persistence_prefix <= longest:
        return _invalid(
            f"the persistence mask must have {shortest} to {longest} bits, "
            f"not {value.persistence_prefix}"
        )
    if not 0 <= value.persistence_s <= MAX_SECONDS:
        return _invalid(
            f"persistence must last 0 to {MAX_SECONDS} seconds, not {value.persistence_s}"
        )
    if isinstance(key, AddressKey) and not key.port and not value.persistence_s:
        return _invalid("port 0, that is all ports, needs persistence")
    return None


def _bad_flags(key: ServiceKey, value: Service) -> Refusal | None:
    if not 0 <= value.scheduler_flags <= MAX_SCHEDULER_FLAGS:
        return _invalid(
            f"scheduler flags must be 0 to {MAX_SCHEDULER_FLAGS}, not {value.scheduler_flags}"
        )
    if value.one_packet and isinstance(key, AddressKey) and key.protocol is not Protocol.UDP:
        return _invalid(f"one-packet scheduling is for udp only, not {key.protocol.value}")
    return None


def _bad_destination(key: DestinationKey, change: Change) -> Refusal | None:
    wrong = _bad_endpoint(key.address, key.port)
    if wrong or change.verb is Verb.REMOVE:
        return wrong
    value = change.value
    if not isinstance(value, Destination):
        return _invalid("to add or set it, its values are needed")
    return (
        _out_of_range(value)
        or _bad_address(key.address)
        or _bad_forwarding(key, value.forwarding)
        or _bad_tunnel(value)
    )


def _out_of_range(value: Destination) -> Refusal | None:
    if not 0 <= value.weight <= MAX_WEIGHT:
        return Refusal(errno.ERANGE, f"a weight must be 0 to {MAX_WEIGHT}, not {value.weight}")
    for name, number in (("upper", value.upper), ("lower", value.lower)):
        if not 0 <= number <= MAX_CONNECTIONS:
            return Refusal(
                errno.ERANGE, f"the {name} threshold must be 0 to {MAX_CONNECTIONS}, not {number}"
            )
    if value.lower > value.upper:
        return Refusal(
            errno.ERANGE, f"the lower threshold {value.lower} is above the upper {value.upper}"
        )
    return None


def _bad_address(address: Address) -> Refusal | None:
    if isinstance(address, IPv4Address):
        of_none = address in THIS_NETWORK or address == BROADCAST
    else:
        of_none = address.is_unspecified or address.is_link_local
    if of_none or address.is_multicast:
        return _invalid(f"{address} is not one machine's address")
    return None


def _bad_forwarding(key: DestinationKey, forwarding: Forwarding) -> Refusal | None:
    if key.address.version != key.service.family and forwarding is not Forwarding.TUNNEL:
        return _invalid("IPv4 and IPv6 mix by tunnel only")
    if forwarding is Forwarding.NAT or isinstance(key.service, MarkKey):
        return None
    if key.port != key.service.port:
        return _invalid(
            f"{forwarding.value} keeps the packet's port, so it must be {key.service.port}, "
            f"not {key.port}"
        )
    return None


def _bad_tunnel(value: Destination) -> Refusal | None:
    tunnel = value.tunnel
    if value.forwarding is not Forwarding.TUNNEL and tunnel.kind is not TunnelKind.IPIP:
        return _invalid(f"{value.forwarding.value} knows no {tunnel.kind.value}")
    if tunnel.kind is TunnelKind.GUE:
        if 1 <= tunnel.port <= MAX_PORT:
            return None
        return _invalid(f"a gue tunnel needs a port, 1 to {MAX_PORT}, not {tunnel.port}")
    if tunnel.port:
        return _invalid(f"a port is for gue only, not for {tunnel.kind.value}")
    if tunnel.checksum and tunnel.kind is TunnelKind.IPIP:
        return _invalid("ipip has no checksum")
    return None
