"""What cannot be together, though each value by itself is right: mostly errors.

What concerns something that is not enabled is a warning, for it does no harm yet.
"""

from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Address

from lvsengine.lvscf.found import Found, FoundReal, FoundVirtual
from lvsengine.lvscf.model import FloatingAddress, VirtualServer
from lvsengine.lvscf.problems import Problems, Reason, Severity
from lvsengine.net import Address, Forwarding, endpoint

BROADCAST = IPv4Address("255.255.255.255")


def check(found: Found, problems: Problems) -> None:
    """Report what cannot be together."""
    enabled = [virtual for virtual in found.virtuals if virtual.server.enabled]
    _check_offers(enabled, problems)
    _check_marks(enabled, problems)
    _check_aliases(found, enabled, problems)
    for virtual in found.virtuals:
        _check_virtual_ip(virtual, problems)
        _check_reals_once(virtual, problems)
        for real in virtual.reals:
            _check_real(found, virtual, real, problems)
        _check_sorry_server(found, virtual, problems)


def _severity(*, enabled: bool) -> Severity:
    return Severity.ERROR if enabled else Severity.WARNING


def _check_offers(enabled: list[FoundVirtual], problems: Problems) -> None:
    """One address, port and protocol can be offered once."""
    first: dict[object, FoundVirtual] = {}
    for virtual in enabled:
        server = virtual.server
        if server.mark:
            continue
        key = (server.address, server.port, server.protocol)
        earlier = first.setdefault(key, virtual)
        if earlier is not virtual:
            problems.error(
                virtual.line("address"),
                Reason.CONFLICT,
                "{where} {protocol} is already offered by virtual {other!r} (line {line_of});"
                " disable one, or change its address or port",
                where=endpoint(server.address, server.port),
                protocol=server.protocol.value,
                other=earlier.server.name,
                line_of=earlier.head,
            )


def _check_marks(enabled: list[FoundVirtual], problems: Problems) -> None:
    """Virtual servers that share a mark are one service, which has one of each of these."""
    first: dict[tuple[int, int], FoundVirtual] = {}
    for virtual in enabled:
        server = virtual.server
        if not server.mark:
            continue
        earlier = first.setdefault((server.mark, server.address.version), virtual)
        for key, ours, theirs in _shared(server, earlier.server):
            if ours != theirs:
                problems.error(
                    virtual.line(key),
                    Reason.CONFLICT,
                    "{key} is {ours} here and {theirs} in virtual {other!r} (line {line_of});"
                    " both have mark {mark} and so are one service: make them equal",
                    key=key,
                    ours=ours,
                    theirs=theirs,
                    other=earlier.server.name,
                    line_of=earlier.head,
                    mark=server.mark,
                )


def _shared(one: VirtualServer, other: VirtualServer) -> list[tuple[str, object, object]]:
    whole = one.address.max_prefixlen
    return [
        ("scheduler", one.scheduler, other.scheduler),
        ("persistent", one.persistence_s, other.persistence_s),
        ("pmask", one.persistence_prefix or whole, other.persistence_prefix or whole),
    ]


def _check_aliases(found: Found, enabled: list[FoundVirtual], problems: Problems) -> None:
    """An alias holds one address, and an address stands on one device."""
    first: dict[str, tuple[Address, int]] = {}
    devices: dict[Address, tuple[str, int]] = {}
    for floating, line in _floating(found, enabled):
        if ":" in floating.device and floating.address.version == 4:
            address, earlier = first.setdefault(floating.device, (floating.address, line))
            if address != floating.address:
                problems.error(
                    line,
                    Reason.CONFLICT,
                    "alias {device} already carries {address} (line {earlier}); give {ours}"
                    " another alias",
                    device=floating.device,
                    address=address,
                    earlier=earlier,
                    ours=floating.address,
                )
        device, earlier = devices.setdefault(floating.address, (floating.device, line))
        if device != floating.device:
            problems.warning(
                line,
                Reason.CONFLICT,
                "{address} is already on {device} (line {earlier}), and stays there;"
                " write {device} here too",
                address=floating.address,
                device=device,
                earlier=earlier,
            )


def _floating(found: Found, enabled: list[FoundVirtual]) -> list[tuple[FloatingAddress, int]]:
    """List the addresses that the active director will carry, in the order of the file."""
    router = found.config.nat_router
    is_used = router is not None and found.config.network is Forwarding.NAT
    floating = [(router, found.line("nat_router"))] if router is not None and is_used else []
    return floating + [(one.server.floating, one.line("address")) for one in enabled]


def _check_virtual_ip(virtual: FoundVirtual, problems: Problems) -> None:
    address = virtual.server.address
    if virtual.server.enabled and _cannot_be_reached(address):
        problems.error(
            virtual.line("address"),
            Reason.HOST,
            "{address} cannot be a virtual IP; write the address that clients connect to",
            address=address,
        )


def _cannot_be_reached(address: Address) -> bool:
    return address.is_unspecified or address.is_multicast or address == BROADCAST


def _check_reals_once(virtual: FoundVirtual, problems: Problems) -> None:
    listed: dict[tuple[Address, int], list[FoundReal]] = defaultdict(list)
    for real in virtual.reals:
        if not real.server.address.is_unspecified:
            listed[real.server.address, virtual.server.port_of(real.server)].append(real)
    for (address, port), reals in listed.items():
        for real in reals[1:]:
            earlier = reals[0]
            both = earlier.server.enabled and real.server.enabled
            problems.add(
                real.line("address"),
                _severity(enabled=both),
                Reason.CONFLICT,
                "{where} is already listed as server {other!r} (line {line_of}); remove one,"
                " or add its weight to the other",
                where=endpoint(address, port),
                other=earlier.server.name,
                line_of=earlier.head,
            )


def _check_real(found: Found, virtual: FoundVirtual, real: FoundReal, problems: Problems) -> None:
    severity = _severity(enabled=virtual.server.enabled and real.server.enabled)
    _check_port(found, virtual, real, severity, problems)
    address = real.server.address
    if severity is Severity.ERROR and _cannot_be_reached(address):
        problems.error(
            real.line("address"),
            Reason.HOST,
            "{address} cannot be a real server; write the address of the machine",
            address=address,
        )
    if not _family_fits(found, virtual, address):
        problems.add(
            real.line("address"),
            severity,
            Reason.HOST,
            _FAMILY,
            ours=address,
            virtual=virtual.server.address,
        )
    is_itself = address == virtual.server.address and not virtual.server.mark
    if is_itself and virtual.server.port_of(real.server) == virtual.server.port:
        problems.add(
            real.line("address"),
            severity,
            Reason.CONFLICT,
            "{where} is the virtual server itself; write the real server's own address",
            where=endpoint(address, virtual.server.port),
        )


_FAMILY = (
    "{ours} and the virtual IP {virtual} are of different families, which only network = tunnel"
    " can join; use one family"
)


def _check_port(
    found: Found,
    virtual: FoundVirtual,
    real: FoundReal,
    severity: Severity,
    problems: Problems,
) -> None:
    """Only NAT can change the port of a packet; the kernel ignores another one in silence."""
    network = found.config.network
    port = virtual.server.port_of(real.server)
    if network is Forwarding.NAT or "network" in found.bad or port == virtual.server.port:
        return
    problems.add(
        real.line("port"),
        severity,
        Reason.CONFLICT,
        "port {port} differs from the virtual server's port {wanted}, and with network ="
        " {network} packets keep their port; take this line away, or use network = nat",
        port=port,
        wanted=virtual.server.port,
        network=network.value,
    )


def _check_sorry_server(found: Found, virtual: FoundVirtual, problems: Problems) -> None:
    sorry = virtual.server.sorry_server
    if sorry is None:
        return
    severity = _severity(enabled=virtual.server.enabled)
    line = virtual.line("sorry_server")
    if sorry.is_multicast or sorry == BROADCAST:
        problems.add(
            line, severity, Reason.HOST, "{address} cannot be a sorry server", address=sorry
        )
    if not _family_fits(found, virtual, sorry):
        problems.add(
            line, severity, Reason.HOST, _FAMILY, ours=sorry, virtual=virtual.server.address
        )


def _family_fits(found: Found, virtual: FoundVirtual, address: Address) -> bool:
    if address.version == virtual.server.address.version:
        return True
    may_differ = found.config.network is Forwarding.TUNNEL or "network" in found.bad
    return may_differ or address.is_unspecified or virtual.server.address.is_unspecified
