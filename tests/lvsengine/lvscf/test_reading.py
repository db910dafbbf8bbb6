from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.lvscf.model import Config, Mode
from lvsengine.lvscf.reading import read, read_text
from lvsengine.lvscf.syntax import parse
from lvsengine.net import Forwarding, Protocol

ProblemsOf = Callable[[str], list[str]]
SAMPLES = Path(__file__).parent / "samples"


def config_of(text: str) -> Config:
    config = read_text(text, "lvs.cf").config
    assert config is not None
    return config


def test_a_sound_file_becomes_a_config_without_a_word(sound: str, problems_of: ProblemsOf) -> None:
    config = config_of(sound)
    (shop,) = config.virtual_servers
    (one,) = shop.real_servers

    assert problems_of(sound) == []
    assert (config.primary, config.network) == (ip_address("192.0.2.11"), Forwarding.NAT)
    assert (config.keepalive_s, config.deadtime_s, config.nat_netmask) == (6.0, 18.0, 24)
    assert (shop.name, shop.address, shop.floating.device) == (
        "shop", ip_address("192.0.2.100"), "eth0:1",
    )  # fmt: skip
    assert (shop.enabled, shop.protocol, shop.send) == (
        True, Protocol.TCP, r"GET / HTTP/1.0\r\n\r\n",
    )  # fmt: skip
    assert (one.name, one.weight, shop.port_of(one)) == ("one", 1, 80)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.cf")), ids=lambda path: path.stem)
def test_each_sample_gives_exactly_the_problems_written_beside_it(sample: Path) -> None:
    said = read_text(sample.read_bytes().decode("utf-8", "surrogateescape"), sample.name).problems
    assert [str(problem) for problem in said] == sample.with_suffix(".said").read_text(
        "utf-8"
    ).splitlines()


def test_the_example_that_comes_along_is_sound_and_needs_no_advice(
    problems_of: ProblemsOf,
) -> None:
    example = Path(__file__).parents[3] / "deploy" / "lvs.cf.example"
    assert problems_of(example.read_text("utf-8")) == []


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_odd_line_ends_and_a_byte_order_mark_change_nothing_but_are_said(
    sound: str, end: str
) -> None:
    reading = read_text("\ufeff" + sound.replace("\n", end), "lvs.cf")
    assert reading.config == config_of(sound)
    assert len(reading.problems) == 2


def test_the_glued_and_commented_lines_of_files_in_the_wild_are_read(sound: str) -> None:
    wild = sound.replace("active = 1\n", "active=1   # yes\n").replace("     ", "\t")
    reading = read_text(wild, "lvs.cf")
    assert reading.config == config_of(sound)
    assert len(reading.problems) == 6  # backup_active ends so too


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_a_file_that_says_nothing_is_an_empty_configuration(
    text: str, problems_of: ProblemsOf
) -> None:
    (said,) = problems_of(text)
    assert said.startswith("lvs.cf:0: error: Empty configuration: ")


def test_a_file_whose_only_line_is_bad_is_not_called_empty(problems_of: ProblemsOf) -> None:
    assert len(problems_of("keepalive 6\n")) == 1


def test_a_name_that_could_not_be_written_again_is_refused(problems_of: ProblemsOf) -> None:
    (said,) = problems_of('virtual a"b {\naddress = 192.0.2.1 eth0:1\n}\nnetwork = direct\n')
    assert said.startswith("lvs.cf:1: error: invalid argument: a name must be a name without")


def test_there_is_no_config_while_there_is_an_error(sound: str) -> None:
    assert read(parse(sound.replace("weight = 1", "weight = x"), "f")).config is None


def test_names_are_looked_up_only_by_who_is_given_for_it(
    sound: str, problems_of: ProblemsOf
) -> None:
    named = sound.replace("192.0.2.11", "one.example")
    assert "names are not looked up; not 'one.example'" in problems_of(named)[0]
    reading = read_text(named, "f", lambda _: ip_address("192.0.2.11"))
    assert reading.config == config_of(sound)


def test_failover_blocks_are_read_with_all_their_keys() -> None:
    config = config_of(
        "service = fos\nfailover web {\naddress = 192.0.2.1 eth0:1\nvip_nmask = 255.255.255.0\n"
        'active = 1\nport = http\ntimeout = 6\nsend = "a"\nexpect = "b"\nsend_program = "/c"\n'
        'start_cmd = "/etc/rc.d/init.d/httpd start"\nstop_cmd = "x stop"\nheartbeat = 1\n'
        "scheduler = rr\n}\nfailover bare {\n}\n"
    )
    web, bare = config.failovers
    assert config.service is Mode.FOS
    assert (web.enabled, web.port, web.netmask, web.timeout_s) == (True, 80, 24, 6)
    assert (web.start_cmd, web.stop_cmd) == ("/etc/rc.d/init.d/httpd start", "x stop")
    assert web.kept == (("heartbeat", "1"), ("scheduler", "rr"))
    assert (bare.name, bare.floating) == ("bare", None)


def test_ipv6_stands_wherever_an_address_stands() -> None:
    config = config_of(
        "primary = 2001:db8::1\nbackup = 2001:db8::2\nbackup_active = 1\nnat_nmask = 64\n"
        "nat_router = fd00::1 eth1\nvirtual v {\nactive = 1\naddress = 2001:db8::100 eth0\n"
        "vip_nmask = 64\npersistent = 60\npmask = 56\nsorry_server = fd00::9\n"
        "server s {\nactive = 1\naddress = fd00::21\n}\n}\n"
    )
    (virtual,) = config.virtual_servers
    assert (virtual.netmask, virtual.persistence_prefix, config.nat_netmask) == (64, 56, 64)
    assert virtual.sorry_server == ip_address("fd00::9")


@pytest.mark.parametrize(
    ("address", "mask", "said"),
    [
        ("192.0.2.1", "255.255.255.0", None),
        ("192.0.2.1", "24", "warning: Bad subnet mask specified: vip_nmask = 24: the original"),
        ("192.0.2.1", "64", "error: Bad subnet mask specified: vip_nmask = 64 does not fit"),
        ("2001:db8::1", "64", None),
        ("2001:db8::1", '"64"', None),
        ("2001:db8::1", "255.255.255.0", "error: Bad subnet mask specified: vip_nmask = 255.255"),
        ("2001:db8::1", "x", "error: Bad subnet mask specified: vip_nmask must be"),
    ],
)
def test_a_mask_has_the_form_of_its_addresss_family(
    address: str, mask: str, said: str | None, problems_of: ProblemsOf
) -> None:
    text = f"network = direct\nvirtual v {{\naddress = {address} eth0\nvip_nmask = {mask}\n}}\n"
    problems = problems_of(text)
    assert len(problems) == (0 if said is None else 1)
    assert said is None or problems[0].startswith(f"lvs.cf:4: {said}")


def test_the_nat_routers_mask_is_held_to_its_address_too(problems_of: ProblemsOf) -> None:
    (said,) = problems_of("nat_router = fd00::1 eth1\nnat_nmask = 255.255.255.0\n")
    assert said.startswith("lvs.cf:2: error: Bad subnet mask specified: nat_nmask = 255")


lines = st.sampled_from(
    [
        "primary = 192.0.2.1", "network = direct", "virtual a {", "virtual b{", "server c {",
        "failover d {", "}", "active = 1", "address = 10.0.0.1", "address = 192.0.2.9 eth0:1",
        "address = fd00::1 eth0", "fwmark = 1", "port = 8080", "weight = 0", "pmask = 64",
        'expect = "(["', "use_regex = 1", "send_program = x", "dirs [", "]", "nmask = 5",
        "deadtime = 1", "keepalive = 9", "persistent = 5", "protocol = udp", "sorry_server = ::",
    ]
)  # fmt: skip


@given(st.lists(lines, max_size=30).map("\n".join))
def test_whatever_a_file_says_there_is_a_config_or_an_error(text: str) -> None:
    reading = read_text(text, "f")
    errors = [problem for problem in reading.problems if problem.severity.value == "error"]
    assert (reading.config is None) == bool(errors)
    numbers = [problem.place.line for problem in reading.problems]
    assert numbers == sorted(numbers)
    assert all(0 <= number <= text.count("\n") + 1 for number in numbers)


@given(st.binary())
def test_random_bytes_never_raise(data: bytes) -> None:
    read_text(data.decode("utf-8", "surrogateescape"), "f")


def test_a_file_of_ten_megabytes_of_nonsense_is_answered_with_so_many_problems() -> None:
    reading = read_text("".join(f"nonsense{number} 1\n" for number in range(550_000)), "f")
    assert reading.config is None
    assert len(reading.problems) == 1001
