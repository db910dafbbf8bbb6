from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.lvscf import rules, writing
from lvsengine.lvscf.keys import GLOBAL, KEYS, SERVER, VIRTUAL, Key, Section
from lvsengine.lvscf.model import (
    Config,
    Failover,
    FloatingAddress,
    Mode,
    RealServer,
    VirtualServer,
)
from lvsengine.lvscf.reading import read_text
from lvsengine.lvscf.rules import Refused
from lvsengine.net import Forwarding, Protocol

CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
# Texts that the format can hold: no double quote, so that there is always a way to quote them.
TEXTS = st.text(CHARACTERS, max_size=20).map(lambda text: text.replace('"', ""))
NAMES = TEXTS.filter(lambda text: bool(text.strip()))
DEVICES = st.from_regex(r"\Aeth[0-9](:[0-9])?\Z")
ADDRESSES = st.ip_addresses().filter(lambda address: not address.is_unspecified)
MACHINES = ADDRESSES.filter(
    lambda address: (
        not (address.is_multicast or address.is_link_local) and str(address) != "255.255.255.255"
    )
)
FLOATING = st.builds(FloatingAddress, ADDRESSES, DEVICES)


def values(key: Key) -> st.SearchStrategy[object]:
    """Draw what a key's field can hold."""
    samples = SAMPLES.get(key.rule)
    if samples is not None:
        return samples
    if key.rule is rules.boolean:
        return st.booleans()
    return st.integers(1, 255)


SAMPLES: dict[object, st.SearchStrategy[object]] = {
    rules.set_address: ADDRESSES,
    rules.address: ADDRESSES,
    rules.address_or_none: ADDRESSES,
    rules.floating_address: FLOATING,
    rules.addresses: st.lists(MACHINES, max_size=16).map(tuple),
    rules.multicast_group: st.just(ip_address("ff02::81")),
    rules.path: TEXTS.map(lambda text: f"/{text}" if text else ""),
    rules.text: TEXTS,
    rules.user: st.sampled_from(["", "checker", "_lvs-2"]),
    rules.interface: st.just("eth7"),
    rules.interval: st.floats(0.05, 86400).map(lambda number: round(number, 3)),
    rules.netmask: st.integers(1, 32),
    rules.client_mask: st.integers(1, 31),
    rules.scheduler: st.sampled_from(["rr", "wlc", "mh"]),
    rules.protocol: st.sampled_from(Protocol),
    rules.forwarding: st.sampled_from(Forwarding),
    rules.mode: st.sampled_from(Mode),
    rules.sysctl_file: st.sampled_from(["", "/etc/sysctl.conf", "/etc/sysctl.d/90-lvs.conf"]),
    rules.packet_filter_file: st.sampled_from(["", *rules.PACKET_FILTER_FILES]),
    rules.conflict_action: st.sampled_from(["nothing", "preempt"]),
}


# Enabled, most draws would make no sense together; a regular expression is tried when read.
LEFT_ALONE = {"kept", "enabled", "use_regex"}


def said(section: Section) -> st.SearchStrategy[dict[str, object]]:
    """Draw what one block says: any of its keys, with any value."""
    required: dict[str, st.SearchStrategy[object]] = {"name": NAMES} if section.value else {}
    optional = {}
    for key in KEYS[section].values():
        if key.name == "address" and section is not Section.FAILOVER:
            required[key.field] = values(key)
        elif key.field not in LEFT_ALONE:
            optional[key.field] = values(key)
    return st.fixed_dictionaries(required, optional=optional)


B = TypeVar("B", RealServer, VirtualServer, Failover)


def blocks(
    kind: Callable[..., B], section: Section, **more: st.SearchStrategy[object]
) -> st.SearchStrategy[tuple[B, ...]]:
    """Draw a few blocks of different names."""
    drawn = st.tuples(said(section), st.fixed_dictionaries(more))
    block = drawn.map(lambda parts: kind(**parts[0], **parts[1]))
    # One machine twice in a virtual server is an error.
    apart = (lambda item: item.name, lambda item: getattr(item, "address", item.name))
    return st.lists(block, max_size=2, unique_by=apart).map(tuple)


REALS = blocks(RealServer, Section.SERVER, enabled=st.booleans())
VIRTUALS = blocks(
    VirtualServer,
    Section.VIRTUAL,
    real_servers=REALS,
    kept=st.sampled_from([(), (("expect_program", '"a b"'), ("dirs", "[ /a /b ]"))]),
)
FAILOVERS = blocks(
    Failover,
    Section.FAILOVER,
    enabled=st.booleans(),
    kept=st.sampled_from([(), (("heartbeat", "1"),)]),
)


@given(said(Section.GLOBAL), VIRTUALS, FAILOVERS)
def test_what_is_written_is_read_as_it_was(
    given_keys: dict[str, object],
    virtuals: tuple[VirtualServer, ...],
    failovers: tuple[Failover, ...],
) -> None:
    kind: Callable[..., Config] = Config
    config = kind(**given_keys, virtual_servers=virtuals, failovers=failovers)
    reading = read_text(writing.write(config), "f")
    assert reading.config == config, list(map(str, reading.problems))


def test_the_canonical_layout_is_that_of_the_original(sound: str) -> None:
    config = read_text(sound, "f").config
    assert config is not None
    assert writing.write(config) == sound


def test_a_default_file_says_what_the_web_tool_always_says_and_nothing_of_ours() -> None:
    floating = FloatingAddress(ip_address("192.0.2.1"), "eth0:1")
    plain = VirtualServer("v", floating)
    assert "fall" not in writing.write(Config(virtual_servers=(plain,)))
    assert writing.write(Config()).splitlines() == [
        "serial_no = 0",
        "service = lvs",
        "backup_active = 0",
        "heartbeat = 0",
        "heartbeat_port = 539",
        "keepalive = 2",
        "deadtime = 5",
        "network = nat",
        "debug_level = NONE",
    ]
    assert "     fall = 3" in writing.virtual_lines(VirtualServer("v", floating, fall=3))


@pytest.mark.parametrize(
    ("key", "value", "family", "text"),
    [
        (SERVER["weight"], 5, 4, "5"),
        (SERVER["active"], True, 4, "1"),
        (SERVER["active"], False, 4, "0"),
        (GLOBAL["keepalive"], 0.5, 4, "0.5"),
        (GLOBAL["keepalive"], 6.0, 4, "6"),
        (GLOBAL["keepalive"], 10.0, 4, "10"),
        (GLOBAL["network"], Forwarding.DIRECT, 4, "direct"),
        (GLOBAL["nat_nmask"], 24, 4, "255.255.255.0"),
        (GLOBAL["nat_nmask"], 64, 6, "64"),
        (VIRTUAL["send"], r"GET /\r\n", 4, r'"GET /\r\n"'),
        (VIRTUAL["send"], "", 4, '""'),
        (VIRTUAL["send"], 'a"b', 4, 'a"b'),
        (VIRTUAL["send"], "'a \"b\"'", 4, "'a \"b\"'"),
        (GLOBAL["witness"], (), 4, '""'),
        (
            GLOBAL["witness"],
            (ip_address("10.0.0.1"), ip_address("fd00::1")),
            4,
            "10.0.0.1 fd00::1",
        ),
        (GLOBAL["syncd_group"], ip_address("224.0.0.9"), 4, "224.0.0.9"),
        (GLOBAL["heartbeat_key_file"], "/etc/a b", 4, '"/etc/a b"'),
        (GLOBAL["active_cmd"], "/bin/x", 4, "/bin/x"),
        (GLOBAL["active_cmd"], "/bin/x y", 4, '"/bin/x y"'),
        (GLOBAL["active_cmd"], '/bin/x "y"', 4, "'/bin/x \"y\"'"),
        (GLOBAL["active_cmd"], "", 4, '""'),
        (GLOBAL["active_cmd"], "'x'", 4, "\"'x'\""),
    ],
)
def test_a_value_is_written_as_its_key_wants_it(
    key: Key, value: object, family: int, text: str
) -> None:
    assert writing.text_of(key, value, family) == text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (VIRTUAL["send"], 'a "b"'),
        (VIRTUAL["send"], '"'),
        (VIRTUAL["send"], '"a"'),
        (GLOBAL["active_cmd"], "a \"b\" 'c'"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(key: Key, value: str) -> None:
    with pytest.raises(Refused, match="must not hold both blanks and this kind of quote"):
        writing.text_of(key, value)


def test_a_name_gets_quotes_where_it_needs_them() -> None:
    assert writing.name_text("[server_name]") == "[server_name]"
    for name in ("my shop", "#1", "a=b", "{", "it's"):
        assert writing.name_text(name) == f'"{name}"'
    with pytest.raises(Refused):
        writing.name_text('a"b')


def test_a_length_that_no_ipv4_mask_has_is_written_for_the_reader_to_refuse() -> None:
    assert writing.text_of(VIRTUAL["vip_nmask"], 64, family=4) == "64"
