from __future__ import annotations

from ipaddress import ip_address

import pytest

from lvsengine.lvscf.model import Config, FloatingAddress, VirtualServer
from lvsengine.net import Forwarding
from lvsengine.vip.desired import HeldAddress, desired, hold


def floating(address: str, device: str = "eth0:1") -> FloatingAddress:
    return FloatingAddress(ip_address(address), device)


def virtual(name: str, address: str, netmask: int | None = 24, port: int = 80) -> VirtualServer:
    return VirtualServer(name, floating(address), enabled=True, netmask=netmask, port=port)


WEB = virtual("web", "192.168.26.10")
ROUTER = floating("10.11.12.10", "eth1:1")


def test_a_virtual_ip_stands_on_its_alias_with_mask_and_broadcast() -> None:
    config = Config(virtual_servers=(WEB,))
    assert desired(config) == (
        HeldAddress(
            ip_address("192.168.26.10"), 24, "eth0", "eth0:1", ip_address("192.168.26.255")
        ),
    )


def test_of_blocks_that_share_an_address_the_first_says_where_and_how() -> None:
    tls = VirtualServer("tls", floating("192.168.26.10", "eth9"), enabled=True, port=443)
    assert desired(Config(virtual_servers=(WEB, tls))) == desired(Config(virtual_servers=(WEB,)))


def test_a_disabled_virtual_server_needs_no_address() -> None:
    off = VirtualServer("off", floating("192.168.26.10"))
    assert desired(Config(virtual_servers=(off,))) == ()


@pytest.mark.parametrize("netmask", [None, 0])
def test_without_a_mask_the_address_stands_alone(netmask: int | None) -> None:
    held = hold(floating("192.168.26.10"), netmask)
    assert (held.prefix, held.broadcast) == (32, None)
    assert hold(floating("2001:db8::10"), netmask).prefix == 128


@pytest.mark.parametrize(
    ("netmask", "broadcast"), [(30, "192.168.26.11"), (31, None), (16, "192.168.255.255")]
)
def test_the_broadcast_follows_from_address_and_mask(netmask: int, broadcast: str | None) -> None:
    held = hold(floating("192.168.26.10"), netmask)
    assert held.broadcast == (None if broadcast is None else ip_address(broadcast))


def test_an_ipv6_address_has_no_label_and_no_broadcast() -> None:
    held = hold(floating("2001:db8::10", "eth0:1"), 64)
    assert held == HeldAddress(ip_address("2001:db8::10"), 64, "eth0")


def test_the_nat_router_comes_last_with_its_own_mask() -> None:
    config = Config(virtual_servers=(WEB,), nat_router=ROUTER, nat_netmask=25)
    assert desired(config)[1:] == (
        HeldAddress(ip_address("10.11.12.10"), 25, "eth1", "eth1:1", ip_address("10.11.12.127")),
    )


@pytest.mark.parametrize("network", [Forwarding.DIRECT, Forwarding.TUNNEL])
def test_only_nat_needs_the_nat_router(network: Forwarding) -> None:
    assert desired(Config(network=network, nat_router=ROUTER)) == ()


def test_an_address_is_named_by_its_alias_or_else_its_interface() -> None:
    assert str(hold(floating("192.168.26.10"), 24)) == "192.168.26.10/24 on eth0:1"
    assert str(hold(floating("2001:db8::10"), 64)) == "2001:db8::10/64 on eth0"
