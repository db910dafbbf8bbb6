"""IPv6, a firewall mark, persistence: each lives through a crash and a planned handover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.kernel.lab.clients import request
from tests.kernel.lab.configuration import Virtual
from tests.kernel.lab.crowd import Crowd
from tests.kernel.lab.faults import cut, mend
from tests.kernel.lab.namespaces import ip_batch, run
from tests.kernel.lab.network import CLIENT, DIRECTORS, VIRTUAL_IP, VIRTUAL_IP6, Network, cable
from tests.kernel.lab.pair import DEADTIME_S, SHARING_WELL, Pair, a_pair, holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import hold_for, wait_until

pytestmark = pytest.mark.drill
MARK = 80
LINES = (*SHARING_WELL, "monitor_links = 1")
SOURCES = [f"192.168.26.{number}" for number in range(101, 113)]
SIX = Virtual("six", address=VIRTUAL_IP6, device="eth0:2")
STICKY = Virtual("sticky", port=81, lines=("persistent = 300",))
MARKED = Virtual("marked", port=8001, lines=(f"fwmark = {MARK}", "persistent = 300"))


@dataclass(frozen=True, slots=True)
class Kind:
    """Where clients connect; `ports` share their real server for each client."""

    address: str
    ports: tuple[int, ...]
    sticks: bool = False


KINDS = {
    "IPv6": Kind(VIRTUAL_IP6, (80,)),
    "persistent": Kind(VIRTUAL_IP, (81,), sticks=True),
    "mark": Kind(VIRTUAL_IP, (8001, 8080), sticks=True),
}


@pytest.fixture(scope="module")
def started(network: Network, real_servers_of_session: RealServers) -> Iterator[Pair]:
    ip_batch(CLIENT, *(f"addr replace {source}/32 dev eth0" for source in SOURCES))
    network.route_directly()
    with a_pair() as pair:
        pair.write(SIX, STICKY, MARKED, network="direct", lines=LINES)
        mark_packets()
        pair.start()
        for name in DIRECTORS:
            pair[name].wait_for_rows(SIX.key(), SIX.rows("direct", rs1=1, rs2=1, rs3=1))
            pair[name].wait_for_rows(STICKY.key(), STICKY.rows("direct", rs1=1, rs2=1, rs3=1))
        yield pair
    network.tidy()
    ip_batch(CLIENT, *(f"addr del {source}/32 dev eth0" for source in SOURCES))


def mark_packets() -> None:
    """On both directors, by hand, as the manual has it."""
    ports = ("-p", "tcp", "-m", "multiport", "--dports", "8001,8080")
    rule = ("PREROUTING", "-d", VIRTUAL_IP, *ports, "-j", "MARK", "--set-mark", str(MARK))
    for name in DIRECTORS:
        run(name, "iptables-legacy", "-t", "mangle", "-A", *rule)


@pytest.fixture
def pair(started: Pair) -> Pair:
    """The pair: dirA active, dirB ready."""
    started.restore()
    return started


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("planned", [True, False], ids=["handover", "crash"])
def test_connections_and_the_choice_of_a_real_server_survive(
    pair: Pair, name: str, planned: bool
) -> None:
    kind = KINDS[name]
    chosen = choices(kind)
    assert len(set(chosen.values())) > 1 or not kind.sticks
    with Crowd("dirB", kind.address, kind.ports[0]) as crowd:
        if planned:
            pair.hand_over("dirA")
        else:
            pair.crash("dirA")
        wait_until(lambda: "dirB" in holders(), "dirB holds the virtual IP")
        crowd.go_on()
        assert choices(kind) == chosen
        crowd.finish()
    if planned:
        assert crowd.load.failures == []


def test_a_private_cable_that_no_real_server_is_reached_by_changes_nothing(pair: Pair) -> None:
    before = pair.history("dirA"), pair.history("dirB")
    with Crowd(address=VIRTUAL_IP6) as crowd:
        cut(cable("dirA", "private"))
        hold_for(2 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirA stays active")
        mend(cable("dirA", "private"))
        crowd.finish()
    assert crowd.load.failures == []
    assert (pair.history("dirA"), pair.history("dirB")) == before


def choices(kind: Kind) -> dict[tuple[str, int], str]:
    """Who serves each client on each port; only where a client is meant to stay."""
    if not kind.sticks:
        return {}
    return {
        (source, port): request(kind.address, port, source)
        for source in SOURCES
        for port in kind.ports
    }
