"""Each scheduler's model picks the real server that the kernel picks, connection by connection.

Every connection is made for real, client to director to real server by NAT, and stays open; who
accepted it is what the kernel chose. The model is told the same and asked the same.
"""

from __future__ import annotations

import itertools
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.choosing import Call, Candidate
from lvsengine.ipvs.schedulers import SCHEDULERS
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey
from lvsengine.net import Forwarding, Protocol
from tests.kernel.lab.namespaces import in_namespace, ip_batch, run, sysctl
from tests.kernel.lab.network import CLIENT, REAL_SERVERS, VIRTUAL_IP, Network, cable
from tests.kernel.lab.table import read_table
from tests.kernel.lab.waiting import wait_until

DIRECTOR = "dirA"
PORT = 9100  # of the real servers
DEADLINE_S = 5.0
NOBODY = "nobody"

BY_COUNT = ("lc", "wlc", "sed", "nq", "ovf", "lblc", "lblcr")
IN_TURN = ("rr", "wrr", "fo")
# A port of its own for each service: the kernel gives a destination that comes back within two
# minutes the counts of the connections that it had.
VIRTUAL_PORTS = itertools.count(9200)
WEIGHTS = ((1, 1, 1), (1, 2, 3), (5, 0, 2), (30, 10, 20), (4, 3, 2))


class RealServers:
    """Listens in each real server's namespace and knows who accepts."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._doors = ExitStack()
        for name in REAL_SERVERS:
            with in_namespace(name):
                door = socket.create_server((cable(name, "private").address, PORT))
            door.setblocking(False)
            self._doors.enter_context(door)
            self._selector.register(door, selectors.EVENT_READ, name)

    def accept(self) -> tuple[str, socket.socket]:
        ((key, _),) = self._selector.select(DEADLINE_S)
        door = key.fileobj
        assert isinstance(door, socket.socket)
        accepted, _ = door.accept()
        return key.data, accepted

    def close(self) -> None:
        self._selector.close()
        self._doors.close()


class Twins:
    """One service of the kernel and its model, changed alike and asked alike."""

    def __init__(
        self, real_servers: RealServers, scheduler: str, virtual: str = VIRTUAL_IP, flags: int = 0
    ) -> None:
        self._real_servers = real_servers
        self._virtual = virtual
        self._port = next(VIRTUAL_PORTS)
        self._open: list[tuple[str, socket.socket, socket.socket]] = []
        self._candidates: dict[str, Candidate] = {}
        self._rules: list[str] = []  # not yet told to the kernel
        model = SCHEDULERS[scheduler].model
        assert model
        self._chooser = model(flags=flags)
        names = [name for bit, name in ((1, "sh-fallback"), (2, "sh-port")) if flags & bit]
        switches = ["-b", ",".join(names)] if names else []
        self._rule("-A", "-s", scheduler, *switches)

    def add(self, name: str, weight: int, upper: int = 0, lower: int = 0) -> None:
        self._rule("-a", "-m", *self._real(name), *_values(weight, upper, lower))
        key = AddressKey(Protocol.TCP, ip_address(self._virtual), self._port)
        real = DestinationKey(key, ip_address(cable(name, "private").address), PORT)
        self._candidates[name] = Candidate(real, weight, upper, lower)
        self._chooser.add(self._candidates[name])

    def set(self, name: str, weight: int, upper: int = 0, lower: int = 0) -> None:
        self._rule("-e", "-m", *self._real(name), *_values(weight, upper, lower))
        self._candidates[name].edited(Destination(weight, Forwarding.NAT, upper, lower))
        self._chooser.edited()

    def remove(self, name: str) -> None:
        self._rule("-d", *self._real(name))
        self._chooser.remove(self._candidates.pop(name))

    def call(self, source: str = "") -> tuple[str, str]:
        """Connect and keep the connection; return the kernel's choice and the model's."""
        self._tell_kernel()
        with in_namespace(CLIENT):
            client = socket.socket()
            client.settimeout(DEADLINE_S)
            client.bind((source, 0))
        port = client.getsockname()[1]
        with ExitStack() as unless_kept:
            unless_kept.callback(client.close)
            try:
                client.connect((self._virtual, self._port))
            except ConnectionRefusedError:
                chosen = NOBODY
            else:
                chosen, server = self._real_servers.accept()
                unless_kept.pop_all()
                self._open.append((chosen, client, server))
        asker = ip_address(source or cable(CLIENT, "public").address)
        picked = self._chooser.pick(Call(asker, port, ip_address(self._virtual)))
        if picked:
            picked.opened(active=True)
        return chosen, self._name(picked)

    def calls(self, count: int) -> tuple[list[str], list[str]]:
        """Make calls; return all the kernel's choices, and all the model's."""
        pairs = [self.call() for _ in range(count)]
        return [chosen for chosen, _ in pairs], [picked for _, picked in pairs]

    def hang_up(self, count: int) -> None:
        """End the oldest connections, and wait until the kernel counts them as inactive."""
        for name, client, server in self._open[:count]:
            client.close()
            server.close()
            self._candidates[name].faded()
        del self._open[:count]
        wait_until(lambda: self.kernel_counts() == self.model_counts(), "equal counts")

    def kernel_counts(self) -> dict[str, tuple[int, int]]:
        rows = read_table(DIRECTOR)[f"tcp {self._virtual}:{self._port}"]
        return {
            name: (row.active, row.inactive)
            for name in self._candidates
            for row in [rows[f"{cable(name, 'private').address}:{PORT}"]]
        }

    def model_counts(self) -> dict[str, tuple[int, int]]:
        return {name: (one.active, one.inactive) for name, one in self._candidates.items()}

    def close(self) -> None:
        for _, client, server in self._open:
            client.close()
            server.close()

    def _name(self, picked: Candidate | None) -> str:
        names = [name for name, candidate in self._candidates.items() if candidate is picked]
        return names[0] if names else NOBODY

    def _real(self, name: str) -> tuple[str, str]:
        return "-r", f"{cable(name, 'private').address}:{PORT}"

    def _rule(self, command: str, *options: str) -> None:
        self._rules.append(f"{command} -t {self._virtual}:{self._port} {' '.join(options)}\n")

    def _tell_kernel(self) -> None:
        if self._rules:
            run(DIRECTOR, "ipvsadm", "-R", stdin="".join(self._rules))
            self._rules.clear()


def _values(weight: int, upper: int, lower: int) -> list[str]:
    return ["-w", str(weight), "-x", str(upper), "-y", str(lower)]


@pytest.fixture(scope="module")
def real_servers_here(network: Network) -> Iterator[RealServers]:
    network.hold_addresses(DIRECTOR)
    sysctl(DIRECTOR, "net/ipv4/icmp_ratelimit", 0)  # so that every refusal is told at once
    real_servers = RealServers()
    yield real_servers
    real_servers.close()
    sysctl(DIRECTOR, "net/ipv4/icmp_ratelimit", 1000)
    network.tidy()


@pytest.fixture
def twins(real_servers_here: RealServers, request: pytest.FixtureRequest) -> Iterator[Twins]:
    twins = Twins(real_servers_here, request.param)
    yield twins
    twins.close()


def agree(choices: tuple[list[str], list[str]]) -> bool:
    kernel, model = choices
    assert model == kernel
    return True


@pytest.mark.parametrize("twins", [*IN_TURN, *BY_COUNT], indirect=True)
@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
def test_with_counted_connections_and_new_weights(twins: Twins, weights: tuple[int, ...]) -> None:
    for name, weight in zip(REAL_SERVERS, weights, strict=True):
        twins.add(name, weight)
    assert agree(twins.calls(14))
    twins.hang_up(5)
    assert agree(twins.calls(8))
    for name, weight in zip(REAL_SERVERS, reversed(weights), strict=True):
        twins.set(name, weight)
    assert agree(twins.calls(8))
    assert twins.kernel_counts() == twins.model_counts()


@pytest.mark.parametrize("twins", IN_TURN, indirect=True)
def test_while_real_servers_come_and_go(twins: Twins) -> None:
    assert agree(twins.calls(1))  # nobody is there
    twins.add("rs1", 3)
    twins.add("rs2", 2)
    assert agree(twins.calls(4))
    twins.add("rs3", 4)
    assert agree(twins.calls(5))
    twins.remove("rs2")
    assert agree(twins.calls(4))
    twins.set("rs1", 0)
    assert agree(twins.calls(3))
    twins.add("rs2", 6)
    twins.set("rs1", 4)
    assert agree(twins.calls(7))
    twins.remove("rs3")
    twins.remove("rs1")
    assert agree(twins.calls(3))


@pytest.mark.parametrize("twins", ["rr", "wrr", "wlc", "sed"], indirect=True)
def test_at_upper_and_lower_thresholds(twins: Twins) -> None:
    twins.add("rs1", 1, upper=3, lower=2)
    twins.add("rs2", 2, upper=4)
    assert agree(twins.calls(9))  # the last two are refused
    twins.set("rs2", 2, upper=6)
    assert agree(twins.calls(4))
    twins.set("rs1", 1)
    assert agree(twins.calls(3))


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_by_source_hash(real_servers_here: RealServers, flags: int) -> None:
    sources = [f"192.168.26.{number}" for number in range(130, 154)]
    twins = Twins(real_servers_here, "sh", flags=flags)
    ip_batch(CLIENT, *(f"addr add {source}/32 dev eth0" for source in sources))
    try:
        for name, weight in (("rs1", 1), ("rs2", 0), ("rs3", 3)):
            twins.add(name, weight)
        pairs = [twins.call(source) for source in sources]
        assert [picked for _, picked in pairs] == [chosen for chosen, _ in pairs]
        assert len({chosen for chosen, _ in pairs}) > 1
    finally:
        twins.close()
        ip_batch(CLIENT, *(f"addr del {source}/32 dev eth0" for source in sources))


def test_by_destination_hash(real_servers_here: RealServers) -> None:
    virtuals = [f"192.168.26.{number}" for number in range(200, 216)]
    ip_batch(DIRECTOR, *(f"addr add {virtual}/32 dev eth0" for virtual in virtuals))
    pairs = []
    for virtual in virtuals:
        twins = Twins(real_servers_here, "dh", virtual)
        for name, weight in (("rs1", 1), ("rs2", 2), ("rs3", 3)):
            twins.add(name, weight)
        pairs.append(twins.call())
        twins.close()
    assert [picked for _, picked in pairs] == [chosen for chosen, _ in pairs]
    assert {chosen for chosen, _ in pairs} == set(REAL_SERVERS)
