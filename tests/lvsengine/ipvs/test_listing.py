"""The samples are what ipvsadm 1.31 printed for these tables on Linux 6.1, but for its sorting."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.listing import change_line, ipvsadm_rules, listing
from lvsengine.ipvs.plane import Counters, Usage
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


def tcp(address: str, port: int) -> AddressKey:
    return AddressKey(Protocol.TCP, ip_address(address), port)


def udp(address: str, port: int) -> AddressKey:
    return AddressKey(Protocol.UDP, ip_address(address), port)


def behind(service: ServiceKey, address: str, port: int) -> DestinationKey:
    return DestinationKey(service, ip_address(address), port)


def tunnelled(tunnel: Tunnel) -> Destination:
    return Destination(1, Forwarding.TUNNEL, tunnel=tunnel)


WEB = tcp("192.0.2.1", 80)
TLS = tcp("192.0.2.1", 443)
DNS = udp("192.0.2.1", 53)
WEB6 = tcp("2001:db8::1", 80)
MARK = MarkKey(80)
MARK6 = MarkKey(81, 6)
TUNNELS = tcp("192.0.2.2", 80)
ONE = behind(WEB, "10.0.0.1", 80)

TABLE = Table(
    services={
        WEB: Service("wlc"),
        TLS: Service("rr", 300, 24),
        TUNNELS: Service("wlc"),
        DNS: Service("rr", one_packet=True),
        WEB6: Service("sh", 300, 64, scheduler_flags=3),
        MARK: Service("wlc", 3600),
        MARK6: Service("mh", persistence_prefix=128, scheduler_flags=2),
    },
    destinations={
        ONE: Destination(1, Forwarding.NAT),
        behind(WEB, "10.0.0.2", 8080): Destination(0, Forwarding.NAT, upper=100, lower=50),
        behind(TLS, "10.0.0.1", 443): Destination(65535, Forwarding.DIRECT),
        behind(TUNNELS, "10.0.0.5", 80): tunnelled(Tunnel(TunnelKind.GUE, 6080)),
        behind(TUNNELS, "10.0.0.6", 80): tunnelled(Tunnel(TunnelKind.GRE, checksum=True)),
        behind(TUNNELS, "10.0.0.7", 80): tunnelled(Tunnel(TunnelKind.GUE, 6081, checksum=True)),
        behind(DNS, "10.0.0.1", 53): Destination(2, Forwarding.TUNNEL),
        behind(WEB6, "2001:db8::2", 80): Destination(1, Forwarding.NAT),
        behind(MARK, "10.0.0.1", 0): Destination(1, Forwarding.NAT),
        behind(MARK6, "2001:db8:1234:5678:9abc:def0:1234:5678", 8080): Destination(
            1, Forwarding.DIRECT
        ),
    },
)

RULES = """\
-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1
-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 0 -x 100 -y 50
-A -t 192.0.2.1:443 -s rr -p 300 -M 255.255.255.0
-a -t 192.0.2.1:443 -r 10.0.0.1:443 -g -w 65535
-A -t 192.0.2.2:80 -s wlc
-a -t 192.0.2.2:80 -r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 192.0.2.2:80 -r 10.0.0.6:80 -i -w 1 --tun-type gre --tun-csum
-a -t 192.0.2.2:80 -r 10.0.0.7:80 -i -w 1 --tun-type gue --tun-port 6081 --tun-csum
-A -u 192.0.2.1:53 -s rr -o
-a -u 192.0.2.1:53 -r 10.0.0.1:53 -i -w 2 --tun-type ipip
-A -t [2001:db8::1]:80 -s sh -p 300 -M 64 -b sh-fallback,sh-port
-a -t [2001:db8::1]:80 -r [2001:db8::2]:80 -m -w 1
-A -f 80 -s wlc -p 3600
-a -f 80 -r 10.0.0.1:0 -m -w 1
-A -f 81 -6 -s mh -b mh-port
-a -f 81 -6 -r [2001:db8:1234:5678:9abc:def0:1234:5678]:8080 -g -w 1
"""

LISTING = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.1:80 wlc
  -> 10.0.0.1:80                  Masq    1      12         345
  -> 10.0.0.2:8080                Masq    0      0          0
TCP  192.0.2.1:443 rr persistent 300 mask 255.255.255.0
  -> 10.0.0.1:443                 Route   65535  0          0
TCP  192.0.2.2:80 wlc
  -> 10.0.0.5:80                  Tunnel  1      0          0
  -> 10.0.0.6:80                  Tunnel  1      0          0
  -> 10.0.0.7:80                  Tunnel  1      0          0
UDP  192.0.2.1:53 rr ops
  -> 10.0.0.1:53                  Tunnel  2      0          0
TCP  [2001:db8::1]:80 sh (sh-fallback,sh-port) persistent 300 mask 64
  -> [2001:db8::2]:80             Masq    1      0          0
FWM  80 wlc persistent 3600
  -> 10.0.0.1:0                   Masq    1      0          0
FWM  81 IPv6 mh (mh-port)
  -> [2001:db8:1234:5678:9abc:def0:1234:5678]:8080 Route   1      0          0
"""


def test_a_table_reads_as_ipvsadm_saves_it_and_keeps_its_thresholds() -> None:
    assert ipvsadm_rules(TABLE) == RULES.splitlines()


def test_a_table_reads_as_ipvsadm_lists_it() -> None:
    usage = Usage(destinations={ONE: Counters(active=12, inactive=345)})
    assert listing(TABLE, usage, "IP Virtual Server version 1.2.1 (size=4096)") == LISTING


def test_an_empty_table_has_its_heading_and_no_rule() -> None:
    assert len(listing(EMPTY, Usage()).splitlines()) == 3
    assert ipvsadm_rules(EMPTY) == []


def test_each_service_is_followed_by_its_own_destinations_however_they_were_added() -> None:
    mixed = Table(
        services={WEB: Service(), TLS: Service()},
        destinations={
            behind(TLS, "10.0.0.1", 443): Destination(1, Forwarding.NAT),
            ONE: Destination(1, Forwarding.NAT),
        },
    )
    assert [rule.split()[:3] for rule in ipvsadm_rules(mixed)] == [
        ["-A", "-t", "192.0.2.1:80"],
        ["-a", "-t", "192.0.2.1:80"],
        ["-A", "-t", "192.0.2.1:443"],
        ["-a", "-t", "192.0.2.1:443"],
    ]


@pytest.mark.parametrize(
    ("key", "service", "rule", "line"),
    [
        (
            udp("192.0.2.2", 5060),
            Service("sh", 30, 16, one_packet=True, scheduler_flags=2, engine="sip"),
            "-A -u 192.0.2.2:5060 -s sh -p 30 -M 255.255.0.0 --pe sip -o -b sh-port",
            "UDP  192.0.2.2:5060 sh (sh-port) persistent 30 mask 255.255.0.0 pe sip ops",
        ),
        (
            udp("192.0.2.2", 5061),
            Service("rr", scheduler_flags=5),
            "-A -u 192.0.2.2:5061 -s rr -b flag-1,flag-3",
            "UDP  192.0.2.2:5061 rr (flag-1,flag-3)",
        ),
        (
            AddressKey(Protocol.SCTP, ip_address("192.0.2.2"), 99),
            Service("rr"),
            "-A --sctp-service 192.0.2.2:99 -s rr",
            "SCTP 192.0.2.2:99 rr",
        ),
        (
            tcp("2001:db8::1", 81),
            Service("rr", 60, 128),
            "-A -t [2001:db8::1]:81 -s rr -p 60",
            "TCP  [2001:db8::1]:81 rr persistent 60",
        ),
    ],
)
def test_every_kind_of_service_reads_as_ipvsadm_writes_it(
    key: ServiceKey, service: Service, rule: str, line: str
) -> None:
    table = Table(services={key: service})
    assert ipvsadm_rules(table) == [rule]
    assert listing(table, Usage()).splitlines()[3] == line


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (Change(Verb.ADD, WEB, Service("rr")), "-A -t 192.0.2.1:80 -s rr"),
        (Change(Verb.SET, WEB, Service("rr")), "-E -t 192.0.2.1:80 -s rr"),
        (Change(Verb.REMOVE, WEB), "-D -t 192.0.2.1:80"),
        (Change(Verb.REMOVE, MARK6), "-D -f 81 -6"),
        (
            Change(Verb.ADD, ONE, Destination(1, Forwarding.NAT)),
            "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1",
        ),
        (
            Change(Verb.SET, ONE, Destination(5, Forwarding.NAT)),
            "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 5",
        ),
        (Change(Verb.REMOVE, ONE), "-d -t 192.0.2.1:80 -r 10.0.0.1:80"),
    ],
)
def test_a_change_reads_as_the_ipvsadm_that_would_make_it(change: Change, line: str) -> None:
    assert change_line(change) == line
