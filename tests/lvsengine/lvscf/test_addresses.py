from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.lvscf import addresses
from lvsengine.lvscf.model import FloatingAddress
from lvsengine.lvscf.problems import Reason
from lvsengine.lvscf.refused import Refused


@given(st.ip_addresses())
def test_any_address_is_read_as_it_is_written(address: object) -> None:
    assert addresses.address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "10.0.0.300", "10.1", "010.0.0.1", "fe80::1%eth0", "10.0.0.1/24", "web"]
)
def test_what_is_no_address_is_refused_with_the_words_of_the_original(text: str) -> None:
    with pytest.raises(Refused) as caught:
        addresses.address(text)
    assert caught.value.reason is Reason.HOST
    assert str(caught.value) == (
        f"must be an IP address such as 192.0.2.10 or 2001:db8::10, not {text!r}"
    )


def test_zero_addresses_are_none_where_the_web_forms_write_them_so() -> None:
    assert addresses.address_or_none("0.0.0.0") is None
    assert addresses.address_or_none("::") is None
    assert addresses.address_or_none("192.0.2.1") == ip_address("192.0.2.1")


def test_the_primary_cannot_be_zero() -> None:
    assert addresses.set_address("192.0.2.1") == ip_address("192.0.2.1")
    with pytest.raises(Refused, match=r"must be an address of a director, not 0\.0\.0\.0"):
        addresses.set_address("0.0.0.0")


def test_several_addresses_stand_with_blanks_between_them() -> None:
    expected = (ip_address("192.0.2.1"), ip_address("2001:db8::1"))
    assert addresses.addresses("192.0.2.1  2001:db8::1") == expected
    assert addresses.addresses("") == ()
    assert len(addresses.addresses("192.0.2.1 " * 16)) == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("192.0.2.1 gateway", "must be an IP address such as"),
        ("192.0.2.1,192.0.2.2", "must be an IP address such as"),
        ("0.0.0.0", "must be addresses of machines, not 0.0.0.0"),
        ("fe80::1", "must be addresses of machines, not fe80::1"),
        ("192.0.2.1 224.0.0.1", "must be addresses of machines, not 224.0.0.1"),
        ("255.255.255.255", "must be addresses of machines, not 255.255.255.255"),
        ("192.0.2.1 " * 17, "must be at most 16 addresses; it has 17"),
    ],
)
def test_only_addresses_of_machines_are_listed(text: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        addresses.addresses(text)
    assert str(caught.value).startswith(said)


def test_a_multicast_group_is_none_or_multicast() -> None:
    assert addresses.multicast_group("0.0.0.0") is None
    for group in ("224.0.0.81", "ff02::81"):
        assert addresses.multicast_group(group) == ip_address(group)
    for bad in ("192.0.2.1", "2001:db8::1"):
        with pytest.raises(Refused, match="must be a multicast address such as"):
            addresses.multicast_group(bad)


@pytest.mark.parametrize("text", ["www", "www.example.com.", "a-b.example", "host_1", "1a"])
def test_these_could_be_host_names(text: str) -> None:
    assert addresses.is_host_name(text)


@pytest.mark.parametrize(
    "text", ["", "10.1", "-a", "a-", "a..b", "a b", "x" * 64, "2001:db8::1", "a." * 130]
)
def test_these_cannot_be_host_names(text: str) -> None:
    assert not addresses.is_host_name(text)


@given(st.integers(0, 32))
def test_a_netmask_is_read_as_the_prefix_that_writes_it(prefix: int) -> None:
    assert addresses.mask(addresses.dotted(prefix)) == prefix


def test_masks_may_be_prefix_lengths() -> None:
    assert addresses.mask("64") == addresses.mask("/64") == 64
    assert addresses.netmask("255.255.254.0") == 23
    assert addresses.netmask("0.0.0.0") is None


@pytest.mark.parametrize(
    "text", ["255.0.255.0", "255.255.255", "129", "255.255.255.256", "", "/", "0x18", "٣"]
)
def test_what_is_no_mask_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="must be a netmask such as") as caught:
        addresses.mask(text)
    assert caught.value.reason is Reason.MASK


def test_a_whole_client_address_is_no_mask_for_persistence() -> None:
    assert addresses.client_mask("255.255.255.255") is None
    assert addresses.client_mask("128") is None
    assert addresses.client_mask("32") == 32
    assert addresses.client_mask("255.255.255.0") == 24
    assert addresses.client_mask("0.0.0.0") is None


@pytest.mark.parametrize(
    "text", ["eth0", "eth0:1", "eth0.100:1", "bond0:shop", "a" * 15, "a" * 13 + ":1"]
)
def test_interfaces_and_aliases_are_devices(text: str) -> None:
    assert addresses.device(text) == text


@pytest.mark.parametrize("text", ["", "eth0:", ":1", "eth0:1:2", "eth/0", "eth 0", ".", "..", "é"])
def test_what_the_kernel_would_not_name_a_device_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="must be an interface such as eth0, or an alias"):
        addresses.device(text)


def test_an_alias_longer_than_the_kernel_keeps_is_refused() -> None:
    with pytest.raises(Refused, match=r"at most 15 characters.*has 16"):
        addresses.device("enp0s31f6bond0:1")


def test_where_an_interface_stands_no_alias_may() -> None:
    assert addresses.interface("eth0") == "eth0"
    with pytest.raises(Refused, match="must be an interface such as eth0, not 'eth0:1'"):
        addresses.interface("eth0:1")


def test_a_floating_address_is_an_address_and_a_device() -> None:
    assert addresses.floating_address("192.0.2.100 eth0:1") == FloatingAddress(
        ip_address("192.0.2.100"), "eth0:1"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("192.0.2.100", Reason.MISSING),
        ("192.0.2.100 eth0:1 x", Reason.SURPLUS),
        ("shop eth0:1", Reason.HOST),
        ("192.0.2.100 eth/0", Reason.ARGUMENT),
    ],
)
def test_half_a_floating_address_is_refused(text: str, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        addresses.floating_address(text)
    assert caught.value.reason is reason
