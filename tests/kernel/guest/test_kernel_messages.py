"""Every message of the kernel plane, told by us and seen by ipvsadm, and the other way round."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from ipaddress import ip_address

import pytest

from lvsengine.errors import EngineError
from lvsengine.ipvs import netlink
from lvsengine.ipvs.codec import Info
from lvsengine.ipvs.diff import Change, Verb, diff
from lvsengine.ipvs.kernel import KernelPlane
from lvsengine.ipvs.listing import ipvsadm_rules
from lvsengine.ipvs.plane import Timeouts
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import (
    EMPTY,
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
from tests.kernel.lab.namespaces import in_namespace, ip_batch, run

WEB = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)
WEB6 = AddressKey(Protocol.TCP, ip_address("2001:db8::1"), 80)
DNS = AddressKey(Protocol.UDP, ip_address("192.0.2.1"), 53)
SIP = AddressKey(Protocol.UDP, ip_address("192.0.2.1"), 5060)
M3UA = AddressKey(Protocol.SCTP, ip_address("192.0.2.1"), 2905)
ALL_PORTS = AddressKey(Protocol.TCP, ip_address("192.0.2.2"), 0)
NAT = Destination(1, Forwarding.NAT)
DIRECT = Destination(1, Forwarding.DIRECT)

# Each service with what `ipvsadm -Sn` says of it, less `-A` and `-a`.
SERVICES: list[tuple[ServiceKey, Service, str]] = [
    (WEB, Service("wrr", 300, 24), "-t 192.0.2.1:80 -s wrr -p 300 -M 255.255.255.0"),
    (WEB6, Service("rr", 60, 64), "-t [2001:db8::1]:80 -s rr -p 60 -M 64"),
    (DNS, Service("rr", one_packet=True), "-u 192.0.2.1:53 -s rr -o"),
    (SIP, Service("lc", 30, engine="sip"), "-u 192.0.2.1:5060 -s lc -p 30 --pe sip"),
    (M3UA, Service("sed"), "--sctp-service 192.0.2.1:2905 -s sed"),
    (ALL_PORTS, Service("nq", 360), "-t 192.0.2.2:0 -s nq -p 360"),
    (MarkKey(7), Service("wlc"), "-f 7 -s wlc"),
    (MarkKey(2**31 - 1, 6), Service("dh", 0, 128), "-f 2147483647 -6 -s dh"),  # more is shown < 0
]


def real(service: ServiceKey, number: int, port: int = 80) -> DestinationKey:
    network = "10.0.0.{}" if service.family == 4 else "2001:db8:1::{}"
    return DestinationKey(service, ip_address(network.format(number)), port)


def tunnel(kind: TunnelKind, port: int = 0, *, checksum: bool = False) -> Destination:
    return Destination(1, Forwarding.TUNNEL, tunnel=Tunnel(kind, port, checksum))


GUE_CHECKED = tunnel(TunnelKind.GUE, 6080, checksum=True)

DESTINATIONS: list[tuple[DestinationKey, Destination, str]] = [
    (real(WEB, 1, 8080), Destination(65535, Forwarding.NAT), "-r 10.0.0.1:8080 -m -w 65535"),
    (real(WEB, 2), Destination(0, Forwarding.DIRECT), "-r 10.0.0.2:80 -g -w 0"),
    (real(WEB, 3), tunnel(TunnelKind.IPIP), "-r 10.0.0.3:80 -i -w 1 --tun-type ipip"),
    (
        real(WEB, 4),
        GUE_CHECKED,
        "-r 10.0.0.4:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
    ),
    (
        real(WEB, 5),
        tunnel(TunnelKind.GUE, 5555),
        "-r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 5555 --tun-nocsum",
    ),
    (
        real(WEB, 6),
        tunnel(TunnelKind.GRE, checksum=True),
        "-r 10.0.0.6:80 -i -w 1 --tun-type gre --tun-csum",
    ),
    (
        DestinationKey(WEB, ip_address("2001:db8:1::7"), 80),
        tunnel(TunnelKind.IPIP),
        "-r [2001:db8:1::7]:80 -i -w 1 --tun-type ipip",
    ),
    (real(WEB6, 1, 8080), NAT, "-r [2001:db8:1::1]:8080 -m -w 1"),
    (real(MarkKey(7), 1, 0), DIRECT, "-r 10.0.0.1:0 -g -w 1"),
]

TABLE = Table(
    {key: value for key, value, _ in SERVICES},
    {key: value for key, value, _ in DESTINATIONS},
)
SAID_OF = {key: said.split(" -s ", 1)[0] for key, _, said in SERVICES}
RULES = sorted(
    [f"-A {said}" for _, _, said in SERVICES]
    + [f"-a {SAID_OF[key.service]} {said}" for key, _, said in DESTINATIONS]
)


def ipvsadm(namespace: str, *options: str) -> str:
    return run(namespace, "ipvsadm", *options)


def rules(namespace: str) -> list[str]:
    return sorted(line.strip() for line in ipvsadm(namespace, "-Sn").splitlines())


async def build(plane: KernelPlane, table: Table) -> None:
    assert await plane.apply(diff(EMPTY, table)) == []


# Services and destinations


async def test_ipvsadm_sees_every_kind_of_entry_as_we_made_it(
    plane: KernelPlane, namespace: str
) -> None:
    await build(plane, TABLE)
    assert rules(namespace) == RULES


async def test_we_see_every_kind_of_entry_as_ipvsadm_made_it(
    plane: KernelPlane, namespace: str
) -> None:
    script = sorted(RULES)  # -A before -a
    run(namespace, "ipvsadm", "-R", stdin="\n".join(script) + "\n")
    assert await plane.read() == TABLE


async def test_ipvsadm_sees_every_edit_and_every_removal(
    plane: KernelPlane, namespace: str
) -> None:
    await build(plane, TABLE)
    edited = {key: Service("lblc", 42) for key in TABLE.services if key.family == 4}
    nat = {key: Destination(3, Forwarding.NAT) for key in TABLE.destinations if _nat_able(key)}
    wanted = Table({**TABLE.services, **edited}, {**TABLE.destinations, **nat})
    assert await plane.apply(diff(TABLE, wanted)) == []
    seen = rules(namespace)
    assert len([rule for rule in seen if "-s lblc -p 42" in rule]) == len(edited)
    assert not any("--pe" in rule or "-o" in rule.split() or "-M 255" in rule for rule in seen)
    assert len([rule for rule in seen if rule.endswith("-m -w 3")]) == len(nat)
    removals = [Change(Verb.REMOVE, key) for key in TABLE.destinations]
    removals += [Change(Verb.REMOVE, key) for key in TABLE.services if key != WEB]
    assert await plane.apply(removals) == []
    assert rules(namespace) == ["-A -t 192.0.2.1:80 -s lblc -p 42"]


def _nat_able(key: DestinationKey) -> bool:
    return key.address.version == key.service.family


FLAGS = {"sh": "sh-fallback,sh-port", "mh": "mh-fallback,mh-port"}  # flag-3 is not shown


async def test_every_scheduler_is_known_and_takes_its_flags(
    plane: KernelPlane, namespace: str
) -> None:
    address, ports = WEB.address, {name: 1000 + n for n, name in enumerate(SCHEDULERS)}
    assert len(ports) == 13
    services: dict[ServiceKey, Service] = {
        AddressKey(WEB.protocol, address, port): Service(name, scheduler_flags=7)
        for name, port in ports.items()
    }
    await build(plane, Table(services))
    assert (await plane.read()).services == services
    assert rules(namespace) == sorted(
        f"-A -t 192.0.2.1:{port} -s {name} -b {FLAGS.get(name, 'flag-1,flag-2,flag-3')}"
        for name, port in ports.items()
    )


async def test_ipvsadm_sees_thresholds(plane: KernelPlane, namespace: str) -> None:
    value = Destination(1, Forwarding.NAT, upper=1000, lower=500)
    await build(plane, Table({WEB: Service()}, {real(WEB, 1): value, real(WEB, 2): NAT}))
    listed = ipvsadm(namespace, "-Ln", "--thresholds").splitlines()
    assert [line.split()[1:4] for line in listed if "->" in line][1:] in (
        [["10.0.0.2:80", "0", "0"], ["10.0.0.1:80", "1000", "500"]],
        [["10.0.0.1:80", "1000", "500"], ["10.0.0.2:80", "0", "0"]],
    )


async def test_ipvsadm_sees_tunnels(plane: KernelPlane, namespace: str) -> None:
    await build(plane, TABLE)
    listed = ipvsadm(namespace, "-Ln", "--tun-info").splitlines()
    seen = {line.split()[1]: line.split()[3] for line in listed if "Tunnel " in line}
    assert seen == {
        "10.0.0.3:80": "ipip",
        "10.0.0.4:80": "gue:6080:+c",
        "10.0.0.5:80": "gue:5555:-c",
        "10.0.0.6:80": "gre:+c",
        "[2001:db8:1::7]:80": "ipip",
    }


async def test_each_service_can_be_asked_for_by_itself(plane: KernelPlane) -> None:
    await build(plane, TABLE)
    for key, value in TABLE.services.items():
        alone = await plane.read({key})
        assert alone.services == {key: value}
        assert set(alone.destinations) == {one for one in TABLE.destinations if one.service == key}


async def test_our_own_listing_is_that_of_ipvsadm(plane: KernelPlane, namespace: str) -> None:
    await build(plane, TABLE)
    assert sorted(ipvsadm_rules(await plane.read())) == rules(namespace)


# What is foreign


async def test_foreign_entries_that_we_have_no_word_for_survive_us(
    plane: KernelPlane, namespace: str
) -> None:
    remcsum = "-a -t 192.0.2.9:80 -r 10.0.0.9:80 -i -w 1 --tun-type gue --tun-port 1 --tun-remcsum"
    foreign = ["-A -t 192.0.2.9:80 -s wlc", remcsum]
    run(namespace, "ipvsadm", "-R", stdin="\n".join(foreign) + "\n")
    before = await plane.read()
    await build(plane, TABLE)
    assert await plane.apply([Change(Verb.REMOVE, key) for key in TABLE.services]) == []
    assert await plane.read() == before
    assert rules(namespace) == sorted(foreign)


async def test_a_service_of_a_protocol_without_a_word_is_not_read(plane: KernelPlane) -> None:
    body = netlink.nested(
        1,
        netlink.u16(1, 2),
        netlink.u16(2, 50),  # ESP, which ipvsadm cannot say either
        netlink.attribute(3, ip_address("192.0.2.1").packed),
        netlink.be16(4, 80),
        netlink.text(6, "rr"),
        netlink.attribute(7, bytes(8)),
        netlink.u32(8, 0),
        netlink.attribute(9, b"\xff" * 4),
    )
    plane._exchange.ask(1, body)
    assert await plane.read() == EMPTY
    assert (await plane.counters()).services == {}


# What the kernel refuses


async def test_a_broadcast_address_of_the_machine_is_refused_in_words(
    plane: KernelPlane, namespace: str
) -> None:
    links = ("link add dummy0 type dummy", "addr add 10.0.0.254/24 dev dummy0")
    ip_batch(namespace, *links, "link set dummy0 up")
    await build(plane, Table({WEB: Service()}))
    [failure] = await plane.apply([Change(Verb.ADD, real(WEB, 255), NAT)])
    assert failure.errno == errno.EINVAL
    assert "10.0.0.255 as one machine's address" in failure.sentence


async def test_an_unknown_persistence_engine_is_named(plane: KernelPlane) -> None:
    [failure] = await plane.apply([Change(Verb.ADD, SIP, Service("rr", 30, engine="foo"))])
    assert failure.errno == errno.ENOENT
    assert "'foo'" in failure.sentence


# Timeouts, info, counters


async def test_ipvsadm_sees_timeouts_and_we_see_ipvsadms(
    plane: KernelPlane, namespace: str
) -> None:
    await plane.set_timeouts(Timeouts(tcp_s=901, udp_s=2_147_483))
    assert "udp): 901 120 2147483" in ipvsadm(namespace, "-Ln", "--timeout")
    ipvsadm(namespace, "--set", "0", "77", "0")
    assert await plane.timeouts() == Timeouts(901, 77, 2_147_483)


async def test_info_is_what_ipvsadm_heads_its_list_with(
    plane: KernelPlane, namespace: str
) -> None:
    info = await plane.info()
    assert info == Info("1.2.1", 4096)
    head = ipvsadm(namespace, "-Ln").splitlines()[0]
    assert head == f"IP Virtual Server version {info.version} (size={info.connection_table_size})"


async def test_counters_and_connections_are_those_of_ipvsadm_until_zeroed(
    plane: KernelPlane, namespace: str
) -> None:
    lo, real_lo = ip_address("127.0.0.1"), ip_address("127.0.0.2")
    service = AddressKey(Protocol.TCP, lo, 8080)
    other = AddressKey(Protocol.TCP, lo, 8081)
    one = DestinationKey(service, real_lo, 9090)
    await build(
        plane,
        Table(
            {service: Service("rr", 300), other: Service("rr", 300)},
            {one: NAT, DestinationKey(other, real_lo, 9090): NAT},
        ),
    )
    with in_namespace(namespace), socket.create_server((str(real_lo), 9090)) as server:
        pairs = [connected(server, port) for port in (8080, 8080, 8081)]
        for client, accepted in pairs:
            client.send(bytes(1000))
            accepted.recv(1000)
    await counted(plane, service, 2)
    usage = await plane.counters()
    seen = usage.services[service]
    exact = figures(ipvsadm(namespace, "-Ln", "--stats", "--exact"), "127.0.0.1:8080")
    assert exact == [
        seen.connections,
        seen.packets_in,
        seen.packets_out,
        seen.bytes_in,
        seen.bytes_out,
    ]
    assert seen.bytes_in > 2000
    connections = usage.destinations[one]
    assert (connections.active, connections.inactive, connections.persistent) == (2, 0, 1)
    assert connections.connections == 2
    await zeroed_one_by_one(plane, service, other)
    for pair in pairs:
        for end in pair:
            end.close()


def connected(server: socket.socket, port: int) -> tuple[socket.socket, socket.socket]:
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    accepted, _ = server.accept()
    return client, accepted


def figures(listing: str, name: str) -> list[int]:
    [line] = [line for line in listing.splitlines() if name in line.split()]
    return [int(word) for word in line.split()[2:]]


async def counted(plane: KernelPlane, service: ServiceKey, connections: int) -> None:
    """Wait for the kernel's turn of the counters, every 2 s."""
    deadline = time.monotonic() + 10
    while (await plane.counters()).services[service].connections != connections:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def zeroed_one_by_one(plane: KernelPlane, one: ServiceKey, other: ServiceKey) -> None:
    await plane.zero(one)
    services = (await plane.counters()).services
    assert (services[one].connections, services[other].connections) == (0, 1)
    await plane.zero()
    assert (await plane.counters()).services[other].connections == 0
    with pytest.raises(EngineError):
        await plane.zero(WEB)


async def test_a_flushed_table_is_empty_for_ipvsadm_too(
    plane: KernelPlane, namespace: str
) -> None:
    await build(plane, TABLE)
    await plane.flush()
    assert rules(namespace) == []
