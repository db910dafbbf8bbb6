"""Who else holds a virtual IP, asked on a real network."""

from __future__ import annotations

import asyncio
import json
import threading
from ipaddress import ip_address

import pytest

from lvsengine.vip.conflict import conflicts
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.wire import ClaimWire
from tests.kernel.lab.namespaces import in_namespace, ip_batch, run
from tests.kernel.lab.network import NAT_ROUTER, VIRTUAL_IP, VIRTUAL_IP6, Network

HELD = [
    HeldAddress(ip_address(VIRTUAL_IP), 24, "eth0", "eth0:1"),
    HeldAddress(ip_address(VIRTUAL_IP6), 128, "eth0"),
    HeldAddress(ip_address(NAT_ROUTER), 24, "eth1", "eth1:1"),
]


def hardware_address(namespace: str, device: str) -> str:
    [link] = json.loads(run(namespace, "ip", "-j", "link", "show", "dev", device))
    return str(link["address"])


def found_by(director: str) -> set[tuple[str, str]]:
    """Which address is held by which hardware address, as this director finds."""
    with in_namespace(director):
        told = asyncio.run(conflicts(HELD))
    words = [sentence.split() for sentence in told]
    return {(line[5], line[8].removesuffix(".")) for line in words}


def test_the_other_director_that_holds_them_too_is_found_on_each_network(lab: Network) -> None:
    for director in ("dirA", "dirB"):
        lab.hold_addresses(director)
    public, private = (hardware_address("dirB", device) for device in ("eth0", "eth1"))
    assert found_by("dirA") == {(VIRTUAL_IP, public), (VIRTUAL_IP6, public), (NAT_ROUTER, private)}


def test_alone_a_director_finds_nobody_and_moves_no_neighbour(lab: Network) -> None:
    lab.hold_addresses("dirA")
    run("client", "ping", "-c1", "-W2", VIRTUAL_IP)
    before = json.loads(run("client", "ip", "-j", "neigh", "show", VIRTUAL_IP))
    assert found_by("dirA") == set()
    after = json.loads(run("client", "ip", "-j", "neigh", "show", VIRTUAL_IP))
    assert [one["lladdr"] for one in before] == [one["lladdr"] for one in after]
    addresses = json.loads(run("dirA", "ip", "-j", "addr", "show", "dev", "eth0"))
    flags = [one for one in addresses[0]["addr_info"] if one["local"] == VIRTUAL_IP6]
    assert not flags[0].get("dadfailed")


def test_a_standby_that_asks_disturbs_neither_the_active_nor_its_clients(lab: Network) -> None:
    lab.hold_addresses("dirA")
    run("client", "ping", "-c1", "-W2", VIRTUAL_IP)
    run("client", "ping", "-c1", "-W2", VIRTUAL_IP6)
    assert len(found_by("dirB")) == 3
    for address in (VIRTUAL_IP, VIRTUAL_IP6):
        [entry] = json.loads(run("client", "ip", "-j", "neigh", "show", address))
        assert entry["lladdr"] == hardware_address("dirA", "eth0")


def test_one_that_is_just_letting_go_is_no_conflict(lab: Network) -> None:
    for director in ("dirA", "dirB"):
        lab.hold_addresses(director)
    gone = threading.Timer(
        0.05,
        ip_batch,
        ("dirB", f"addr del {VIRTUAL_IP}/24 dev eth0", f"addr del {NAT_ROUTER}/24 dev eth1"),
    )
    gone.start()
    still = found_by("dirA")
    gone.join()
    assert still == {(VIRTUAL_IP6, hardware_address("dirB", "eth0"))}


def test_a_real_server_that_answers_for_the_virtual_ip_is_found(lab: Network) -> None:
    lab.route_directly()
    lab.hold_addresses("dirA")
    assert found_by("dirA") == set()
    ip_batch("rs1", f"addr add {VIRTUAL_IP}/32 dev eth1")
    assert found_by("dirA") == {(VIRTUAL_IP, hardware_address("rs1", "eth1"))}
    ip_batch("rs1", f"addr del {VIRTUAL_IP}/32 dev eth1")


@pytest.mark.usefixtures("lab")
def test_the_kernel_drops_other_traffic_before_it_reaches_us() -> None:
    with in_namespace("dirA"):
        wire = ClaimWire("eth0", 6)
        run("dirA", "ping", "-6", "-c3", "-i0.1", "-W2", "2001:db8:26::100")
        heard = []
        while True:
            try:
                heard.append(wire.receive())
            except BlockingIOError:
                break
    wire.close()
    assert {(frame[20], frame[54]) for frame in heard} <= {(58, 136)}
