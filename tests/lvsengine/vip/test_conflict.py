"""What needs no root. The rest is in tests/kernel/guest/test_address_conflict.py."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from lvsengine.net import Address
from lvsengine.vip.conflict import conflicts
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.frames import (
    arp_probe,
    duplicate_solicitation,
    gratuitous_reply,
    neighbour_advertisement,
)
from lvsengine.vip.wire import HearingWire

MACS = {"lo": None, "eth0": b"\x02\0\0\0\0\x01", "eth1": b"\x02\0\0\0\0\x02"}
OTHER, THIRD = b"\x02\0\0\0\0\x08", b"\x02\0\0\0\0\x09"
WEB = HeldAddress(IPv4Address("192.168.26.10"), 24, "eth0", "eth0:1")
TLS = HeldAddress(IPv4Address("192.168.26.11"), 24, "eth0", "eth0:2")
SIX = HeldAddress(IPv6Address("2001:db8::10"), 64, "eth0")
ROUTER = HeldAddress(IPv4Address("10.11.12.10"), 24, "eth1", "eth1:1")
LOOPBACK = HeldAddress(IPv4Address("127.0.0.9"), 32, "lo", "lo:1")


@dataclass
class Ether:
    """All wires; who answers on which interface, and until which round.

    Attributes:
        answers: Interface, address and who answers for it.
        until: The rounds in which they answer, from 1.
        strays: Frames that come by unasked.
        errors: By interface and what is done: the errno of its failure.
    """

    answers: list[tuple[str, Address, bytes]] = field(default_factory=list)
    until: int = 99
    strays: tuple[bytes, ...] = ()
    errors: dict[tuple[str, str], int] = field(default_factory=dict)
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    open_wires: list[FakeWire] = field(default_factory=list)

    def open(self, interface: str, family: int) -> HearingWire:
        self.may(interface, "open")
        wire = FakeWire(self, interface, family)
        self.open_wires.append(wire)
        return wire

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def may(self, interface: str, deed: str) -> None:
        number = self.errors.get((interface, deed), 0)
        if number:
            raise OSError(number, os.strerror(number))


class FakeWire:
    def __init__(self, ether: Ether, interface: str, family: int) -> None:
        self.mac = MACS[interface]
        self._ether, self._interface, self._family = ether, interface, family
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def fileno(self) -> int:
        return self._near.fileno()

    def send(self, frame: bytes) -> None:
        ether = self._ether
        ether.may(self._interface, "send")
        ether.sent.append((self._interface, frame))
        for stray in ether.strays:
            self._far.send(stray)
        if len(ether.slept) >= ether.until:
            return
        for interface, address, mac in ether.answers:
            asked = address.version == self._family and address.packed in frame
            if interface == self._interface and asked:
                self._far.send(answer(address, mac))

    def receive(self) -> bytes:
        self._ether.may(self._interface, "receive")
        return self._near.recv(2048, socket.MSG_DONTWAIT)

    def close(self) -> None:
        self._ether.open_wires.remove(self)
        self._near.close()
        self._far.close()


def answer(address: Address, mac: bytes) -> bytes:
    if isinstance(address, IPv4Address):
        return gratuitous_reply(b"\xff" * 6, mac, address)
    return neighbour_advertisement(mac, address)


async def found(ether: Ether, *addresses: HeldAddress, own: tuple[bytes, ...] = ()) -> list[str]:
    told = await conflicts(
        addresses, own, times=3, pause_s=0.5, open_wire=ether.open, sleep=ether.sleep
    )
    assert ether.open_wires == []
    return told


async def test_each_address_is_asked_for_three_times_as_nobody() -> None:
    ether = Ether()
    assert await found(ether, WEB, SIX, ROUTER, LOOPBACK) == []
    eth0, eth1 = MACS["eth0"] or b"", MACS["eth1"] or b""
    once = [
        ("eth0", arp_probe(eth0, IPv4Address("192.168.26.10"))),
        ("eth0", duplicate_solicitation(eth0, IPv6Address("2001:db8::10"))),
        ("eth1", arp_probe(eth1, IPv4Address("10.11.12.10"))),
    ]
    assert ether.sent == once * 3
    assert ether.slept == [0.5] * 3


async def test_who_still_answers_is_named() -> None:
    ether = Ether(
        answers=[
            ("eth0", WEB.address, OTHER),
            ("eth0", WEB.address, THIRD),
            ("eth0", SIX.address, OTHER),
            ("eth1", TLS.address, OTHER),
        ]
    )
    told = await found(ether, WEB, TLS, SIX, ROUTER)
    assert [sentence.partition(". While")[0] for sentence in told] == [
        "somebody else still answers for 192.168.26.10 on eth0: 02:00:00:00:00:08",
        "somebody else still answers for 192.168.26.10 on eth0: 02:00:00:00:00:09",
        "somebody else still answers for 2001:db8::10 on eth0: 02:00:00:00:00:08",
    ]


async def test_our_own_cards_are_nobody_else() -> None:
    ether = Ether(
        answers=[
            ("eth0", WEB.address, MACS["eth0"] or b""),
            ("eth0", WEB.address, MACS["eth1"] or b""),
            ("eth0", WEB.address, THIRD),
        ]
    )
    assert await found(ether, WEB, ROUTER, own=(THIRD,)) == []


async def test_one_who_lets_go_after_the_first_question_is_no_conflict() -> None:
    answers: list[tuple[str, Address, bytes]] = [("eth0", WEB.address, OTHER)]
    assert await found(Ether(answers, until=1), WEB) == []
    assert len(await found(Ether(answers, until=2), WEB)) == 1


async def test_what_comes_by_unasked_is_passed_over() -> None:
    mac = MACS["eth0"] or b""
    for stray in (
        answer(TLS.address, OTHER),
        arp_probe(OTHER, IPv4Address(str(WEB.address))),
        b"?",
    ):
        assert await found(Ether(strays=(stray, answer(WEB.address, mac))), WEB) == []
    assert len(await found(Ether(strays=(answer(WEB.address, OTHER),)), WEB)) == 1


async def test_where_nobody_can_be_asked_the_reason_is_told() -> None:
    for deed in ("open", "send", "receive"):
        ether = Ether(errors={("eth0", deed): errno.ENETDOWN})
        assert await found(ether, WEB, SIX, ROUTER) == [
            "cannot see whether somebody else answers for the addresses on eth0: interface eth0"
            " is down. Bring it up: ip link set eth0 up"
        ]


async def test_nothing_to_ask_for_opens_nothing() -> None:
    assert await found(Ether()) == []
