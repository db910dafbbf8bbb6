from __future__ import annotations

from collections.abc import Callable

import pytest

ProblemsOf = Callable[[str], list[str]]


def virtual(name: str, *settings: str, reals: tuple[str, ...] = ("10.0.0.1",)) -> str:
    """Write an enabled virtual server whose last-named settings count."""
    servers = [
        f"server r{number} {{\nactive = 1\naddress = {address}\n}}"
        for number, address in enumerate(reals)
    ]
    given = dict(setting.split(" = ") for setting in ("active = 1", *settings))
    return "\n".join(
        [
            f"virtual {name} {{",
            *(f"{key} = {value}" for key, value in given.items()),
            *servers,
            "}",
            "",
        ]
    )


def errors(said: list[str]) -> list[str]:
    return [line for line in said if " error: " in line]


DIRECT = "network = direct\n"
ONE = virtual("one", "address = 192.0.2.1 eth0:1")


@pytest.mark.parametrize(
    "other",
    [
        virtual("two", "address = 192.0.2.2 eth0:2"),
        virtual("two", "address = 192.0.2.1 eth0:1", "port = 81"),
        virtual("two", "address = 192.0.2.1 eth0:1", "protocol = udp", "send = x"),
        virtual("two", "address = 192.0.2.1 eth0:1", "active = 0"),
        virtual("two", "address = 192.0.2.1 eth0:1", "fwmark = 1", "persistent = 5"),
    ],
)
def test_virtual_servers_that_differ_can_be_together(other: str, problems_of: ProblemsOf) -> None:
    assert problems_of(DIRECT + ONE + other) == []


def test_two_cannot_offer_one_address_port_and_protocol(problems_of: ProblemsOf) -> None:
    (said,) = problems_of(DIRECT + ONE + ONE.replace("one", "two"))
    assert "192.0.2.1:80 tcp is already offered by virtual 'one' (line 2)" in said


def test_those_that_share_a_mark_agree_on_how_clients_are_spread(problems_of: ProblemsOf) -> None:
    first = virtual("a", "address = 192.0.2.1 eth0:1", "fwmark = 1", "persistent = 5")
    equal = virtual(
        "b", "address = 192.0.2.1 eth0:1", "port = 443", "fwmark = 1", "persistent = 5"
    )
    whole_mask = equal.replace("fwmark", "pmask = 255.255.255.255\nfwmark")
    other_family = virtual(
        "b", "address = fd00::1 eth0", "fwmark = 1", "persistent = 6", reals=("fd00::2",)
    )
    assert problems_of(DIRECT + first + equal) == []
    assert problems_of(DIRECT + first + whole_mask) == []
    assert problems_of(DIRECT + first + other_family) == []
    assert len(problems_of(DIRECT + first + equal.replace("= 5", "= 6"))) == 1


def test_an_alias_carries_one_address_the_nat_routers_too(problems_of: ProblemsOf) -> None:
    text = "nat_router = 10.0.0.254 eth0:1\n" + ONE
    (said,) = problems_of(text)
    assert "alias eth0:1 already carries 10.0.0.254 (line 1); give 192.0.2.1 another" in said
    assert errors(problems_of(DIRECT + text)) == []


def test_ipv6_addresses_share_a_device_for_they_have_no_aliases(problems_of: ProblemsOf) -> None:
    text = "".join(
        virtual(f"v{number}", f"address = fd00::{number} eth0:1", reals=("fd00::9",))
        for number in (1, 2)
    )
    assert problems_of(DIRECT + text) == []


def test_a_port_of_its_own_needs_nat(problems_of: ProblemsOf) -> None:
    ported = ONE.replace("address = 10.0.0.1", "address = 10.0.0.1\nport = 8080")
    assert problems_of("nat_router = 10.0.0.254 eth1:1\n" + ported) == []
    for network in ("direct", "tunnel"):
        (said,) = problems_of(f"network = {network}\n" + ported)
        assert said.startswith("lvs.cf:8: error: conflicting entries: port 8080 differs")
    assert len(problems_of("network = dirct\n" + ported)) == 1


def test_a_real_server_may_be_listed_again_by_another_port(problems_of: ProblemsOf) -> None:
    twice = virtual("one", "address = 192.0.2.1 eth0:1", reals=("10.0.0.1", "10.0.0.1"))
    nat = "nat_router = 10.0.0.254 eth1:1\n"
    assert len(errors(problems_of(nat + twice))) == 1
    assert problems_of(nat + twice.replace("server r1 {", "server r1 {\nport = 81")) == []
    asleep = twice.replace("server r1 {\nactive = 1", "server r1 {\nactive = 0")
    assert [errors(said := problems_of(nat + asleep)), len(said)] == [[], 1]


def test_servers_that_were_never_given_an_address_are_no_repetition(
    problems_of: ProblemsOf,
) -> None:
    blank = virtual("one", "address = 192.0.2.1 eth0:1", reals=("0.0.0.0", "0.0.0.0", "10.0.0.1"))
    text = DIRECT + blank.replace("active = 1\naddress = 0", "active = 0\naddress = 0")
    assert problems_of(text) == []


def test_only_a_tunnel_joins_two_families(problems_of: ProblemsOf) -> None:
    mixed = virtual("one", "address = 192.0.2.1 eth0:1", reals=("fd00::1",))
    assert problems_of("network = tunnel\n" + mixed) == []
    assert len(problems_of(DIRECT + mixed)) == 1
    assert len(problems_of("network = dirct\n" + mixed)) == 1


@pytest.mark.parametrize("address", ["0.0.0.0", "239.1.1.1", "255.255.255.255"])
def test_what_no_packet_reaches_is_neither_virtual_ip_nor_real_server(
    address: str, problems_of: ProblemsOf
) -> None:
    as_virtual = ONE.replace("192.0.2.1", address)
    as_real = ONE.replace("10.0.0.1", address)
    for text in (as_virtual, as_real):
        (said,) = problems_of(DIRECT + text)
        assert f"{address} cannot be a" in said
        assert errors(problems_of(DIRECT + text.replace("active = 1", "active = 0"))) == []


def test_a_virtual_server_is_not_its_own_real_server(problems_of: ProblemsOf) -> None:
    loop = ONE.replace("10.0.0.1", "192.0.2.1")
    other_port = loop.replace("server r0 {", "server r0 {\nport = 8080")
    marked = loop.replace(
        "active = 1\naddress", "active = 1\nfwmark = 1\npersistent = 5\naddress", 1
    )
    nat = "nat_router = 10.0.0.254 eth1:1\n"
    assert "is the virtual server itself" in problems_of(nat + loop)[0]
    assert problems_of(nat + other_port) == []
    assert problems_of(nat + marked) == []


def test_a_sorry_server_is_reachable_and_of_the_same_family(problems_of: ProblemsOf) -> None:
    for sorry, said in (
        ("10.0.0.9", []),
        ("0.0.0.0", []),
        ("239.1.1.1", ["239.1.1.1 cannot be a sorry server"]),
        ("255.255.255.255", ["255.255.255.255 cannot be a sorry server"]),
        ("fd00::9", ["fd00::9 and the virtual IP 192.0.2.1 are of different families"]),
    ):
        found = problems_of(DIRECT + ONE.replace("active", f"sorry_server = {sorry}\nactive", 1))
        assert len(found) == len(said)
        assert all(part in line for part, line in zip(said, found, strict=True))
