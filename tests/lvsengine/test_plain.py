from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import pytest

from lvsengine.plain import PlainError, from_plain, outline, to_plain


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Leaf:
    """Green in summer."""

    number: int
    name: str = "leaf"


@dataclass(frozen=True)
class Tree:
    """What bears leaves."""

    leaf: Leaf
    colour: Colour
    height: float = 1.0
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = field(default_factory=dict)
    label: str | None = None


TREE = Tree(Leaf(1), Colour.RED, 2.5, (Leaf(2), Leaf(3, "x")), {"a": Leaf(4)}, "oak")


def test_what_is_written_is_read_back() -> None:
    assert from_plain(Tree, to_plain(TREE)) == TREE


def test_what_is_absent_takes_its_default_and_what_is_unknown_is_passed_over() -> None:
    plain = {"leaf": {"number": 1, "age": 9}, "colour": "red", "label": None, "root": True}
    assert from_plain(Tree, plain) == Tree(Leaf(1), Colour.RED)


def test_a_whole_number_will_do_where_a_fraction_may_stand() -> None:
    tree = from_plain(Tree, {"leaf": {"number": 1}, "colour": "red", "height": 3})
    assert tree.height == 3.0


@pytest.mark.parametrize(
    ("plain", "told"),
    [
        ([], "value must be dict, not list"),
        ({"colour": "red"}, "value: Tree.__init__() missing 1 required positional argument"),
        ({"leaf": {"number": "1"}}, "value.leaf.number must be int, not str"),
        ({"leaf": {"number": True}}, "value.leaf.number must be int, not bool"),
        ({"leaf": {"number": 1}, "colour": "blue"}, "value.colour: 'blue' is not a valid Colour"),
        ({"leaves": [{"number": None}]}, "value.leaves[].number must be int, not NoneType"),
        ({"by_name": {"a": 1}}, "value.by_name must be dict, not int"),
    ],
)
def test_another_shape_is_refused_by_its_place(plain: object, told: str) -> None:
    with pytest.raises(PlainError) as caught:
        from_plain(Tree, plain)
    assert str(caught.value).startswith(told)


def test_a_kind_that_cannot_be_read_is_the_programmers_fault() -> None:
    @dataclass
    class Odd:
        anything: list[int]

    with pytest.raises(TypeError, match="no way to read"):
        from_plain(Odd, {"anything": [1]})


def test_an_outline_tells_every_dataclass_once_with_its_fields() -> None:
    assert list(outline(Tree)) == [
        "Tree: What bears leaves.",
        "    leaf: Leaf",
        "    colour: Colour",
        "    height: float",
        "    leaves: list of Leaf",
        "    by_name: dict",
        "    label: str or null",
        "",
        "Leaf: Green in summer.",
        "    number: int",
        "    name: str",
        "",
    ]


def test_an_enum_by_itself_is_its_value() -> None:
    assert to_plain((Colour.RED, None)) == ["red", None]


def test_what_json_does_not_know_is_the_programmers_fault() -> None:
    with pytest.raises(TypeError, match="no way to write"):
        to_plain(b"bytes")
