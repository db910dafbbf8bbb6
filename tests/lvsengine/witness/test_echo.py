from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.net import internet_checksum
from lvsengine.witness.echo import TOKEN_LENGTH, is_reply, request, without_ip_header

TOKEN = bytes(range(16))
REPLY = {4: 0, 6: 129}


def reply_to(packet: bytes, family: int) -> bytes:
    return bytes([REPLY[family]]) + packet[1:]


def test_a_request_of_ipv4_is_as_ping_sends_it() -> None:
    packet = request(4, TOKEN, 1)
    assert packet[:2].hex() == "0800"
    assert packet[4:8].hex() == "00010001"
    assert packet[8:] == TOKEN
    assert internet_checksum(packet) == 0


def test_a_request_of_ipv6_leaves_the_checksum_to_the_kernel() -> None:
    assert request(6, TOKEN, 70_000)[:8].hex() == "8000000000011170"


@pytest.mark.parametrize("family", [4, 6])
def test_only_the_reply_with_our_token_is_ours(family: int) -> None:
    packet = request(family, TOKEN, 1)
    reply = reply_to(packet, family)
    assert is_reply(family, reply, TOKEN)
    others_identifier = reply[:4] + b"\x12\x34" + reply[6:]
    assert is_reply(family, others_identifier, TOKEN)
    for other in (packet, reply[:-1], reply + b"x", reply[:1] + b"\1" + reply[2:], b"", reply[:7]):
        assert not is_reply(family, other, TOKEN)
    assert not is_reply(family, reply, TOKEN[::-1])
    assert not is_reply(10 - family, reply, TOKEN)


def test_the_header_of_ipv4_may_have_options() -> None:
    assert without_ip_header(b"\x45" + b"\0" * 19 + b"icmp") == b"icmp"
    assert without_ip_header(b"\x46" + b"\0" * 23 + b"icmp") == b"icmp"
    assert without_ip_header(b"") == b""
    assert without_ip_header(b"\x4f\0") == b""


@given(st.sampled_from([4, 6]), st.binary(max_size=60))
def test_any_bytes_are_looked_at_without_a_fault(family: int, packet: bytes) -> None:
    is_reply(family, without_ip_header(packet), TOKEN)


@given(st.binary(min_size=TOKEN_LENGTH, max_size=TOKEN_LENGTH), st.integers(0, 1 << 20))
def test_every_request_of_ipv4_sums_up(token: bytes, sequence: int) -> None:
    assert internet_checksum(request(4, token, sequence)) == 0
