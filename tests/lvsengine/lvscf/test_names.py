from __future__ import annotations

import threading
from ipaddress import ip_address

import pytest

from lvsengine.lvscf.names import Resolver, system_lookup
from lvsengine.lvscf.problems import Reason
from lvsengine.lvscf.refused import Refused


def test_a_name_becomes_the_first_address_of_the_answer() -> None:
    resolver = Resolver(lookup=lambda _: ["192.0.2.1", "192.0.2.2"])
    assert resolver("www.example") == ip_address("192.0.2.1")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError("no such name"), "no such name"),
        (UnicodeError("label too long"), "label too long"),
    ],
)
def test_a_name_without_address_is_refused_with_the_resolvers_word(
    error: Exception, why: str
) -> None:
    def lookup(_: str) -> list[str]:
        raise error

    with pytest.raises(Refused, match=why) as caught:
        Resolver(lookup=lookup)("www.example")
    assert caught.value.reason is Reason.HOST


def test_an_empty_answer_is_no_address() -> None:
    with pytest.raises(Refused, match="empty answer"):
        Resolver(lookup=lambda _: [])("www.example")


def test_a_dns_that_does_not_answer_costs_the_deadline_once_for_all_names() -> None:
    answer = threading.Event()
    asked = []

    def lookup(name: str) -> list[str]:
        asked.append(name)
        answer.wait(10)
        return ["192.0.2.1"]

    resolver = Resolver(deadline_s=0.05, lookup=lookup)
    for name in ("one.example", "two.example"):
        with pytest.raises(Refused, match=r"could not be looked up within 0\.05 s"):
            resolver(name)
    answer.set()
    assert asked == ["one.example"]


def test_the_system_knows_this_host_by_ipv4_first() -> None:
    assert system_lookup("localhost")[0] in ("127.0.0.1", "::1")
