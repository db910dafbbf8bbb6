from __future__ import annotations

from ipaddress import ip_address

import pytest

from lvsengine.errors import RuleError
from lvsengine.lvscf.keys import SERVER, VIRTUAL, Section
from lvsengine.lvscf.problems import Problems
from lvsengine.lvscf.syntax import parse
from lvsengine.lvscf.values import ValueReader, Values, value_text
from lvsengine.net import Address


class Directory:
    """A DNS that knows one name, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, name: str) -> Address:
        self.asked.append(name)
        if name != "one.example":
            raise RuleError("must be a name that is known, not {name}", name=name)
        return ip_address("10.0.0.1")


def read(
    text: str, section: Section, resolve: Directory | None = None
) -> tuple[Values, list[str]]:
    tree = parse(text, "f")
    problems = Problems("f")
    values = ValueReader(tree, problems, resolve or Directory()).read(tree.root, section)
    return values, [str(problem) for problem in problems.in_file_order()]


def test_values_are_read_by_the_rules_of_their_keys() -> None:
    values, said = read("weight = 5\nactive = 1\n", Section.SERVER)
    assert values.fields == {"weight": 5, "enabled": True}
    assert values.lines == {"weight": 1, "active": 2}
    assert (values.sound, values.bad, said) == (True, set(), [])


def test_a_value_against_its_rule_is_said_and_left_out() -> None:
    values, said = read("weight = heavy\nport = 80\n", Section.SERVER)
    assert values.fields == {"port": 80}
    assert (values.sound, values.bad) == (False, {"weight"})
    assert said == [
        "f:1: error: integer expected: weight must be a whole number from 0 to 65535, not 'heavy'"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("weight =\n", "f:1: error: missing arguments: weight has no value"),
        (
            "weight = 1 2\n",
            "f:1: error: unexpected arguments: weight takes one value; '2' is too much"
            " (a text with blanks needs double quotes)",
        ),
        (
            "wieght = 1\n",
            "f:1: error: unknown command: 'wieght' is no key of a server block;"
            " do you mean weight?",
        ),
        (
            "keepalive = 1\n",
            "f:1: error: unknown command: 'keepalive' is no key of a server block;"
            " it belongs in the global part",
        ),
        (
            "timeout = 1\n",
            "f:1: error: unknown command: 'timeout' is no key of a server block;"
            " it belongs in failover blocks or virtual blocks",
        ),
        (
            "virtual = 1\n",
            "f:1: error: unknown command: 'virtual' is no key of a server block;"
            " a block begins with `virtual NAME {` on a line, without an =",
        ),
        (
            "zzz = 1\n",
            "f:1: error: unknown command: 'zzz' is no key of a server block",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_a_way_out(text: str, said: str) -> None:
    values, problems = read(text, Section.SERVER)
    assert problems == [said]
    assert not values.sound


def test_an_address_with_a_device_needs_both_and_no_more() -> None:
    for text, reason in (("1.2.3.4", "missing"), ("1.2.3.4 eth0:1 x", "unexpected")):
        _, said = read(f"address = {text}\n", Section.VIRTUAL)
        assert said[0].startswith(f"f:1: error: {reason} arguments: address ")


def test_unknown_keys_without_end_are_answered_in_bounded_time() -> None:
    text = "".join(f"wieght{number} = 1\n" for number in range(2000)) + "x" * 9000 + " = 1\n"
    _, said = read(text, Section.SERVER)
    assert sum("do you mean" in line for line in said) == 50
    _, said = read("x" * 41 + " = 1\n", Section.SERVER)
    assert "do you mean" not in said[0]


def test_of_a_repeated_key_the_last_line_counts_as_in_the_original() -> None:
    values, said = read("weight = 1\nweight = 2\n", Section.SERVER)
    assert values.fields == {"weight": 2}
    assert values.lines == {"weight": 2}
    assert said == [
        "f:2: warning: conflicting entries: weight was already given in line 1; this line counts"
    ]


def test_a_number_in_eights_is_said_every_time() -> None:
    values, said = read("weight = 010\nweight = 010\n", Section.SERVER)
    assert values.fields == {"weight": 8}
    assert sum("counts by eights" in line for line in said) == 2


def test_numbers_may_be_quoted_as_in_the_original() -> None:
    assert read('weight = "6"\n', Section.SERVER)[0].fields == {"weight": 6}


def test_texts_for_the_wire_lose_double_quotes_and_keep_single_ones() -> None:
    values, said = read(
        "send = \"a 'b'\\r\"\nexpect = 'x'\nsend_program = /bin/x\n", Section.VIRTUAL
    )
    assert values.fields == {"send": r"a 'b'\r", "expect": "'x'", "send_program": "/bin/x"}
    assert len(said) == 1
    assert said[0].startswith("f:2: warning: quotation mismatch: expect is in single quotes")


def test_a_name_is_looked_up_once_and_the_address_advised() -> None:
    directory = Directory()
    values, said = read(
        "address = one.example\naddress = one.example\n", Section.SERVER, directory
    )
    assert values.fields == {"address": ip_address("10.0.0.1")}
    assert directory.asked == ["one.example"]
    assert said[0] == (
        "f:1: warning: invalid host name or ip address: one.example is a name; it is 10.0.0.1"
        " now. Write the address, so that the director starts without DNS"
    )


def test_a_name_that_is_not_known_is_refused_wherever_it_stands() -> None:
    directory = Directory()
    values, said = read(
        "address = two.example eth0:1\naddress = two.example eth0:2\n", Section.VIRTUAL, directory
    )
    assert not values.sound
    assert directory.asked == ["two.example"]
    assert (
        said[0] == "f:1: error: invalid host name or ip address:"
        " address must be a name that is known, not two.example"
    )
    assert len([line for line in said if "error" in line]) == 2


def test_a_sorry_server_is_an_address_and_never_a_name() -> None:
    directory = Directory()
    values, _ = read("sorry_server = one.example\n", Section.VIRTUAL, directory)
    assert not values.sound
    assert directory.asked == []


def test_keys_that_mean_nothing_are_kept_as_written() -> None:
    text = 'expect_program = "x y"\ndirs = [ /a\n /b # c\n]\nmaster = "m"\n'
    values, said = read(text, Section.VIRTUAL)
    assert values.fields == {
        "kept": (("expect_program", '"x y"'), ("dirs", "[ /a /b # c ]"), ("master", '"m"'))
    }
    assert [line[:22] for line in said] == [
        "f:1: warning: outdated", "f:2: warning: outdated", "f:5: warning: outdated",
    ]  # fmt: skip
    assert values.sound


def test_a_block_whose_lines_could_not_be_parsed_is_not_sound() -> None:
    assert not read("weight 5\n", Section.SERVER)[0].sound


def test_the_text_for_a_rule_is_the_words_without_quotes() -> None:
    assert value_text(SERVER["weight"], ('"5"',)) == "5"
    assert value_text(VIRTUAL["address"], ('"192.0.2.1"', "eth0:1")) == "192.0.2.1 eth0:1"
    assert value_text(VIRTUAL["send"], ('"a b"',)) == "a b"
    assert value_text(VIRTUAL["send"], ("'a b'",)) == "'a b'"
    with pytest.raises(IndexError):
        value_text(SERVER["weight"], ())
