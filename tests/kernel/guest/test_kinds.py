"""Virtual servers of every kind through one pulse: persistent, by mark, UDP, IPv6."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.kernel.lab.clients import ask, burst, request
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.director import Director, a_director
from tests.kernel.lab.namespaces import ip_batch, run
from tests.kernel.lab.network import CLIENT, NAT_ROUTER6, VIRTUAL_IP, VIRTUAL_IP6, Network
from tests.kernel.lab.real_servers import RealServers

SOURCES = [f"192.168.26.{number}" for number in range(101, 107)]
MARK = 80
STICKY = Virtual("sticky", port=80, lines=["persistent = 60"])
STICKY_BY_NETWORK = Virtual("network", port=81, lines=["persistent = 60", "pmask = 255.255.255.0"])
MARKED = Virtual("marked", port=8001, lines=[f"fwmark = {MARK}", "persistent = 60"])
NAMES = Virtual("names", port=53, protocol="udp", check=())
SIX = Virtual("six", address=VIRTUAL_IP6, device="eth0:2")
FAIR = {"rs1": 2, "rs2": 2, "rs3": 2}


@pytest.fixture(scope="module", autouse=True)
def pulse(network: Network, real_servers_of_session: RealServers) -> Iterator[Director]:
    """Pulse runs with all of them; the marks are set by hand, as the manual has it."""
    ip_batch(CLIENT, *(f"addr replace {source}/32 dev eth0" for source in SOURCES))
    ip_batch("dirA", f"addr replace {NAT_ROUTER6}/128 dev eth1")
    ports = ("-p", "tcp", "-m", "multiport", "--dports", "8001,8080")
    rule = ("PREROUTING", "-d", VIRTUAL_IP, *ports, "-j", "MARK", "--set-mark", str(MARK))
    run("dirA", "iptables-legacy", "-t", "mangle", "-A", *rule)
    with a_director("dirA") as director:
        director.start(lvs_cf(STICKY, STICKY_BY_NETWORK, MARKED, NAMES, SIX))
        for virtual in (STICKY, STICKY_BY_NETWORK, NAMES):
            expected = virtual.rows(rs1=1, rs2=1, rs3=1)
            director.wait_for_rows(virtual.key(), expected)
        director.wait_for_rows(SIX.key(), SIX.rows(rs1=1, rs2=1, rs3=1))
        yield director
    network.tidy()
    ip_batch(CLIENT, *(f"addr del {source}/32 dev eth0" for source in SOURCES))


def test_a_persistent_client_stays_with_its_real_server() -> None:
    chosen = {source: request(VIRTUAL_IP, 80, source) for source in SOURCES}
    assert Counter(chosen.values()) == FAIR
    for source in SOURCES:
        assert burst(VIRTUAL_IP, 3, 80, source) == {chosen[source]: 3}


def test_clients_of_one_network_are_one_client_under_a_persistence_mask() -> None:
    assert len({request(VIRTUAL_IP, 81, source) for source in SOURCES}) == 1


def test_ports_of_one_mark_are_one_virtual_server(pulse: Director) -> None:
    assert {row.weight for row in pulse.rows(f"mark {MARK}").values()} == {1}
    chosen = {source: request(VIRTUAL_IP, 8001, source) for source in SOURCES}
    assert Counter(chosen.values()) == FAIR
    assert {source: request(VIRTUAL_IP, 8080, source) for source in SOURCES} == chosen


def test_datagrams_reach_every_real_server_in_turn() -> None:
    assert Counter(ask(VIRTUAL_IP) for _ in range(6)) == FAIR


def test_ipv6_reaches_every_real_server_in_turn() -> None:
    assert burst(VIRTUAL_IP6, 6) == FAIR
