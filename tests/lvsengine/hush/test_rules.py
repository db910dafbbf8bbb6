from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from lvsengine.hush.rules import (
    NFT_REMOVAL,
    Hush,
    hush_of,
    iptables_removal,
    iptables_rules,
    nft_rules,
)
from lvsengine.lvscf.model import Config, FloatingAddress, RealServer, VirtualServer
from lvsengine.net import Forwarding

V4, V6 = ip_address("192.168.26.10"), ip_address("2001:db8:26::10")
REAL4, REAL6 = ip_address("10.11.12.1"), ip_address("2001:db8:11::1")
HUSH = Hush((V4, V6), ((REAL4, 80), (REAL6, 8080)))
THE_LIST = "--name piranha_hush --mask 0.0.0.0 --rsource"
OFF = f"-A PIRANHA-HUSH -m recent ! --rcheck --seconds 5 {THE_LIST} -j RETURN\n"

WEB = VirtualServer(
    "web",
    FloatingAddress(V4, "eth0:1"),
    enabled=True,
    port=80,
    real_servers=(RealServer("one", REAL4), RealServer("two", REAL4, port=8080)),
)


def test_behind_nat_the_real_servers_ends_are_quiet_too() -> None:
    config = Config(network=Forwarding.NAT, virtual_servers=(WEB,))
    assert hush_of(config) == Hush((V4,), ((REAL4, 80), (REAL4, 8080)))


def test_the_sorry_server_is_one_of_them() -> None:
    sorry = replace(WEB, real_servers=(), sorry_server=REAL4)
    assert hush_of(Config(virtual_servers=(sorry,))).real == ((REAL4, 80),)


def test_with_direct_routing_only_the_virtual_ips_are_quiet() -> None:
    config = Config(network=Forwarding.DIRECT, virtual_servers=(WEB, WEB))
    assert hush_of(config) == Hush((V4,), ())


def test_a_disabled_virtual_server_has_no_part() -> None:
    config = Config(virtual_servers=(replace(WEB, enabled=False),))
    assert hush_of(config) == Hush()


def test_nft_replaces_what_was_there_and_forgets_by_itself() -> None:
    assert nft_rules(HUSH, 5) == (
        NFT_REMOVAL
        + """\
table inet piranha_hush {
	set virtual4 { type ipv4_addr; flags timeout; elements = { 192.168.26.10 timeout 5s }; }
	set real4 { type ipv4_addr . inet_service; flags timeout; \
elements = { 10.11.12.1 . 80 timeout 5s }; }
	set virtual6 { type ipv6_addr; flags timeout; elements = { 2001:db8:26::10 timeout 5s }; }
	set real6 { type ipv6_addr . inet_service; flags timeout; \
elements = { 2001:db8:11::1 . 8080 timeout 5s }; }
	chain output {
		type filter hook output priority 0; policy accept;
		ip saddr @virtual4 tcp flags & rst == rst drop
		ip6 saddr @virtual6 tcp flags & rst == rst drop
	}
	chain postrouting {
		type filter hook postrouting priority -150; policy accept;
		ip saddr . tcp sport @real4 drop
		ip6 saddr . tcp sport @real6 drop
	}
}
"""
    )


def test_a_set_without_members_is_empty() -> None:
    assert "set real6 { type ipv6_addr . inet_service; flags timeout; }" in nft_rules(Hush(), 5)


def test_iptables_has_chains_of_its_own_and_rules_in_force_for_seconds_after_a_switch() -> None:
    assert iptables_rules(HUSH, 4, 5) == (
        "*filter\n"
        ":PIRANHA-HUSH - [0:0]\n"
        f"-A PIRANHA-HUSH -m mark --mark 0x50495201 -m recent --set {THE_LIST} -j DROP\n"
        f"-A PIRANHA-HUSH -m mark --mark 0x50495202 -m recent --remove {THE_LIST}\n"
        "-A PIRANHA-HUSH -m mark --mark 0x50495202 -j DROP\n"
        + OFF
        + "-A PIRANHA-HUSH -s 192.168.26.10 -p tcp --tcp-flags RST RST -j DROP\n"
        "-I OUTPUT -j PIRANHA-HUSH\n"
        "COMMIT\n"
        "*mangle\n"
        ":PIRANHA-HUSH - [0:0]\n"
        + OFF
        + "-A PIRANHA-HUSH -s 10.11.12.1 -p tcp --sport 80 -j DROP\n"
        "-I POSTROUTING -j PIRANHA-HUSH\n"
        "COMMIT\n"
    )


def test_the_switch_is_the_address_that_all_addresses_are_under_its_mask() -> None:
    rules = iptables_rules(HUSH, 6, 5)
    assert "-m recent --set --name piranha_hush6 --mask :: --rsource -j DROP" in rules
    assert "--seconds 5 --name piranha_hush6 --mask :: --rsource -j RETURN" in rules


def test_ip6tables_gets_the_other_family() -> None:
    rules = iptables_rules(HUSH, 6, 5)
    assert "-s 2001:db8:26::10 " in rules
    assert "-s 2001:db8:11::1 -p tcp --sport 8080 " in rules
    assert "192.168" not in rules


def test_what_was_put_in_is_taken_out_of_each_table() -> None:
    assert iptables_removal("mangle") == (
        "*mangle\n-D POSTROUTING -j PIRANHA-HUSH\n-F PIRANHA-HUSH\n-X PIRANHA-HUSH\nCOMMIT\n"
    )


def test_both_tables_can_be_undone_at_once() -> None:
    both = iptables_removal("filter", "mangle")
    assert both == iptables_removal("filter") + iptables_removal("mangle")
