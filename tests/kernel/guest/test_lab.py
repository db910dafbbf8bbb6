"""The lab itself: without these, no other kernel test means anything."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.lab.namespaces import in_namespace, run
from tests.kernel.lab.network import REAL_SERVERS, VIRTUAL_IP, VIRTUAL_IP6, Network, cable

PORT = 8080


def answer_with_own_name(listener: socket.socket, name: str) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(1000)
            connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{name}".encode())


@pytest.fixture
def real_servers() -> Iterator[None]:
    listeners = []
    for name in REAL_SERVERS:
        with in_namespace(name):
            listener = socket.create_server(
                ("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True
            )
        threading.Thread(target=answer_with_own_name, args=(listener, name), daemon=True).start()
        listeners.append(listener)
    yield
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def get(address: str) -> str:
    with in_namespace("client"):
        connection = socket.create_connection((address, PORT), timeout=5)
    with connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while chunk := connection.recv(1000):
            answer += chunk
    return answer.partition(b"\r\n\r\n")[2].decode()


@pytest.mark.usefixtures("real_servers")
@pytest.mark.parametrize("virtual_ip", [VIRTUAL_IP, VIRTUAL_IP6])
def test_nat_carries_http_to_every_real_server_in_turn(lab: Network, virtual_ip: str) -> None:
    lab.hold_addresses("dirA")
    fill_table("dirA", virtual_ip, "private", "-m")
    assert sorted(get(virtual_ip) for _ in range(6)) == sorted(2 * REAL_SERVERS)


@pytest.mark.usefixtures("real_servers")
@pytest.mark.parametrize("virtual_ip", [VIRTUAL_IP, VIRTUAL_IP6])
def test_direct_routing_carries_http_to_every_real_server_in_turn(
    lab: Network, virtual_ip: str
) -> None:
    lab.hold_addresses("dirA")
    lab.route_directly()
    fill_table("dirA", virtual_ip, "public", "-g")
    assert sorted(get(virtual_ip) for _ in range(6)) == sorted(2 * REAL_SERVERS)


def fill_table(director: str, virtual_ip: str, network: str, forwarding: str) -> None:
    six = ":" in virtual_ip
    virtual = f"[{virtual_ip}]:{PORT}" if six else f"{virtual_ip}:{PORT}"
    rules = [f"-A -t {virtual} -s rr"]
    for name in REAL_SERVERS:
        plug = cable(name, network)
        real = f"[{plug.address6}]:{PORT}" if six else f"{plug.address}:{PORT}"
        rules.append(f"-a -t {virtual} -r {real} {forwarding}")
    run(director, "ipvsadm", "-R", stdin="\n".join(rules) + "\n")


def test_a_pulled_cable_takes_the_carrier_away_and_comes_back(lab: Network) -> None:
    public = cable("dirA", "public")
    assert carrier(public.namespace, public.device)
    lab.pull(public)
    wait_for_carrier(public.namespace, public.device, wanted=False)
    lab.plug(public)
    wait_for_carrier(public.namespace, public.device, wanted=True)


def carrier(namespace: str, device: str) -> bool:
    return "LOWER_UP" in run(namespace, "ip", "-o", "link", "show", device)


def wait_for_carrier(namespace: str, device: str, *, wanted: bool) -> None:
    deadline = time.monotonic() + 5
    while carrier(namespace, device) is not wanted:
        assert time.monotonic() < deadline, f"carrier of {device} did not become {wanted}"
        time.sleep(0.02)


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
