"""A table in the words of ipvsadm(8): as rules, as a listing, and each change as a command.

Services and destinations stay in the table's own order; ipvsadm sorts.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.plane import Counters, Usage
from lvsengine.ipvs.table import (
    AddressKey,
    Destination,
    DestinationKey,
    Service,
    ServiceKey,
    Table,
    Tunnel,
    TunnelKind,
)
from lvsengine.net import Forwarding, Protocol, endpoint

SERVICE_OPTIONS = {Protocol.TCP: "-t", Protocol.UDP: "-u", Protocol.SCTP: "--sctp-service"}
FORWARDING_OPTIONS = {Forwarding.NAT: "-m", Forwarding.DIRECT: "-g", Forwarding.TUNNEL: "-i"}
FORWARDING_NAMES = {
    Forwarding.NAT: "Masq",
    Forwarding.DIRECT: "Route",
    Forwarding.TUNNEL: "Tunnel",
}
SERVICE_COMMANDS = {Verb.ADD: "-A", Verb.SET: "-E", Verb.REMOVE: "-D"}
DESTINATION_COMMANDS = {Verb.ADD: "-a", Verb.SET: "-e", Verb.REMOVE: "-d"}

# By scheduler; others have flag-1 to flag-3. The kernel gives them in the bits 1, 2, 4.
FLAG_NAMES = {
    "sh": ("sh-fallback", "sh-port", "flag-3"),
    "mh": ("mh-fallback", "mh-port", "flag-3"),
}
OTHER_FLAGS = ("flag-1", "flag-2", "flag-3")

COLUMNS = (
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
)


def ipvsadm_rules(table: Table) -> list[str]:
    """Write the table as `ipvsadm -Sn` does, and thresholds too, which that leaves out."""
    rules: list[str] = []
    for key, destinations in _grouped(table).items():
        rules.append(_service_rule(Verb.ADD, key, table.services[key]))
        rules += [
            _destination_rule(Verb.ADD, destination, table.destinations[destination])
            for destination in destinations
        ]
    return rules


def change_line(change: Change) -> str:
    """Write one change as the arguments of the ipvsadm that would make it."""
    if isinstance(change.key, DestinationKey):
        value = change.value if isinstance(change.value, Destination) else None
        return _destination_rule(change.verb, change.key, value)
    service = change.value if isinstance(change.value, Service) else None
    return _service_rule(change.verb, change.key, service)


def listing(table: Table, usage: Usage, title: str = "IP Virtual Server") -> str:
    """Write the table as `ipvsadm -Ln` does: three lines of heading, then a line an entry."""
    lines = [title, *COLUMNS]
    for key, destinations in _grouped(table).items():
        lines.append(_service_line(key, table.services[key]))
        lines += [
            _destination_line(destination, table.destinations[destination], usage)
            for destination in destinations
        ]
    return "\n".join(lines) + "\n"


def _grouped(table: Table) -> dict[ServiceKey, list[DestinationKey]]:
    grouped: dict[ServiceKey, list[DestinationKey]] = {key: [] for key in table.services}
    for destination in table.destinations:
        grouped[destination.service].append(destination)
    return grouped


def _service_rule(verb: Verb, key: ServiceKey, service: Service | None) -> str:
    words = [SERVICE_COMMANDS[verb], _service_option(key)]
    if service:
        words += ["-s", service.scheduler, *_persistence_options(key, service)]
        words += ["--pe", service.engine] if service.engine else []
        words += ["-o"] if service.one_packet else []
        words += ["-b", _flags(service)] if service.scheduler_flags else []
    return " ".join(words)


def _service_option(key: ServiceKey) -> str:
    if isinstance(key, AddressKey):
        return f"{SERVICE_OPTIONS[key.protocol]} {endpoint(key.address, key.port)}"
    return f"-f {key.mark}" + (" -6" if key.family == 6 else "")


def _persistence_options(key: ServiceKey, service: Service) -> list[str]:
    if not service.persistence_s:
        return []
    mask = _mask(key, service)
    return ["-p", str(service.persistence_s), *(["-M", mask] if mask else [])]


def _mask(key: ServiceKey, service: Service) -> str:
    """Write the mask as ipvsadm takes it; empty where each client is by itself."""
    prefix = service.persistence_prefix
    if key.family == 6:
        return str(prefix) if prefix < 128 else ""
    return str(IPv4Network((0, prefix)).netmask) if prefix < 32 else ""


def _flags(service: Service) -> str:
    names = FLAG_NAMES.get(service.scheduler, OTHER_FLAGS)
    return ",".join(name for bit, name in enumerate(names) if service.scheduler_flags & (1 << bit))


def _destination_rule(verb: Verb, key: DestinationKey, value: Destination | None) -> str:
    words = [DESTINATION_COMMANDS[verb], _service_option(key.service)]
    words += ["-r", endpoint(key.address, key.port)]
    if value:
        words += [FORWARDING_OPTIONS[value.forwarding], "-w", str(value.weight)]
        words += _tunnel_options(value.tunnel) if value.forwarding is Forwarding.TUNNEL else []
        words += ["-x", str(value.upper)] if value.upper else []
        words += ["-y", str(value.lower)] if value.lower else []
    return " ".join(words)


def _tunnel_options(tunnel: Tunnel) -> list[str]:
    words = ["--tun-type", tunnel.kind.value]
    if tunnel.kind is TunnelKind.GUE:
        words += ["--tun-port", str(tunnel.port)]
    if tunnel.kind is not TunnelKind.IPIP:
        words += ["--tun-csum" if tunnel.checksum else "--tun-nocsum"]
    return words


def _service_line(key: ServiceKey, service: Service) -> str:
    words = [_service_name(key), service.scheduler]
    words += [f"({_flags(service)})"] if service.scheduler_flags else []
    if service.persistence_s:
        mask = _mask(key, service)
        words += [f"persistent {service.persistence_s}", *([f"mask {mask}"] if mask else [])]
    words += [f"pe {service.engine}"] if service.engine else []
    words += ["ops"] if service.one_packet else []
    return " ".join(words)


def _service_name(key: ServiceKey) -> str:
    if isinstance(key, AddressKey):
        return f"{key.protocol.value.upper():<4} {endpoint(key.address, key.port)}"
    return f"FWM  {key.mark}" + (" IPv6" if key.family == 6 else "")


def _destination_line(key: DestinationKey, value: Destination, usage: Usage) -> str:
    counted = usage.destinations.get(key, Counters())
    return (
        f"  -> {endpoint(key.address, key.port):<28} {FORWARDING_NAMES[value.forwarding]:<7} "
        f"{value.weight:<6} {counted.active:<10} {counted.inactive}"
    )
