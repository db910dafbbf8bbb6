from __future__ import annotations

from collections.abc import Callable

import pytest

ProblemsOf = Callable[[str], list[str]]

PAIR = "primary = 192.0.2.11\nbackup = 192.0.2.12\nbackup_active = 1\nnetwork = direct\n"
SHOP = (
    "virtual shop {\nactive = 1\naddress = 192.0.2.1 eth0:1\n{}\n"
    "server one {\nactive = 1\naddress = 10.0.0.1\n}\n}\n"
)


def shop(*settings: str) -> str:
    return "network = direct\n" + SHOP.replace("{}", "\n".join(settings))


def test_a_plain_file_needs_no_advice(problems_of: ProblemsOf) -> None:
    assert problems_of(PAIR + SHOP.replace("{}", "")) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("nat_router = 10.9.9.254 eth1:1\n", "", "network = nat without nat_router"),
        ("10.9.9.254", "10.9.9.2", "nat_router 10.9.9.2 is a director's own address"),
        ("network = nat", "network = tunnel", "nat_router does nothing with network = tunnel"),
        ("192.0.2.100", "192.0.2.12", "192.0.2.12 is a director's own address"),
        ("weight = 1", "weight = 0", "all real servers of virtual 'shop' have weight 0"),
        ("virtual shop", "virtual a/b", "the / in the name makes it hard"),
    ],
)
def test_one_change_to_a_sound_file_brings_one_advice(
    old: str, new: str, said: str, sound: str, problems_of: ProblemsOf
) -> None:
    (found,) = problems_of(sound.replace(old, new))
    assert f": warning: advice: {said}" in found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("nat_router = 10.9.9.254 eth1:1", "nat_router = x"),
        ("network = nat", "network = x"),
    ],
)
def test_nothing_is_advised_about_what_could_not_be_read(
    old: str, new: str, sound: str, problems_of: ProblemsOf
) -> None:
    (found,) = problems_of(sound.replace(old, new))
    assert ": error: " in found


def test_without_any_virtual_server_nat_needs_no_router(problems_of: ProblemsOf) -> None:
    assert problems_of("serial_no = 1\n") == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["fwmark = 5"], "a firewall mark without persistent"),
        (["pmask = 255.255.255.0"], "pmask does nothing without persistent"),
        (["sorry_server = 10.0.0.1"], "sorry_server 10.0.0.1 is one of the real servers"),
        (["reentry = 5"], "reentry 5 is shorter than timeout 10"),
        (["timeout = 200"], "reentry 180 is shorter than timeout 200"),
        (["load_monitor = snmp"], "load_monitor 'snmp' is not known"),
        (["use_regex = 1"], "use_regex = 1 does nothing without expect"),
        (["protocol = udp"], "real servers of udp are not checked without send"),
        (["protocol = sctp"], "real servers of sctp are not checked without send"),
        (['send_program = "/bin/check %h"'], "send_program without expect"),
        (['send_program = "check %h"', "expect = OK"], "send_program has no whole path"),
        (['send_program = " "', "expect = OK"], "send_program has no whole path"),
        (["send_program = /c", "expect = OK", "send = x"], "send is not used, for send_program"),
    ],
)
def test_a_virtual_server_is_looked_at_by_itself(
    settings: list[str], said: str, problems_of: ProblemsOf
) -> None:
    (found,) = problems_of(shop(*settings))
    assert f": warning: advice: {said}" in found


@pytest.mark.parametrize(
    "settings",
    [
        ["fwmark = 5", "persistent = 300", "pmask = 255.255.255.0"],
        ["sorry_server = 10.0.0.2"],
        ["reentry = 10"],
        ["protocol = udp", "send = x"],
        ["protocol = udp", "send_program = /c", "expect = OK"],
        ["protocol = udp", "send = x", "port = 539"],
        ["use_regex = 1", r'expect = "^HTTP/1\.[01] 200 \d+ [a-z]"'],
        ["use_regex = 0", 'expect = "(["'],
    ],
)
def test_what_will_do_as_meant_is_passed_over(
    settings: list[str], problems_of: ProblemsOf
) -> None:
    assert problems_of(shop(*settings)) == []


def test_a_heartbeat_shares_no_port_with_udp(problems_of: ProblemsOf) -> None:
    dns = SHOP.replace("{}", "protocol = udp\nsend = x\nport = 539")
    assert "UDP port 539 is the heartbeat's port too" in problems_of(PAIR + dns)[0]
    assert problems_of(PAIR + dns.replace("539", "53")) == []
    assert problems_of(PAIR + dns.replace("active = 1", "active = 0", 1)) == []


def test_somebody_should_be_there_to_answer(problems_of: ProblemsOf) -> None:
    nobody = shop().replace("server one {\nactive = 1", "server one {\nactive = 0")
    assert "virtual 'shop' has no enabled real server" in problems_of(nobody)[0]
    assert problems_of(nobody.replace("active = 1", "active = 0")) == []
    sorry = nobody.replace("active = 1", "active = 1\nsorry_server = 10.0.0.9", 1)
    assert problems_of(sorry) == []
    unread = nobody.replace("10.0.0.1\n", "10.0.0.300\n")
    assert len(problems_of(unread)) == 1


def test_a_virtual_ip_stands_on_an_alias_but_not_with_ipv6(problems_of: ProblemsOf) -> None:
    text = shop().replace("eth0:1", "eth0")
    assert "eth0 is no alias" in problems_of(text)[0]
    assert problems_of(text.replace("192.0.2.1", "fd00::1").replace("10.0.0.1", "fd00::2")) == []
    assert problems_of(text.replace("active = 1", "active = 0", 1)) == []


def test_the_port_stands_before_the_servers_that_inherit_it(problems_of: ProblemsOf) -> None:
    late = shop().replace("}\n}\n", "}\nport = 80\n}\n")
    assert "port stands after a server block" in problems_of(late)[0]
    assert problems_of(late.replace("10.0.0.1\n", "10.0.0.1\nport = 80\n")) == []


@pytest.mark.parametrize(
    ("expect", "why"),
    [
        ("([", "unterminated character set"),
        (r"[\\]", "unterminated character set"),
        ("(" * 3000, ""),
        ("a{1,99999999999}", ""),
    ],
)
def test_a_regular_expression_that_cannot_be_used_is_an_error(
    expect: str, why: str, problems_of: ProblemsOf
) -> None:
    (said,) = problems_of(shop("use_regex = 1", f'expect = "{expect}"'))
    assert "error: invalid argument: expect is not a regular expression: " in said
    assert why in said


@pytest.mark.parametrize("part", ["[=e=]", "[.hyphen.]"])
def test_posix_symbols_are_pointed_out_for_they_mean_something_else_here(
    part: str, problems_of: ProblemsOf
) -> None:
    (said,) = problems_of(shop("use_regex = 1", f'expect = "[{part}]+"'))
    assert f"warning: advice: expect holds {part}" in said


def test_posix_classes_are_understood(problems_of: ProblemsOf) -> None:
    assert problems_of(shop("use_regex = 1", 'expect = "[[:digit:]]+"')) == []
