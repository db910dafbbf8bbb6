"""Which port a marked packet reaches at a real server behind NAT: the ground of
`lvsengine.ipvs.desired.destination_of`, where two ports that share a mark have destination port 0.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator

import pytest

from tests.kernel.lab.namespaces import in_namespace, run
from tests.kernel.lab.network import CLIENT, VIRTUAL_IP, Network, cable

DIRECTOR = "dirA"
REAL = cable("rs1", "private")
HTTP, HTTPS = 9080, 9443  # stand for 80 and 443; the lab's real servers have those
MARK = "80"
DEADLINE_S = 5.0


class Doors:
    """The real server's two ports."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._doors = []
        for port in (HTTP, HTTPS):
            with in_namespace(REAL.namespace):
                door = socket.create_server((REAL.address, port))
            self._doors.append(door)
            self._selector.register(door, selectors.EVENT_READ, port)

    def reached_by(self, port: int) -> int:
        """Connect to a port of the virtual IP; return the real server's port that accepted."""
        with in_namespace(CLIENT):
            client = socket.create_connection((VIRTUAL_IP, port), DEADLINE_S)
        with client:
            ((key, _),) = self._selector.select(DEADLINE_S)
            door = key.fileobj
            assert isinstance(door, socket.socket)
            door.accept()[0].close()
        reached: int = key.data
        return reached

    def close(self) -> None:
        self._selector.close()
        for door in self._doors:
            door.close()


@pytest.fixture
def doors(lab: Network) -> Iterator[Doors]:
    """Both ports of the virtual IP are marked as one."""
    lab.hold_addresses(DIRECTOR)
    match = ("-d", VIRTUAL_IP, "-p", "tcp", "-m", "multiport", "--dports", f"{HTTP},{HTTPS}")
    mark = ("-j", "MARK", "--set-mark", MARK)
    run(DIRECTOR, "iptables-legacy", "-t", "mangle", "-A", "PREROUTING", *match, *mark)
    doors = Doors()
    yield doors
    doors.close()


def fill_table(port: int, *persistence: str) -> None:
    run(DIRECTOR, "ipvsadm", "-A", "-f", MARK, "-s", "rr", *persistence)
    run(DIRECTOR, "ipvsadm", "-a", "-f", MARK, "-r", f"{REAL.address}:{port}", "-m")


@pytest.mark.parametrize("persistence", [(), ("-p", "60")], ids=["alone", "persistent"])
def test_destination_port_0_keeps_each_packets_port(
    doors: Doors, persistence: tuple[str, ...]
) -> None:
    fill_table(0, *persistence)
    assert [doors.reached_by(port) for port in (HTTP, HTTPS)] == [HTTP, HTTPS]


def test_a_destination_port_is_where_all_marked_packets_go(doors: Doors) -> None:
    fill_table(HTTP)
    assert [doors.reached_by(port) for port in (HTTP, HTTPS)] == [HTTP, HTTP]


def test_with_persistence_a_marked_packet_keeps_its_port_whatever_the_destinations_is(
    doors: Doors,
) -> None:
    fill_table(HTTP, "-p", "60")
    assert [doors.reached_by(port) for port in (HTTP, HTTPS)] == [HTTP, HTTPS]
