from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.errors import EngineError
from lvsengine.lvscf import edits, reading
from lvsengine.lvscf.edits import Where
from lvsengine.lvscf.keys import KEYS, Section
from lvsengine.lvscf.model import Config, FloatingAddress, RealServer, VirtualServer
from lvsengine.lvscf.rules import Refused
from lvsengine.lvscf.syntax import Tree, parse

SHOP = Where("shop")
ONE = Where("shop", "one")
NEW_REAL = RealServer("two", ip_address("10.9.9.22"), enabled=True, weight=3)
NEW_VIRTUAL = VirtualServer("mail", FloatingAddress(ip_address("192.0.2.101"), "eth0:2"), port=25)

COMMENTED = """\
# Our shop. Ask Ann before you change it.
\tserial_no=7   # the web counts this

virtual  shop  {
   # public address
   address   =   192.0.2.100   eth0:1
   send = "GET /"   # a comment

   server one {
       weight = 1
       address = 10.9.9.21
   }
}
# end"""


def changed(before: Tree, after: Tree) -> list[str]:
    """List what differs, as a unified diff without its frame."""
    lines = difflib.unified_diff(
        str(before).splitlines(keepends=True), str(after).splitlines(keepends=True), n=0
    )
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def config_of(tree: Tree) -> Config:
    config = reading.read(tree).config
    assert config is not None
    return config


@pytest.fixture
def tree(sound: str) -> Tree:
    return parse(sound, "lvs.cf")


def test_a_weight_changes_its_line_and_the_counter_and_nothing_else(tree: Tree) -> None:
    after = edits.with_next_serial(edits.with_weight(tree, "shop", "one", 5))
    assert changed(tree, after) == [
        "-serial_no = 7\n",
        "+serial_no = 8\n",
        "-         weight = 1\n",
        "+         weight = 5\n",
    ]


def test_blanks_comments_and_glued_signs_around_a_value_stay() -> None:
    tree = parse(COMMENTED, "f")
    after = edits.with_next_serial(tree)
    after = edits.with_value(after, SHOP, "send", "HEAD /")
    after = edits.with_value(after, SHOP, "address", NEW_VIRTUAL.floating)
    assert [line for line in changed(tree, after) if line.startswith("+")] == [
        "+\tserial_no=8   # the web counts this\n",
        "+   address   =   192.0.2.101 eth0:2\n",
        '+   send = "HEAD /"   # a comment\n',
    ]


@pytest.mark.parametrize(
    ("where", "key", "value", "line"),
    [
        (Where(), "primary_shared", "/dev/sda1", "4+primary_shared = /dev/sda1"),
        (Where(), "udp_timeout", 30, "17+udp_timeout = 30"),
        (SHOP, "fall", 3, "31+     fall = 3"),
        (SHOP, "fwmark", 80, "21+     fwmark = 80"),
        (SHOP, "sorry_server", ip_address("10.9.9.9"), "20+     sorry_server = 10.9.9.9"),
        (SHOP, "pmask", 24, "22+     pmask = 255.255.255.0"),
        (ONE, "port", 8080, "34+         port = 8080"),
    ],
)
def test_a_new_key_comes_where_the_web_tool_would_write_it(
    tree: Tree, where: Where, key: str, value: object, line: str
) -> None:
    after = edits.with_value(tree, where, key, value)
    number, _, text = line.partition("+")
    assert changed(tree, after) == [f"+{text}\n"]
    assert str(after).splitlines()[int(number) - 1] == text


def test_a_first_key_comes_above_the_first_setting_or_block() -> None:
    after = edits.with_next_serial(parse("# note\nkeepalive = 6\n", "f"))
    assert str(after) == "# note\nserial_no = 1\nkeepalive = 6\n"
    after = edits.with_next_serial(parse("# note\nvirtual v {\n}\n", "f"))
    assert str(after) == "# note\nserial_no = 1\nvirtual v {\n}\n"
    assert str(edits.with_next_serial(parse("", "f"))) == "serial_no = 1\n"


def test_in_an_empty_block_the_indentation_is_canonical() -> None:
    text = "virtual v {\n     server s {\n     }\n}\nfailover f {\n}\n"
    after = edits.with_value(parse(text, "f"), Where("v"), "port", 81)
    after = edits.with_value(after, Where("v", "s"), "port", 82)
    after = edits.with_value(after, Where(failover="f"), "port", 83)
    assert str(after) == (
        "virtual v {\n     port = 81\n     server s {\n         port = 82\n     }\n}\n"
        "failover f {\n     port = 83\n}\n"
    )


def test_settings_go_above_the_servers_even_where_others_are_below() -> None:
    text = "virtual v {\nserver s {\n}\nactive = 1\n}\n"
    after = edits.with_value(parse(text, "f"), Where("v"), "port", 81)
    assert str(after) == text.replace("{\nserver", "{\nport = 81\nserver")


def test_a_value_of_several_words_is_replaced_as_a_whole() -> None:
    tree = parse("witness=192.0.2.1  192.0.2.2   # gateways\nkeepalive = 6\n", "f")
    other = (ip_address("192.0.2.3"),)
    after = edits.with_value(tree, Where(), "witness", other)
    assert str(after) == "witness=192.0.2.3   # gateways\nkeepalive = 6\n"
    assert config_of(after).witness == other
    none = edits.with_value(after, Where(), "witness", ())
    assert config_of(none).witness == ()
    assert edits.with_value(none, Where(), "witness", ()) is none


def test_a_new_line_keeps_clear_of_a_list() -> None:
    text = "virtual v {\n dirs = [ /a\n  /b ]\n}\n"
    after = edits.with_value(parse(text, "f"), Where("v"), "fall", 2)
    assert str(after) == text.replace("]\n", "]\n fall = 2\n")
    assert str(edits.without(parse(text, "f"), Where("v"), "dirs")) == "virtual v {\n}\n"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_new_lines_end_as_the_files_own(sound: str, end: str) -> None:
    tree = parse("\ufeff" + sound.replace("\n", end), "f")
    after = edits.with_value(tree, SHOP, "fall", 3)
    assert str(after).count(end) == str(tree).count(end) + 1
    assert str(after).startswith("\ufeff")


def test_a_last_line_without_end_gets_one_when_another_follows() -> None:
    after = edits.with_virtual(parse("keepalive = 6", "f"), NEW_VIRTUAL)
    assert str(after).startswith("keepalive = 6\nvirtual mail {\n")


def test_what_says_the_same_already_stays_as_it_is(tree: Tree) -> None:
    odd = parse(str(tree).replace("weight = 1", "weight = 0x1"), "f")
    assert edits.with_weight(odd, "shop", "one", 1) == odd
    assert edits.with_value(tree, SHOP, "expect", "HTTP") == tree


@pytest.mark.parametrize("line", ["weight =", "weight = x", "weight=", "weight = 1\nweight = 2"])
def test_a_bad_or_repeated_value_can_be_mended(line: str) -> None:
    tree = parse(f"virtual v {{\nserver s {{\naddress = 10.0.0.1\n{line}\n}}\n}}\n", "f")
    after = edits.with_weight(tree, "v", "s", 9)
    (block,) = after.root.blocks[0].blocks
    assert after.lines[block.settings[-1]].values == ("9",)
    assert len(changed(tree, after)) == 2


def test_taking_a_key_away_takes_all_its_lines(tree: Tree) -> None:
    twice = parse(str(tree).replace("deadtime = 18\n", "deadtime = 18\ndeadtime = 19\n"), "f")
    after = edits.with_value(twice, Where(), "deadtime", None)
    assert changed(twice, after) == ["-deadtime = 18\n", "-deadtime = 19\n"]
    assert edits.without(after, Where(), "deadtime") == after


def test_masks_are_written_in_the_form_of_the_blocks_address(tree: Tree) -> None:
    v6 = parse(str(tree).replace("192.0.2.100", "fd00::1").replace("10.9.9.254", "fd00::2"), "f")
    for where, key in ((SHOP, "vip_nmask"), (Where(), "nat_nmask")):
        assert changed(v6, edits.with_value(v6, where, key, 64))[1].endswith(f"{key} = 64\n")
        assert changed(tree, edits.with_value(tree, where, key, 25))[1].endswith("255.128\n")


@pytest.mark.parametrize("number", ["2147483647", "x"])
def test_a_counter_at_its_end_or_in_disorder_begins_anew(number: str) -> None:
    tree = parse(f"serial_no = {number}\n", "f")
    assert str(edits.with_next_serial(tree)) == "serial_no = 1\n"


def test_a_real_server_is_added_after_the_last_as_its_neighbours_are_written(tree: Tree) -> None:
    after = edits.with_real(tree, "shop", NEW_REAL)
    assert changed(tree, after) == [
        "+     server two {\n",
        "+         address = 10.9.9.22\n",
        "+         active = 1\n",
        "+         weight = 3\n",
        "+     }\n",
    ]
    assert config_of(after).virtual_servers[0].real_servers[1] == NEW_REAL

    commented = parse(COMMENTED, "f")
    after = edits.with_real(commented, "shop", NEW_REAL)
    assert changed(commented, after) == [
        "+\n",
        "+   server two {\n",
        "+       address = 10.9.9.22\n",
        "+       active = 1\n",
        "+       weight = 3\n",
        "+   }\n",
    ]


def test_a_first_real_server_is_indented_as_its_virtual_servers_settings() -> None:
    after = edits.with_real(parse("virtual v {\n  port = 80\n}\n", "f"), "v", NEW_REAL)
    assert "\n  server two {\n      address = 10.9.9.22\n" in str(after)
    after = edits.with_real(parse("virtual v {\n}\n", "f"), "v", NEW_REAL)
    assert "\n     server two {\n         address = 10.9.9.22\n" in str(after)


def test_an_unindented_file_stays_one() -> None:
    text = "virtual v {\nport = 80\nserver s {\nweight = 1\n}\n}\n"
    after = edits.with_real(parse(text, "f"), "v", NEW_REAL)
    assert "}\nserver two {\naddress = 10.9.9.22\n" in str(after)
    assert "\nserver two {\n    a" in str(
        edits.with_real(parse("virtual v {\nport = 80\n}\n", "f"), "v", NEW_REAL)
    )


def test_a_virtual_server_is_added_after_the_last_block(tree: Tree) -> None:
    after = edits.with_virtual(tree, replace(NEW_VIRTUAL, real_servers=(NEW_REAL,)))
    assert config_of(after).virtual_servers[1].real_servers == (NEW_REAL,)
    assert str(after).startswith(str(tree))
    commented = parse(COMMENTED, "f")
    after = edits.with_virtual(commented, NEW_VIRTUAL)
    assert "}\n\nvirtual mail {\n   active = 0\n" in str(after)
    assert str(after).endswith("}\n# end")


def test_a_block_is_removed_with_all_that_is_in_it(tree: Tree) -> None:
    after = edits.without_block(tree, ONE)
    assert config_of(after).virtual_servers[0].real_servers == ()
    assert len(changed(tree, after)) == 5
    after = edits.without_block(tree, SHOP)
    assert str(tree).startswith(str(after))
    assert config_of(after).virtual_servers == ()


def test_a_rename_changes_the_name_alone() -> None:
    tree = parse(COMMENTED, "f")
    after = edits.renamed(tree, SHOP, "our shop")
    assert changed(tree, after) == ["-virtual  shop  {\n", '+virtual  "our shop"  {\n']
    after = edits.renamed(after, Where("our shop", "one"), "uno")
    assert after.root.blocks[0].blocks[0].name == "uno"
    assert edits.renamed(tree, SHOP, "shop") == tree


def test_a_failover_block_can_be_renamed_and_removed() -> None:
    tree = parse("failover web {\n}\n", "f")
    assert str(edits.renamed(tree, Where(failover="web"), "x")) == "failover x {\n}\n"
    assert str(edits.without_block(tree, Where(failover="web"))) == ""


def test_a_name_that_is_taken_is_not_given_again(tree: Tree) -> None:
    two = edits.with_real(tree, "shop", NEW_REAL)
    attempts: list[Callable[[], Tree]] = [
        lambda: edits.with_real(two, "shop", NEW_REAL),
        lambda: edits.with_virtual(two, replace(NEW_VIRTUAL, name="shop")),
        lambda: edits.renamed(two, ONE, "two"),
    ]
    for attempt in attempts:
        with pytest.raises(EngineError, match="there is already a") as caught:
            attempt()
        assert caught.value.code == "already-there"


def test_what_is_not_there_cannot_be_changed(tree: Tree) -> None:
    for where, said in (
        (Where("nope"), "there is no virtual 'nope'"),
        (Where("shop", "nope"), "there is no server 'nope' in virtual 'shop'"),
        (Where(failover="nope"), "there is no failover 'nope'"),
    ):
        with pytest.raises(EngineError, match=said) as caught:
            edits.with_value(tree, where, "port", 1)
        assert caught.value.code == "no-such-entry"
    with pytest.raises(EngineError, match="the global part is no block"):
        edits.without_block(tree, Where())


def test_a_file_with_broken_blocks_is_left_to_its_owner(sound: str) -> None:
    with pytest.raises(EngineError, match="cannot be changed: f:35: error") as caught:
        edits.with_weight(parse(sound.removesuffix("}\n"), "f"), "shop", "one", 5)
    assert caught.value.code == "not-sound"


def test_a_value_that_would_break_out_of_its_line_is_refused(tree: Tree) -> None:
    with pytest.raises(Refused):
        edits.renamed(tree, SHOP, 'x" {\n}')
    with pytest.raises(Refused):
        edits.with_value(tree, SHOP, "send", 'a "b"')
    with pytest.raises(Refused, match="control characters"):
        edits.with_value(tree, SHOP, "send", "a\nactive = 0")
    with pytest.raises(Refused, match="must be from 0 to 65535, not 70000"):
        edits.with_weight(tree, "shop", "one", 70000)


@pytest.mark.parametrize(
    ("where", "section"),
    [
        (Where(), Section.GLOBAL),
        (SHOP, Section.VIRTUAL),
        (ONE, Section.SERVER),
        (Where(failover="f"), Section.FAILOVER),
    ],
)
def test_a_place_knows_its_keys(where: Where, section: Section) -> None:
    assert where.section is section


NOISE = st.sampled_from(["", "# note", "   ", "\t# x = 1", "# virtual v {"])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
CHANGES = st.sampled_from(
    [
        (Where(), "keepalive", 3.5),
        (Where(), "serial_no", 9),
        (SHOP, "fall", 4),
        (SHOP, "scheduler", "rr"),
        (SHOP, "send", "x"),
        (SHOP, "send", None),
        (ONE, "weight", 7),
        (ONE, "port", 81),
        (ONE, "port", None),
    ]
)


@given(
    noise=st.lists(st.tuples(st.integers(0, 40), NOISE), max_size=15),
    end=ENDS,
    change=CHANGES,
)
def test_any_edit_keeps_every_other_line(
    noise: list[tuple[int, str]], end: str, change: tuple[Where, str, object]
) -> None:
    lines = COMMENTED.splitlines()
    for place, text in noise:
        lines.insert(min(place, len(lines)), text)
    tree = parse(end.join(lines) + end, "f")
    where, key, value = change

    after = edits.with_value(tree, where, key, value)

    others = [line for line in tree.lines if line.key != key]
    kept = iter(after.lines)
    assert all(line in kept for line in others)
    assert abs(len(after.lines) - len(tree.lines)) <= 1
    row = KEYS[where.section][key]
    assert value is None or any(
        line.key == key and row.rule(" ".join(line.values).strip('"')) == value
        for line in after.lines
    )


def test_the_serial_number_passes_that_of_another_file() -> None:
    tree = parse("serial_no = 3\n", "lvs.cf")
    assert str(edits.with_next_serial(tree, after=9)) == "serial_no = 10\n"
    assert str(edits.with_next_serial(tree, after=1)) == "serial_no = 4\n"


def test_the_serial_number_of_an_unsound_file_is_read_all_the_same() -> None:
    assert edits.serial(parse("serial_no = 7\nvirtual x {\n", "lvs.cf")) == 7
    assert edits.serial(parse("serial_no = many\n", "lvs.cf")) == 0
