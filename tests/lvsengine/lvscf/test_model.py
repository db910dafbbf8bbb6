from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.lvscf.model import Config, FloatingAddress, RealServer, VirtualServer

SHOP = VirtualServer("shop", FloatingAddress(ip_address("192.0.2.1"), "eth0:1"), enabled=True)


@pytest.mark.parametrize("device", ["eth0", "eth0:1"])
def test_an_alias_stands_on_its_interface(device: str) -> None:
    assert FloatingAddress(ip_address("192.0.2.1"), device).interface == "eth0"


def test_a_real_server_has_the_virtual_servers_port_unless_it_has_its_own() -> None:
    one = RealServer("one", ip_address("10.0.0.1"))
    assert SHOP.port_of(one) == 80
    assert SHOP.port_of(replace(one, port=8080)) == 8080
    assert SHOP.address == ip_address("192.0.2.1")


def test_only_enabled_virtual_servers_are_offered() -> None:
    config = Config(virtual_servers=(SHOP, replace(SHOP, name="old", enabled=False)))
    assert config.enabled_virtual_servers == (SHOP,)


@pytest.mark.parametrize(
    ("backup_active", "sync", "copies"),
    [
        (True, None, True),
        (True, True, True),
        (True, False, False),
        (False, None, False),
        (False, True, False),
    ],
)
def test_lvs_cf_goes_to_a_backup_unless_it_says_sync_0(
    backup_active: bool, sync: bool | None, copies: bool
) -> None:
    assert Config(backup_active=backup_active, sync=sync).copies_to_peer is copies
