"""The bytes, and what is read of a list. That the kernel agrees is in tests/kernel/guest."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.vip.address_messages import present, request
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb
from lvsengine.vip.rtnetlink import ADDRESS, NEW_ADDRESS, NEW_LINK, Message
from tests.lvsengine.vip.news_writing import attribute

WEB = HeldAddress(ip_address("192.168.26.10"), 24, "eth0", "eth0:1", ip_address("192.168.26.255"))
SIX = HeldAddress(ip_address("2001:db8::10"), 64, "eth0")
NAMES = {3: "eth0"}


def test_an_ipv4_address_is_added_with_alias_and_broadcast() -> None:
    assert request(AddressChange(Verb.ADD, WEB), 3, 7).hex(" ", 4) == (
        "3c000000 14000506 07000000 00000000 "  # RTM_NEWADDR; request, ack, excl, create
        "02180000 03000000 "  # AF_INET /24, scope global, the interface
        "08000200 c0a81a0a 08000100 c0a81a0a "  # IFA_LOCAL, IFA_ADDRESS
        "0b000300 65746830 3a310000 "  # IFA_LABEL eth0:1
        "08000400 c0a81aff"  # IFA_BROADCAST
    )


def test_an_ipv6_address_is_added_deprecated_and_without_detection_of_duplicates() -> None:
    address = "20010db8 00000000 00000000 00000010 "
    assert request(AddressChange(Verb.ADD, SIX), 3, 7).hex(" ", 4) == (
        "54000000 14000506 07000000 00000000 0a400200 03000000 "
        f"14000200 {address}14000100 {address}"
        "14000600 00000000 ffffffff 00000000 00000000"
    )


def test_an_address_is_removed_by_address_prefix_and_alias() -> None:
    assert request(AddressChange(Verb.REMOVE, WEB), 3, 8).hex(" ", 4) == (
        "34000000 15000500 08000000 00000000 02180000 03000000 "
        "08000200 c0a81a0a 08000100 c0a81a0a 0b000300 65746830 3a310000"
    )


def test_an_address_of_the_loopback_net_has_host_scope() -> None:
    loopback = replace(WEB, address=ip_address("127.0.0.9"), interface="lo", label="lo:1")
    assert request(AddressChange(Verb.ADD, loopback), 1, 7)[19] == 254


def a_message(*attributes: tuple[int, bytes], family: int = 2, flags: int = 0x80) -> Message:
    payload = ADDRESS.pack(family, 24, flags, 0, 3)
    return Message(NEW_ADDRESS, 0, 1, payload + b"".join(attribute(*one) for one in attributes))


HERE, THERE = ip_address("192.168.26.10").packed, ip_address("192.168.26.99").packed


def test_an_address_is_read_with_all_that_tells_whose_it_is() -> None:
    broadcast = ip_address("192.168.26.255")
    message = a_message((1, HERE), (2, HERE), (4, broadcast.packed), (3, b"eth0:1\0"), flags=0x81)
    assert present(message, NAMES) == PresentAddress(
        ip_address("192.168.26.10"), 24, "eth0", "eth0:1", broadcast, secondary=True
    )


def test_on_a_point_to_point_link_the_local_end_is_the_address() -> None:
    entry = present(a_message((1, THERE), (2, HERE)), NAMES)
    assert entry is not None
    assert entry.address == ip_address("192.168.26.10")


def test_an_ipv6_address_is_no_secondary_whatever_its_flags() -> None:
    entry = present(a_message((1, SIX.address.packed), family=10, flags=0x81), NAMES)
    assert entry == PresentAddress(SIX.address, 24, "eth0")


@pytest.mark.parametrize(
    "message",
    [
        Message(NEW_LINK, 0, 1, b""),
        Message(NEW_ADDRESS, 0, 1, b"\x02\x18"),
        a_message(),
        a_message((2, HERE[:3])),
        a_message((2, HERE), family=10),
        a_message((2, HERE), family=7),
    ],
    ids=["a link", "cut", "no address", "short", "wrong family", "unknown family"],
)
def test_what_is_no_address_is_passed_over(message: Message) -> None:
    assert present(message, NAMES) is None


def test_an_address_whose_interface_went_away_meanwhile_is_left_out() -> None:
    assert present(a_message((2, HERE)), {4: "eth1"}) is None


def test_a_broadcast_that_is_none_is_none() -> None:
    entry = present(a_message((2, HERE), (4, b"\xff")), NAMES)
    assert entry is not None
    assert entry.broadcast is None
