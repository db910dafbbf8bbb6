from __future__ import annotations

from ipaddress import ip_address

from lvsengine.net import endpoint, internet_checksum


def test_an_ipv6_address_has_brackets_before_a_port() -> None:
    assert endpoint(ip_address("10.0.0.1"), 80) == "10.0.0.1:80"
    assert endpoint(ip_address("2001:db8::1"), 80) == "[2001:db8::1]:80"


def test_the_checksum_is_that_of_the_example_in_rfc_1071() -> None:
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_a_carry_of_the_carry_is_added_too() -> None:
    assert internet_checksum(b"\xff\xff" * 2) == 0
    assert internet_checksum(bytes.fromhex("ffffffff0001")) == 0xFFFE
