from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from lvsengine.health import RealServerKey
from lvsengine.lvscf.model import Config, FloatingAddress, RealServer, VirtualServer
from lvsengine.nanny.check import Definition
from lvsengine.nanny.plan import definition, plan
from lvsengine.net import Protocol

ONE = RealServer("one", ip_address("10.0.0.1"), enabled=True)
SHOP = VirtualServer(
    "shop",
    FloatingAddress(ip_address("192.0.2.100"), "eth0:1"),
    enabled=True,
    port=3128,
    real_servers=(ONE,),
)
WEB = replace(SHOP, port=80)
DNS = replace(SHOP, port=53, protocol=Protocol.UDP)


def asked(virtual: VirtualServer) -> tuple[str, str | None, str | None, str | None]:
    found = definition(virtual, ONE)
    return found.kind, found.send, found.expect, found.program


def test_only_enabled_real_servers_of_enabled_virtual_servers_are_checked() -> None:
    two = RealServer("two", ip_address("10.0.0.2"), enabled=False)
    shop = replace(SHOP, real_servers=(ONE, two))
    closed = replace(SHOP, name="closed", enabled=False)
    assert list(plan(Config(virtual_servers=(shop, closed)))) == [RealServerKey("shop", "one")]


def test_another_user_for_programs_changes_the_checks_that_run_one() -> None:
    before = Config(virtual_servers=(replace(SHOP, send_program="/usr/local/bin/ask %h"),))
    planned = plan(before)
    config = replace(before, script_user="checker")
    assert [one.user for one in planned.values()] == [""]
    assert [one.user for one in plan(config, before, planned).values()] == ["checker"]


def test_an_earlier_plan_saves_work_and_changes_nothing() -> None:
    opened = replace(SHOP, name="opened", enabled=False)
    dns = replace(DNS, name="dns")
    before = Config(virtual_servers=(SHOP, dns, opened))
    slower = replace(dns, timeout_s=20)
    config = Config(virtual_servers=(SHOP, slower, replace(opened, enabled=True)))
    planned = plan(before)
    again = plan(config, before, planned)
    key = RealServerKey("shop", "one")
    assert again == plan(config)
    assert again[key] is planned[key]


def test_neither_send_nor_expect_is_an_open_port() -> None:
    assert plan(Config(virtual_servers=(SHOP,))) == {
        RealServerKey("shop", "one"): Definition(
            "tcp_connect", ip_address("10.0.0.1"), 3128, timeout_s=10.0, interval_s=10.0, rise=18
        )
    }


@pytest.mark.parametrize(
    ("virtual", "expected"),
    [
        (WEB, ("send_expect", r"GET / HTTP/1.0\r\n\r\n", "HTTP", None)),
        (
            replace(WEB, send="", expect=""),
            ("send_expect", r"GET / HTTP/1.0\r\n\r\n", "HTTP", None),
        ),
        (replace(WEB, expect="OK"), ("send_expect", None, "OK", None)),
        (replace(SHOP, send="hello"), ("send_expect", "hello", None, None)),
        (
            replace(SHOP, send="hello", expect="OK", send_program="/bin/c %h"),
            ("send_program", None, "OK", "/bin/c %h"),
        ),
        (replace(SHOP, send_program=" "), ("tcp_connect", None, None, None)),
        (replace(DNS, send="q", expect="a"), ("send_expect", "q", "a", None)),
        (replace(DNS, send="q"), ("send_expect", "q", None, None)),
        (replace(DNS, send_program="dig"), ("send_program", None, None, "dig")),
        (DNS, ("none", None, None, None)),
        (replace(DNS, expect="a"), ("none", None, None, None)),
        (replace(WEB, protocol=Protocol.UDP), ("none", None, None, None)),
        (replace(WEB, protocol=Protocol.SCTP, send="q"), ("none", None, None, None)),
    ],
)
def test_the_keys_of_the_virtual_server_choose_the_check(
    virtual: VirtualServer, expected: tuple[str, str | None, str | None, str | None]
) -> None:
    assert asked(virtual) == expected


def test_the_web_rule_looks_at_the_virtual_port_and_asks_the_real_one() -> None:
    there = replace(ONE, port=8080)
    found = definition(WEB, there)
    assert (found.kind, found.port) == ("send_expect", 8080)
    assert definition(SHOP, replace(ONE, port=80)).kind == "tcp_connect"


@pytest.mark.parametrize(
    ("timeout_s", "reentry_s", "rise"), [(10, 180, 18), (6, 15, 2), (20, 15, 1), (0, 15, 15)]
)
def test_as_many_successes_bring_it_back_as_timeouts_fit_into_reentry(
    timeout_s: int, reentry_s: int, rise: int
) -> None:
    found = definition(replace(SHOP, timeout_s=timeout_s, reentry_s=reentry_s, fall=3), ONE)
    assert (found.rise, found.fall) == (rise, 3)
    assert found.timeout_s == found.interval_s == max(1, timeout_s)


def test_a_regex_means_something_only_with_an_expect() -> None:
    with_regex = replace(SHOP, use_regex=True)
    assert not definition(with_regex, ONE).use_regex
    assert definition(replace(with_regex, expect="HTTP/1.[01] 200"), ONE).use_regex


def test_two_real_servers_that_are_asked_the_same_are_one_check() -> None:
    other = replace(SHOP, name="other", scheduler="rr")
    planned = plan(Config(virtual_servers=(SHOP, other)))
    assert len(planned) == 2
    assert len(set(planned.values())) == 1
