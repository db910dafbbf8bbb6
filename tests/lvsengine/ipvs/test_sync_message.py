from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.connections import Connection
from lvsengine.ipvs.sync_message import ENTRY, HEAD, INACTIVE, SHORTEST, Told, datagrams
from lvsengine.net import Forwarding, Protocol

OPENING = Connection(
    Protocol.TCP,
    ip_address("192.168.26.100"),
    0x8ABC,
    ip_address("192.168.26.10"),
    80,
    ip_address("10.11.12.1"),
    8080,
    "SYN_RECV",
)
V6 = replace(
    OPENING,
    client=ip_address("2001:db8::1"),
    virtual=ip_address("2001:db8::2"),
    real=ip_address("2001:db8::3"),
)


def entry(told: Told) -> tuple[int, ...]:
    [datagram] = datagrams([told], 0, 1400)
    return ENTRY.unpack_from(datagram, HEAD.size)


def test_a_datagram_is_that_of_version_1() -> None:
    [datagram] = datagrams([Told(OPENING, Forwarding.NAT)], 9, 1400)
    assert datagram == bytes.fromhex(
        "0009002c 01010000 00060024 00000000 00038abc 00501f90 00000000 00000000"
        "c0a81a64 c0a81a0a 0a0b0c01"
    )


def test_ipv6_is_another_type_with_longer_addresses() -> None:
    kind, _, length, *_ = entry(Told(V6, Forwarding.NAT))
    assert (kind, length) == (1, ENTRY.size + 48)


@pytest.mark.parametrize(
    ("forwarding", "number"),
    [(Forwarding.NAT, 0), (Forwarding.TUNNEL, 2), (Forwarding.DIRECT, 3)],
)
def test_the_flags_say_how_packets_are_forwarded(forwarding: Forwarding, number: int) -> None:
    assert entry(Told(OPENING, forwarding))[3] == number


def test_a_closing_connection_is_told_of_as_inactive() -> None:
    closing = replace(OPENING, state="FIN_WAIT")
    assert entry(Told(closing, Forwarding.NAT))[3] == INACTIVE


def test_udp_has_one_state_and_is_active() -> None:
    asked = replace(OPENING, protocol=Protocol.UDP, state="UDP")
    _, protocol, _, flags, state, *_ = entry(Told(asked, Forwarding.NAT))
    assert (protocol, flags, state) == (17, 0, 0)


def test_the_mark_of_the_service_goes_along() -> None:
    assert entry(Told(OPENING, Forwarding.NAT, mark=7))[8] == 7


def test_many_connections_take_several_datagrams_of_at_most_that_length() -> None:
    written = list(datagrams([Told(OPENING, Forwarding.NAT)] * 40, 0, 600))
    assert [HEAD.unpack_from(one)[3] for one in written] == [16, 16, 8]
    assert [HEAD.unpack_from(one)[2] for one in written] == [len(one) for one in written]
    assert max(map(len, written)) <= 600


def test_a_datagram_counts_its_entries_in_one_byte() -> None:
    written = list(datagrams([Told(OPENING, Forwarding.NAT)] * 300, 0, 60_000))
    assert [HEAD.unpack_from(one)[3] for one in written] == [255, 45]


def test_any_length_has_room_for_an_entry() -> None:
    [datagram] = datagrams([Told(V6, Forwarding.NAT)], 0, 1)
    assert len(datagram) <= SHORTEST


def test_nothing_to_tell_is_no_datagram() -> None:
    assert list(datagrams([], 0, 1400)) == []
