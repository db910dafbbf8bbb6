from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.generic import ctrlmsg

from lvsengine.ipvs import netlink
from lvsengine.ipvs.netlink import Malformed, Message

KINDS = st.integers(0, netlink.KIND_MASK)
PAYLOADS = st.binary(max_size=40)


def test_a_message_is_laid_out_as_the_header_says() -> None:
    written = netlink.message(28, 5, 7, 4, netlink.u8(1, 255))
    assert written.hex(" ", 4) == "1c000000 1c000500 07000000 00000000 04010000 05000100 ff000000"


def test_numbers_are_the_machines_and_ports_are_the_networks() -> None:
    assert netlink.u16(2, 258).hex() == "0600020002010000"
    assert netlink.u32(2, 258).hex() == "0800020002010000"
    assert netlink.be16(2, 258).hex() == "0600020001020000"
    assert netlink.text(6, "rr").hex() == "0700060072720000"


def test_a_family_is_asked_for_by_its_name() -> None:
    asked = ctrlmsg(netlink.family_request(9, "IPVS"))
    asked.decode()
    assert asked["cmd"] == 3
    assert asked.get_attr("CTRL_ATTR_FAMILY_NAME") == "IPVS"
    assert (asked["header"]["type"], asked["header"]["sequence_number"]) == (16, 9)


@given(st.dictionaries(KINDS, PAYLOADS))
def test_attributes_are_read_as_they_were_written(wanted: dict[int, bytes]) -> None:
    written = b"".join(netlink.attribute(kind, payload) for kind, payload in wanted.items())
    assert len(written) % 4 == 0
    assert netlink.attributes(written) == wanted


@given(KINDS, st.dictionaries(KINDS, PAYLOADS))
def test_attributes_in_an_attribute_are_marked_as_nested(
    kind: int, inside: dict[int, bytes]
) -> None:
    written = netlink.nested(kind, *(netlink.attribute(*entry) for entry in inside.items()))
    assert written[3] & 0x80
    assert netlink.attributes(netlink.attributes(written)[kind]) == inside


def test_of_two_attributes_of_a_kind_the_last_counts() -> None:
    assert netlink.attributes(netlink.u8(1, 3) + netlink.u8(1, 4)) == {1: b"\x04"}


@given(st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=30)), max_size=5))
def test_a_datagram_is_split_into_its_messages(wanted: list[tuple[int, bytes]]) -> None:
    parts = [netlink.message(kind, 2, 3, 4, body) for kind, body in wanted]
    datagram = b"".join(part + bytes(-len(part) % 4) for part in parts)
    assert list(netlink.messages(datagram)) == [
        Message(kind, 2, 3, b"\x04\x01\0\0" + body) for kind, body in wanted
    ]


@pytest.mark.parametrize("length", [0, 15, 21, 2**32 - 1])
def test_a_message_of_a_wrong_length_is_malformed(length: int) -> None:
    datagram = length.to_bytes(4, "little") + netlink.message(1, 2, 3, 4)[4:]
    with pytest.raises(Malformed):
        list(netlink.messages(datagram))


def test_bytes_that_are_no_message_are_malformed() -> None:
    with pytest.raises(Malformed):
        list(netlink.messages(netlink.message(1, 2, 3, 4) + b"\x10\0\0\0"))


@pytest.mark.parametrize("length", [0, 3, 9])
def test_an_attribute_of_a_wrong_length_is_malformed(length: int) -> None:
    with pytest.raises(Malformed):
        netlink.attributes(bytes([length, 0, 1, 0, 0, 0, 0, 0]))


def test_attributes_of_a_message_begin_after_the_generic_header() -> None:
    [told] = netlink.messages(netlink.message(28, 0, 1, 4, netlink.u8(1, 9)))
    assert netlink.body_of(told) == {1: b"\x09"}


@given(st.binary(max_size=64))
def test_whatever_comes_is_read_or_malformed(data: bytes) -> None:
    try:
        for message in netlink.messages(data):
            netlink.body_of(message)
            netlink.errno_of(message)
    except Malformed:
        pass


@pytest.mark.parametrize("number", [0, errno.EEXIST])
def test_an_errno_is_carried_negative(number: int) -> None:
    reply = Message(netlink.ERROR, 0, 1, (-number).to_bytes(4, "little", signed=True) + bytes(16))
    assert netlink.errno_of(reply) == number


def test_the_end_of_a_list_without_an_errno_is_no_error() -> None:
    assert netlink.errno_of(Message(netlink.DONE, 2, 1, b"")) == 0


def test_numbers_of_any_width_and_sign_and_text_are_read() -> None:
    assert netlink.number(b"") == 0
    assert netlink.number(b"\x02\x01") == 258
    assert netlink.signed(b"\xff\xff\xff\xff") == -1
    assert netlink.string(b"wlc\0\0") == "wlc"
    assert netlink.string(b"\xff") == "\N{REPLACEMENT CHARACTER}"
