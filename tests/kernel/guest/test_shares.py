"""Real HTTP through pulse by the manual's eight schedulers, by NAT and by direct routing.

One pulse for each way of forwarding: a virtual server for each scheduler, weights 1, 2 and 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.kernel.lab.clients import Downloads, burst, request
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.director import a_director
from tests.kernel.lab.namespaces import ip_batch
from tests.kernel.lab.network import CLIENT, VIRTUAL_IP, Network
from tests.kernel.lab.real_servers import RealServers

WEIGHTS = {"rs1": 1, "rs2": 2, "rs3": 3}
EQUALLY = {"rs1": 4, "rs2": 4, "rs3": 4}
BY_WEIGHT = {"rs1": 2, "rs2": 4, "rs3": 6}
PORTS = {
    scheduler: 8001 + number
    for number, scheduler in enumerate(("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh"))
}
SOURCES = [f"192.168.26.{number}" for number in range(130, 190)]


@pytest.fixture(scope="module", params=["nat", "direct"])
def balanced(
    request: pytest.FixtureRequest, network: Network, real_servers_of_session: RealServers
) -> Iterator[None]:
    """Pulse runs with all eight, and has admitted every real server."""
    if request.param == "direct":
        network.route_directly()
    virtuals = [
        Virtual(scheduler, port=port, scheduler=scheduler, servers=WEIGHTS, timeout_s=5)
        for scheduler, port in PORTS.items()
    ]
    with a_director("dirA") as director:
        director.start(lvs_cf(*virtuals, network=request.param))
        for virtual in virtuals:
            expected = virtual.rows(request.param, **WEIGHTS)
            director.wait_for_rows(virtual.key(), expected)
        yield
    network.tidy()


@pytest.mark.usefixtures("balanced")
@pytest.mark.parametrize(("scheduler", "shares"), [("rr", EQUALLY), ("wrr", BY_WEIGHT)])
def test_requests_in_turn_are_shared_out_exactly(scheduler: str, shares: dict[str, int]) -> None:
    assert burst(VIRTUAL_IP, 12, PORTS[scheduler]) == shares


@pytest.mark.usefixtures("balanced")
@pytest.mark.parametrize(("scheduler", "shares"), [("lc", EQUALLY), ("wlc", BY_WEIGHT)])
def test_open_connections_are_shared_out_exactly(scheduler: str, shares: dict[str, int]) -> None:
    with Downloads() as downloads:
        assert downloads.open(VIRTUAL_IP, 12, PORTS[scheduler]) == shares


@pytest.mark.usefixtures("balanced")
@pytest.mark.parametrize("scheduler", ["lblc", "lblcr"])
def test_by_locality_one_real_server_serves_until_it_is_overloaded(scheduler: str) -> None:
    assert len(burst(VIRTUAL_IP, 6, PORTS[scheduler])) == 1
    with Downloads() as downloads:
        assert len(downloads.open(VIRTUAL_IP, 12, PORTS[scheduler])) > 1


@pytest.mark.usefixtures("balanced")
def test_by_destination_hash_one_virtual_ip_is_one_real_server() -> None:
    assert len(burst(VIRTUAL_IP, 12, PORTS["dh"])) == 1


@pytest.mark.usefixtures("balanced")
def test_by_source_hash_each_client_stays_and_clients_are_shared_out_by_weight() -> None:
    ip_batch(CLIENT, *(f"addr replace {source}/32 dev eth0" for source in SOURCES))
    try:
        chosen = {source: request(VIRTUAL_IP, PORTS["sh"], source) for source in SOURCES}
        again = {source: request(VIRTUAL_IP, PORTS["sh"], source) for source in SOURCES[:12]}
    finally:
        ip_batch(CLIENT, *(f"addr del {source}/32 dev eth0" for source in SOURCES))

    assert again == {source: chosen[source] for source in again}
    shares = Counter(chosen.values())
    for name, weight in WEIGHTS.items():
        assert abs(shares[name] - weight * len(SOURCES) / 6) <= len(SOURCES) / 10
