from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.vip.frames import (
    arp_probe,
    claim,
    duplicate_solicitation,
    gratuitous_arp,
    gratuitous_reply,
    neighbour_advertisement,
)

MAC = bytes.fromhex("00163e010203")
WEB = IPv4Address("192.168.26.10")
SIX = IPv6Address("2001:db8::10")


def test_an_arp_announcement_asks_everybody_for_its_own_address() -> None:
    assert gratuitous_arp(MAC, WEB).hex(" ", 2) == (
        "ffff ffff ffff 0016 3e01 0203 0806 "
        "0001 0800 0604 0001 "
        "0016 3e01 0203 c0a8 1a0a "
        "0000 0000 0000 c0a8 1a0a "
        "0000 0000 0000 0000 0000 0000 0000 0000 0000"
    )


def test_the_original_form_answers_from_itself_to_itself() -> None:
    assert gratuitous_reply(b"\xff" * 6, MAC, WEB).hex(" ", 2) == (
        "ffff ffff ffff 0016 3e01 0203 0806 "
        "0001 0800 0604 0002 "
        "0016 3e01 0203 c0a8 1a0a "
        "0016 3e01 0203 c0a8 1a0a "
        "0000 0000 0000 0000 0000 0000 0000 0000 0000"
    )


def test_arp_frames_are_as_long_as_ethernet_asks_for() -> None:
    assert len(gratuitous_arp(MAC, WEB)) == len(gratuitous_reply(MAC, MAC, WEB)) == 60


def test_a_neighbour_advertisement_overrides_what_all_nodes_remember() -> None:
    frame = neighbour_advertisement(MAC, SIX)
    assert frame[:14].hex() == "333300000001" + MAC.hex() + "86dd"
    assert frame[14:22].hex(" ", 2) == "6000 0000 0020 3aff"  # 32 bytes of ICMPv6, hop limit 255
    assert frame[22:38] == SIX.packed
    assert frame[38:54] == IPv6Address("ff02::1").packed
    assert frame[54:56].hex() == "8800"
    assert frame[58:62].hex() == "20000000"  # Override, neither Router nor Solicited
    assert frame[62:78] == SIX.packed
    assert frame[78:].hex() == "0201" + MAC.hex()


def sum_of_words(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@given(mac=st.binary(min_size=6, max_size=6), address=st.ip_addresses(v=6))
def test_the_checksum_makes_header_and_message_sum_to_all_ones(
    mac: bytes, address: IPv6Address
) -> None:
    for frame in (neighbour_advertisement(mac, address), duplicate_solicitation(mac, address)):
        pseudo_header = frame[22:54] + struct.pack("!II", len(frame) - 54, 58)
        assert sum_of_words(pseudo_header + frame[54:]) == 0xFFFF


def test_an_arp_probe_asks_as_nobody_so_that_nobody_learns_from_it() -> None:
    assert arp_probe(MAC, WEB).hex(" ", 2) == (
        "ffff ffff ffff 0016 3e01 0203 0806 "
        "0001 0800 0604 0001 "
        "0016 3e01 0203 0000 0000 "
        "0000 0000 0000 c0a8 1a0a "
        "0000 0000 0000 0000 0000 0000 0000 0000 0000"
    )


def test_a_solicitation_asks_as_nobody_those_whose_address_ends_alike() -> None:
    frame = duplicate_solicitation(MAC, IPv6Address("2001:db8::ab12:3456"))
    assert frame[:14].hex() == "3333ff123456" + MAC.hex() + "86dd"
    assert frame[14:22].hex(" ", 2) == "6000 0000 0018 3aff"  # 24 bytes of ICMPv6, hop limit 255
    assert frame[22:38] == bytes(16)
    assert frame[38:54] == IPv6Address("ff02::1:ff12:3456").packed
    assert frame[54:56].hex() == "8700"
    assert frame[58:62] == bytes(4)
    assert frame[62:] == IPv6Address("2001:db8::ab12:3456").packed


@pytest.mark.parametrize(
    ("frame", "claimed"),
    [
        (gratuitous_arp(MAC, WEB), (WEB, MAC)),
        (gratuitous_reply(b"\xff" * 6, MAC, WEB), (WEB, MAC)),
        (gratuitous_arp(MAC, WEB)[:42], (WEB, MAC)),
        (neighbour_advertisement(MAC, SIX), (SIX, MAC)),
        (arp_probe(MAC, WEB), None),
        (duplicate_solicitation(MAC, SIX), None),
        (gratuitous_arp(MAC, WEB)[:41], None),
        (neighbour_advertisement(MAC, SIX)[:77], None),
        (gratuitous_arp(MAC, WEB).replace(b"\x06\x04", b"\x06\x05", 1), None),
        (neighbour_advertisement(MAC, SIX).replace(b"\x86\xdd", b"\x08\0", 1), None),
    ],
)
def test_a_frame_claims_an_address_for_its_sender(frame: bytes, claimed: object) -> None:
    assert claim(frame) == claimed


@given(st.binary(max_size=100))
def test_any_frame_is_read_without_a_fault(frame: bytes) -> None:
    claim(frame)
