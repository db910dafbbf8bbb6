from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.vip.interfaces import Interfaces, LinkState, Trouble
from lvsengine.vip.rtnetlink import AddressNews, EndOfAnswer, LinkNews

HERE = ip_address("192.0.2.11")
ETH0 = LinkNews(2, "eth0", is_on=True, has_carrier=True)
ETH1 = LinkNews(3, "eth1", is_on=True, has_carrier=True)


@pytest.fixture
def interfaces() -> Interfaces:
    """eth0 holds the address and works; eth1 works too."""
    interfaces = Interfaces()
    for said in (ETH0, ETH1, AddressNews(2, HERE), EndOfAnswer(2)):
        interfaces.learn(said)
    return interfaces


def test_the_link_of_an_address_is_that_of_the_interface_that_holds_it(
    interfaces: Interfaces,
) -> None:
    assert interfaces.look(HERE) == LinkState(HERE, "eth0", Trouble.NONE)
    interfaces.learn(replace(ETH1, has_carrier=False))
    assert interfaces.look(HERE).is_up


@pytest.mark.parametrize(
    ("news", "said"),
    [
        (replace(ETH0, has_carrier=False), "eth0, which holds 192.0.2.11, has no carrier"),
        (replace(ETH0, is_on=False), "eth0, which holds 192.0.2.11, is switched off"),
        (
            replace(ETH0, is_on=False, has_carrier=False),
            "eth0, which holds 192.0.2.11, is switched off",
        ),
        (replace(ETH0, gone=True), "no interface holds 192.0.2.11"),
    ],
)
def test_a_link_is_down_for_a_reason(news: LinkNews, said: str, interfaces: Interfaces) -> None:
    interfaces.learn(news)
    state = interfaces.look(HERE)
    assert not state.is_up
    assert str(state) == said
    interfaces.learn(ETH0)
    assert str(interfaces.look(HERE)) == "eth0, which holds 192.0.2.11, can carry packets"


def test_what_no_interface_holds_has_no_link(interfaces: Interfaces) -> None:
    unknown = ip_address("192.0.2.99")
    assert interfaces.look(unknown) == LinkState(unknown)
    assert not interfaces.look(unknown).is_up
    interfaces.learn(AddressNews(2, HERE, gone=True))
    interfaces.learn(AddressNews(2, unknown, gone=True))
    assert not interfaces.look(HERE).is_up


def test_an_interface_that_was_never_there_vanishes_without_harm(interfaces: Interfaces) -> None:
    interfaces.learn(replace(ETH0, index=9, gone=True))
    assert interfaces.look(HERE).is_up


def test_of_two_interfaces_with_the_address_one_that_works_is_enough(
    interfaces: Interfaces,
) -> None:
    interfaces.learn(AddressNews(3, HERE))
    interfaces.learn(replace(ETH0, has_carrier=False))
    assert interfaces.look(HERE) == LinkState(HERE, "eth1")
