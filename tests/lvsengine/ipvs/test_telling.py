from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.sync_message import HEAD
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.ipvs.table import AddressKey, Destination, DestinationKey, Service, Table
from lvsengine.ipvs.telling import MulticastWire, Telling
from lvsengine.net import Address, Forwarding, Protocol

WEB = AddressKey(Protocol.TCP, ip_address("192.168.26.10"), 80)
REAL = DestinationKey(WEB, ip_address("10.11.12.1"), 80)
TABLE = Table({WEB: Service()}, {REAL: Destination(1, Forwarding.NAT)})
DAEMON = SyncDaemon(SyncRole.SENDER, "lo", 9)


def rows(*states: str) -> str:
    return "".join(
        f"TCP C0A81A64 {0x8000 + number:04X} C0A81A0A 0050 0A0B0C01 0050 {state:<11}     900\n"
        for number, state in enumerate(states)
    )


class Peer:
    """What hears the datagrams."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.closed = 0

    def open(self, _daemon: SyncDaemon) -> Peer:
        return self

    def send(self, datagram: bytes) -> None:
        self.heard.append(datagram)

    def close(self) -> None:
        self.closed += 1

    @property
    def connections(self) -> int:
        return sum(HEAD.unpack_from(one)[3] for one in self.heard)


class Kernel:
    """Lists what it is given, one list after the other; the last one stays."""

    def __init__(self, *lists: str) -> None:
        self._lists = list(lists)
        self.read = 0

    def listing(self) -> str:
        self.read += 1
        return self._lists.pop(0) if len(self._lists) > 1 else self._lists[0]


async def no_wait(_seconds: float) -> None:
    pass


def telling(peer: Peer, kernel: Kernel) -> Telling:
    return Telling(DAEMON, open_wire=peer.open, listing=kernel.listing, sleep=no_wait)


async def test_each_connection_is_told_of_once_and_again_when_it_has_changed() -> None:
    peer = Peer()
    kernel = Kernel(rows("SYN_RECV", "ESTABLISHED"), rows("ESTABLISHED", "ESTABLISHED"))
    one = telling(peer, kernel)
    assert [await one.tell(TABLE), await one.tell(TABLE), await one.tell(TABLE)] == [2, 1, 0]
    assert (peer.connections, peer.closed) == (3, 3)


async def test_a_connection_that_a_reading_left_out_is_told_of_by_the_next() -> None:
    peer = Peer()
    kernel = Kernel(rows("SYN_RECV"), rows("SYN_RECV"), rows("SYN_RECV", "SYN_RECV"))
    assert await telling(peer, kernel).tell_the_rest(TABLE) == 2
    assert kernel.read == 5  # the last two have shown nothing new


async def test_telling_the_rest_comes_to_an_end_under_any_load() -> None:
    kernel = Kernel(*(rows(*["SYN_RECV"] * number) for number in range(1, 20)))
    assert await telling(Peer(), kernel).tell_the_rest(TABLE) == 8
    assert kernel.read == 8


async def test_very_many_are_told_of_in_bursts() -> None:
    peer = Peer()
    assert await telling(peer, Kernel(rows(*["ESTABLISHED"] * 3000))).tell(TABLE) == 3000
    assert peer.connections == 3000


async def test_the_wire_is_closed_when_it_fails() -> None:
    class Broken(Peer):
        def send(self, datagram: bytes) -> None:
            raise OSError("no route")

    peer = Broken()
    with pytest.raises(OSError, match="no route"):
        await telling(peer, Kernel(rows("ESTABLISHED"))).tell(TABLE)
    assert peer.closed == 1


@pytest.mark.parametrize(
    ("group", "family"), [(None, socket.AF_INET), (ip_address("ff05::51"), socket.AF_INET6)]
)
def test_a_wire_speaks_to_a_group_of_either_family(group: Address | None, family: int) -> None:
    wire = MulticastWire(SyncDaemon(SyncRole.SENDER, "lo", group=group, ttl=3))
    assert wire._socket.family == family
    wire.close()


def test_a_wire_needs_its_interface() -> None:
    with pytest.raises(OSError, match="interface"):
        MulticastWire(SyncDaemon(SyncRole.SENDER, "eth-none"))
