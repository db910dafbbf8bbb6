"""A file read with what is known of an earlier one: quicker, and the same in everything else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.lvscf.reading import Reading, read, refuse_names
from lvsengine.lvscf.syntax import parse

VIRTUAL = """\
virtual {name} {{
     active = 1
     address = 192.0.2.{number} eth0:{number}
     port = 80
     send = "GET / HTTP/1.0\\r\\n\\r\\n"
     protocol = tcp
     server one {{
         address = 10.9.9.{number}
         active = 1
         weight = 1
     }}
     server two {{
         address = 10.9.8.{number}
         active = 1
     }}
}}
"""
FILE = "serial_no = 1\nnat_router = 10.9.9.254 eth1:1\n" + "".join(
    VIRTUAL.format(name=name, number=number) for number, name in enumerate("abc", start=1)
)
LINES = FILE.splitlines()


def read_after(earlier: str, text: str) -> tuple[Reading, Reading]:
    first = read(parse(earlier, "lvs.cf"))
    return first, read(parse(text, "lvs.cf"), refuse_names, first.known)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: "# a line more\n" + text,
        lambda text: text.replace("weight = 1", "weight = 7", 1),
        lambda text: text.replace("weight = 1", "weight = x", 1),
        lambda text: text.replace("10.9.8.2", "10.9.9.2"),
        lambda text: "# a line more\n" + text.replace("192.0.2.3", "192.0.2.1"),
        lambda text: text.replace("virtual b", "virtual a"),
        lambda text: text.replace("nat_router = 10.9.9.254 eth1:1\n", "network = direct\n"),
        lambda text: text.removesuffix("}\n"),
    ],
)
def test_what_is_known_changes_neither_the_config_nor_a_problem_nor_its_line(
    change: Callable[[str], str],
) -> None:
    for earlier, text in [(FILE, change(FILE)), (change(FILE), FILE), (change(FILE),) * 2]:
        _, again = read_after(earlier, text)
        assert again == read(parse(text, "lvs.cf"))


@given(
    st.lists(
        st.tuples(st.integers(0, len(LINES)), st.sampled_from([*LINES, "weight = x", "active=1"])),
        max_size=4,
    ),
    st.sets(st.integers(0, len(LINES) - 1), max_size=4),
)
def test_whatever_lines_come_and_go_what_is_known_changes_nothing(
    added: list[tuple[int, str]], removed: set[int]
) -> None:
    lines = [line for number, line in enumerate(LINES) if number not in removed]
    for place, line in added:
        lines.insert(place, line)
    text = "\n".join([*lines, ""])
    for earlier, later in [(FILE, text), (text, FILE)]:
        _, again = read_after(earlier, later)
        assert again == read(parse(later, "lvs.cf"))


def test_a_virtual_server_whose_lines_are_the_same_is_not_read_again() -> None:
    first, again = read_after(FILE, "# above\n" + FILE.replace("10.9.9.2\n", "10.9.9.22\n"))
    assert first.config is not None
    assert again.config is not None
    pairs = zip(first.config.virtual_servers, again.config.virtual_servers, strict=True)
    assert [one is other for one, other in pairs] == [True, False, True]


def test_only_what_stands_in_the_file_and_has_no_problem_is_known() -> None:
    assert len(read(parse(FILE, "f")).known) == 3
    _, again = read_after(FILE, FILE.replace("10.9.9.2\n", "here\n"))
    assert len(again.known) == 2
