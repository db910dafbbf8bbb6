from __future__ import annotations

from lvsengine.lvscf.compare import Difference, compare
from lvsengine.lvscf.syntax import Tree, parse

FILE = """\
keepalive = 6
odd = one two
primary =
virtual shop {
     address = 192.0.2.100 eth0:1
     send = "GET /"
     server one {
         address = 10.9.9.21
         weight = 1
     }
}
"""


def tree(text: str) -> Tree:
    return parse(text, "lvs.cf")


def test_a_file_does_not_differ_from_itself_written_otherwise() -> None:
    other = "# a comment\n" + FILE.replace("     ", "\t").replace(
        "keepalive = 6", "keepalive  =  6"
    )
    assert compare(tree(FILE), tree(other)) == ()


def test_a_changed_value_is_told_with_its_place() -> None:
    changed = FILE.replace("weight = 1", "weight = 5").replace('"GET /"', '"HEAD /"')
    assert compare(tree(FILE), tree(changed)) == (
        Difference("virtual shop", "send", "GET /", "HEAD /"),
        Difference("virtual shop server one", "weight", "1", "5"),
    )


def test_a_key_that_came_or_went_has_one_side_only() -> None:
    changed = FILE.replace("keepalive = 6", "deadtime = 18")
    assert compare(tree(FILE), tree(changed)) == (
        Difference("", "deadtime", None, "18"),
        Difference("", "keepalive", "6", None),
    )


def test_a_new_block_is_told_by_itself_and_with_its_keys() -> None:
    changed = FILE.replace("     }\n}", "     }\n     server two {\n     }\n}")
    assert compare(tree(FILE), tree(changed)) == (
        Difference("virtual shop server two", "", None, "two"),
    )


def test_unknown_keys_are_compared_too() -> None:
    assert compare(tree(FILE), tree(FILE.replace("one two", "one three"))) == (
        Difference("", "odd", "one two", "one three"),
    )
