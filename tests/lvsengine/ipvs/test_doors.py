from __future__ import annotations

import errno
import socket
from ipaddress import ip_address

import pytest

from lvsengine.ipvs.doors import open_door, why_not
from lvsengine.ipvs.table import AddressKey
from lvsengine.net import Protocol
from tests.lvsengine.ipvs.wires import free_port

TEST_NET = ip_address("203.0.113.77")  # RFC 5737: nobody has it


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_a_door_opens_on_an_address_that_is_not_here_yet(protocol: Protocol) -> None:
    with open_door(AddressKey(protocol, TEST_NET, 40080)) as door:
        assert door.getsockname() == ("203.0.113.77", 40080)
        assert not door.getblocking()
    with open_door(AddressKey(protocol, ip_address("2001:db8::77"), 40080)) as door:
        assert door.getsockname()[:2] == ("2001:db8::77", 40080)


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_ipv6_leaves_the_same_port_of_ipv4_alone(protocol: Protocol) -> None:
    port = free_port("::1")
    with (
        open_door(AddressKey(protocol, ip_address("::"), port)),
        open_door(AddressKey(protocol, ip_address("127.0.0.1"), port)),
    ):
        pass


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_two_programs_never_share_a_port_unawares(protocol: Protocol) -> None:
    key = AddressKey(protocol, ip_address("127.0.0.1"), free_port())
    with open_door(key), pytest.raises(OSError, match="in use") as caught:
        open_door(key)
    assert why_not(key, caught.value) == (
        f"cannot listen on {protocol.value} 127.0.0.1:{key.port}: another program listens there: "
        "stop it, or take another port"
    )


def test_a_port_is_free_again_while_its_last_connections_linger() -> None:
    key = AddressKey(Protocol.TCP, ip_address("127.0.0.1"), free_port())
    with open_door(key) as door, socket.create_connection(door.getsockname()) as client:
        door.settimeout(5)
        accepted, _ = door.accept()
        accepted.close()  # ends first, so its port is in TIME_WAIT
        assert client.recv(1) == b""
    open_door(key).close()


def test_a_low_port_without_root_says_so() -> None:
    key = AddressKey(Protocol.TCP, ip_address("2001:db8::1"), 80)
    assert why_not(key, PermissionError(errno.EACCES, "Permission denied")) == (
        "cannot listen on tcp [2001:db8::1]:80: ports below 1024 need root: run pulse as root, "
        "or take a higher port"
    )


def test_any_other_reason_is_the_systems_own() -> None:
    key = AddressKey(Protocol.TCP, TEST_NET, 80)
    said = why_not(key, OSError(errno.ENOBUFS, "No buffer space available"))
    assert said == "cannot listen on tcp 203.0.113.77:80: No buffer space available"
