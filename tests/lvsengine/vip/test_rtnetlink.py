from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.vip.rtnetlink import (
    ADDRESS,
    ATTRIBUTE,
    GET_ADDRESS,
    HEADER,
    LINK,
    AddressNews,
    EndOfAnswer,
    LinkNews,
    ask_all,
    news,
)
from tests.lvsengine.vip.news_writing import address_message, end_message, link_message, message

UP, RUNNING, LOWER_UP = 0x1, 0x40, 0x10000
WORKS = UP | RUNNING | LOWER_UP


def test_a_request_for_everything_is_a_dump_of_any_family() -> None:
    assert ask_all(GET_ADDRESS, 7).hex(" ", 4) == "14000000 16000103 07000000 00000000 00000000"


@pytest.mark.parametrize(
    ("flags", "carrier", "is_on", "has_carrier"),
    [
        (WORKS, 1, True, True),
        (UP, 0, True, False),
        (UP | RUNNING, 0, True, False),  # the carrier went; linkwatch has not come round yet
        (UP | LOWER_UP, 1, True, False),  # dormant: 802.1X has not let it in
        (0, 0, False, False),
        (WORKS, None, True, True),
        (UP, None, True, False),
    ],
)
def test_a_link_is_read_by_its_flags_and_its_carrier(
    flags: int, carrier: int | None, *, is_on: bool, has_carrier: bool
) -> None:
    assert list(news(link_message(3, "eth0", flags, carrier))) == [
        LinkNews(3, "eth0", is_on, has_carrier)
    ]


def test_an_interface_that_vanishes_is_gone() -> None:
    (said,) = news(link_message(3, "eth0", 0, 0, gone=True))
    assert isinstance(said, LinkNews)
    assert said.gone


def test_a_port_that_leaves_its_bridge_is_no_interface_that_vanishes() -> None:
    assert list(news(link_message(3, "eth0", WORKS, 1, gone=True, family=7))) == []


@pytest.mark.parametrize("text", ["192.0.2.11", "2001:db8::11"])
def test_an_address_comes_to_an_interface_and_goes(text: str) -> None:
    address = ip_address(text)
    for gone in (False, True):
        (said,) = news(address_message(3, address, gone=gone))
        assert said == AddressNews(3, address, gone=gone)


def test_on_a_point_to_point_link_the_local_end_counts() -> None:
    here, there = ip_address("10.0.0.1"), ip_address("10.0.0.2")
    assert list(news(address_message(3, there, local=here))) == [AddressNews(3, here)]


@pytest.mark.parametrize(
    ("errno", "payload"), [(0, b"\0" * 4), (13, b"\xf3\xff\xff\xff"), (0, b"")]
)
def test_an_answer_ends_well_or_with_an_errno(errno: int, payload: bytes) -> None:
    assert list(news(message(3, payload, sequence=9))) == [EndOfAnswer(9, errno)]
    assert list(news(message(2, payload, sequence=9))) == [EndOfAnswer(9, errno)]


def test_several_messages_stand_in_one_datagram() -> None:
    address = ip_address("192.0.2.11")
    datagram = link_message(3, "e", WORKS, 1) + address_message(3, address) + end_message(1)
    assert [type(said) for said in news(datagram)] == [LinkNews, AddressNews, EndOfAnswer]


@pytest.mark.parametrize(
    "datagram",
    [
        message(24, b"\0" * 12),  # a route
        message(16, b"\0" * (LINK.size - 1)),
        message(20, b"\0" * (ADDRESS.size - 1)),
        message(20, b"\0" * ADDRESS.size),
        HEADER.pack(8, 16, 0, 0, 0),
        HEADER.pack(17, 16, 0, 0, 0),
        b"\0" * 15,
    ],
)
def test_what_means_nothing_here_is_passed_over(datagram: bytes) -> None:
    assert list(news(datagram)) == []


def test_an_attribute_longer_than_its_message_ends_the_reading() -> None:
    body = ADDRESS.pack(2, 24, 0, 0, 3) + ATTRIBUTE.pack(9, 1) + b"\x0a\0\0\1"
    assert list(news(message(20, body))) == []


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_a_fault(data: bytes) -> None:
    for kind in (2, 3, 16, 17, 20, 21):
        list(news(message(kind, data)))
    list(news(data))
