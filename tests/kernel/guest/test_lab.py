"""The lab itself: without these, no other kernel test means anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.lab.clients import ANSWER_WITHIN_S, Downloads, Load, ask, burst, request
from tests.kernel.lab.namespaces import run
from tests.kernel.lab.network import REAL_SERVERS, VIRTUAL_IP, VIRTUAL_IP6, Network, cable
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until


@pytest.mark.usefixtures("real_servers")
@pytest.mark.parametrize("virtual_ip", [VIRTUAL_IP, VIRTUAL_IP6])
def test_nat_carries_http_to_every_real_server_in_turn(lab: Network, virtual_ip: str) -> None:
    lab.hold_addresses("dirA")
    fill_table("dirA", virtual_ip, "private", "-m")
    assert burst(virtual_ip, 6) == {"rs1": 2, "rs2": 2, "rs3": 2}


@pytest.mark.usefixtures("real_servers")
@pytest.mark.parametrize("virtual_ip", [VIRTUAL_IP, VIRTUAL_IP6])
def test_direct_routing_carries_http_to_every_real_server_in_turn(
    lab: Network, virtual_ip: str
) -> None:
    lab.hold_addresses("dirA")
    lab.route_directly()
    fill_table("dirA", virtual_ip, "public", "-g")
    assert burst(virtual_ip, 6) == {"rs1": 2, "rs2": 2, "rs3": 2}


def fill_table(director: str, virtual_ip: str, network: str, forwarding: str) -> None:
    six = ":" in virtual_ip
    virtual = f"[{virtual_ip}]:80" if six else f"{virtual_ip}:80"
    rules = [f"-A -t {virtual} -s rr"]
    for name in REAL_SERVERS:
        plug = cable(name, network)
        real = f"[{plug.address6}]:80" if six else f"{plug.address}:80"
        rules.append(f"-a -t {virtual} -r {real} {forwarding}")
    run(director, "ipvsadm", "-R", stdin="\n".join(rules) + "\n")


def test_a_pulled_cable_takes_the_carrier_away_and_comes_back(lab: Network) -> None:
    public = cable("dirA", "public")
    assert carrier(public.namespace, public.device)
    lab.pull(public)
    wait_until(lambda: not carrier(public.namespace, public.device), "the carrier is gone")
    lab.plug(public)
    wait_until(lambda: carrier(public.namespace, public.device), "the carrier is back")


def carrier(namespace: str, device: str) -> bool:
    return "LOWER_UP" in run(namespace, "ip", "-o", "link", "show", device)


def test_a_tidied_director_holds_nothing_of_the_test_before(lab: Network) -> None:
    lab.hold_addresses("dirA")
    run("dirA", "ipvsadm", "-A", "-t", f"{VIRTUAL_IP}:80")
    run(
        "dirA",
        "iptables-legacy",
        "-t",
        "mangle",
        "-A",
        "PREROUTING",
        "-j",
        "MARK",
        "--set-mark",
        "1",
    )
    lab.tidy()
    assert run("dirA", "ipvsadm", "-Sn") == ""
    assert VIRTUAL_IP not in run("dirA", "ip", "-4", "addr")
    assert "MARK" not in run("dirA", "iptables-legacy", "-t", "mangle", "-S")


def test_a_namespace_of_its_own_has_an_empty_table(namespace: str) -> None:
    assert run(namespace, "ipvsadm", "-Sn") == ""


def test_the_guest_writes_nothing_to_the_host_but_results() -> None:
    mounts = Path("/proc/self/mounts").read_text()
    assert mounts.splitlines()[0].split()[:3] != ["none", "/", "hostfs"]
    assert " / overlay " in mounts


def one_real_server(lab: Network, name: str = "rs1") -> None:
    """Let dirA send all to one real server, by TCP and by UDP."""
    lab.hold_addresses("dirA")
    real = cable(name, "private").address
    rules = [f"-A -t {VIRTUAL_IP}:80", f"-a -t {VIRTUAL_IP}:80 -r {real}:80 -m"]
    rules += [f"-A -u {VIRTUAL_IP}:53", f"-a -u {VIRTUAL_IP}:53 -r {real}:53 -m"]
    run("dirA", "ipvsadm", "-R", stdin="\n".join(rules) + "\n")


def test_a_killed_real_server_refuses_and_a_hung_one_says_nothing(
    lab: Network, real_servers: RealServers
) -> None:
    one_real_server(lab)
    real_servers.kill("rs1")
    with pytest.raises(ConnectionRefusedError):
        request(VIRTUAL_IP)
    real_servers.recover("rs1")
    assert request(VIRTUAL_IP) == "rs1"
    real_servers.hang("rs1")
    with Load(VIRTUAL_IP, period_s=0.1, give_up_s=0.5) as load:
        wait_until(lambda: len(load.failures) >= 3, "requests to a hung real server fail")
    assert {outcome.failure for outcome in load.outcomes} == {"no answer within 0.5 s"}
    real_servers.recover("rs1")
    assert request(VIRTUAL_IP) == "rs1"


def test_a_black_holed_real_server_is_silent_and_a_load_records_the_outage(
    lab: Network, real_servers: RealServers
) -> None:
    one_real_server(lab)
    with Load(VIRTUAL_IP, period_s=0.02, give_up_s=0.5) as load:
        wait_until(lambda: load.outcomes, "the load gets answers")
        real_servers.black_hole("rs1")
        wait_until(lambda: len(load.failures) > 3, "requests to a black hole fail")
        real_servers.recover("rs1")
        back_at = load.now()
        # So many take longer than the last requests of the outage, which still have to fail.
        wait_until(lambda: load.servers_since(back_at)["rs1"] > 50, "the load goes on")
    assert 0.05 < load.outage_s() < ANSWER_WITHIN_S


def test_downloads_flow_until_their_real_server_dies(
    lab: Network, real_servers: RealServers
) -> None:
    one_real_server(lab)
    with Downloads() as downloads:
        assert downloads.open(VIRTUAL_IP, 3) == {"rs1": 3}
        wait_until(lambda: min(d.blocks for d in downloads.all) > 5, "blocks come")
        assert downloads.flowing() == {"rs1": 3}
        real_servers.kill("rs1")
        wait_until(lambda: downloads.stalled() == {"rs1": 3}, "the downloads end")
        assert {d.broken for d in downloads.all} != {""}


def test_datagrams_are_answered_through_the_director(
    lab: Network, real_servers: RealServers
) -> None:
    one_real_server(lab, "rs2")
    assert ask(VIRTUAL_IP) == "rs2"
