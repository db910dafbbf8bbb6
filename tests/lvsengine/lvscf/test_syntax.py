from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.lvscf.lines import line_of
from lvsengine.lvscf.problems import Reason, Severity
from lvsengine.lvscf.syntax import Block, Tree, list_end, parse, render

PIECES = st.sampled_from(
    [
        "virtual a {", "server b {", "failover c {", "}", "}}", "{", "virtual d", "server {",
        "active = 1", "weight=2 # x", "# note", "", "dirs = [", "/a ]", "dirs [ a ]", "]",
        'send = "x', "\ufeff", "é", "a\udcffb", "\0", "virtual e { }",
    ]
)  # fmt: skip
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
FILES = st.lists(st.tuples(PIECES, ENDS)).map(lambda rows: "".join(a + b for a, b in rows))


def problems(text: str) -> list[str]:
    return [str(problem) for problem in parse(text, "f").problems]


@given(st.one_of(FILES, st.text(), st.binary().map(lambda data: data.decode("latin-1"))))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    tree = parse(text, "f")
    assert render(tree) == str(tree) == text
    assert parse(str(tree), "f") == tree


@given(st.binary())
def test_any_bytes_come_back_as_they_were(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert str(parse(text, "f")).encode("utf-8", "surrogateescape") == data


ROW = st.tuples(PIECES | st.sampled_from(["weight = 2", "port = 8]"]), ENDS)
ROWS = st.lists(ROW)


@given(ROWS, st.data())
def test_a_tree_made_from_an_earlier_one_is_the_same(
    rows: list[tuple[str, str]], data: st.DataObject
) -> None:
    edited = [data.draw(st.just(row) | ROW) for row in rows]
    before, after = ("".join(a + b for a, b in some) for some in (rows, edited))
    assert parse(after, "f", parse(before, "f")) == parse(after, "f")


@given(st.lists(st.sampled_from(["weight = 2", "active = 1", "dirs = [", "x = y ]", "}"])))
def test_a_setting_that_says_something_else_moves_no_block(pieces: list[str]) -> None:
    before = "virtual v {\n" + "\n".join(pieces) + "\nport = 80\n}\n"
    after = before.replace("active = 1", "active = 0").replace("= 80", "= 81")
    assert parse(after, "f", parse(before, "f")) == parse(after, "f")


def test_where_only_a_value_was_edited_the_blocks_are_those_of_before() -> None:
    tree = parse("virtual v {\nport = 80\n}\n", "f")
    assert parse("virtual v {\nport = 81\n}\n", "f", tree).root is tree.root
    assert parse("virtual w {\nport = 80\n}\n", "f", tree).root is not tree.root


@given(FILES)
def test_every_block_lies_inside_its_parent(text: str) -> None:
    tree = parse(text, "f")

    def check(block: Block) -> None:
        assert block.first <= block.last <= len(tree.lines)
        for inner in block.blocks:
            assert block.first < inner.first
            assert inner.last <= block.last
            check(inner)

    check(tree.root)


def test_blocks_hold_their_own_settings() -> None:
    tree = parse("a = 1\nvirtual v {\nb = 2\nserver s {\nc = 3\n}\nd = 4\n}\ne = 5\n", "f")
    (virtual,) = tree.root.blocks
    (server,) = virtual.blocks

    assert tree.root.settings == (0, 8)
    assert (virtual.name, virtual.first, virtual.last, virtual.settings) == ("v", 1, 7, (2, 6))
    assert (server.kind, server.name, server.settings) == ("server", "s", (4,))
    assert tree.problems == ()


def test_a_block_is_found_by_kind_and_name_and_the_last_one_counts() -> None:
    root = parse("virtual v {\n}\nfailover v {\n}\nvirtual v {\n}\n", "f").root
    found = root.block("virtual", "v")
    assert found is not None
    assert found.first == 4
    assert root.block("virtual", "w") is None


STILL_OPEN = "{} is still open here; put its }} before this line"
LIST_OPEN = "the list of line {} is still open here; close it with a ]"


@pytest.mark.parametrize(
    ("text", "line", "reason", "sentence"),
    [
        ("virtual v {\n\n", 2, Reason.END_OF_FILE, "virtual 'v' of line 1 has no }; add it"),
        ("}\n", 1, Reason.UNKNOWN, "this } closes nothing; no block is open here"),
        ("{\n", 1, Reason.UNKNOWN, "this { opens nothing; write `virtual NAME {`"),
        (
            "virtual v {\nvirtual w {\n}\n",
            2,
            Reason.END_OF_FILE,
            STILL_OPEN.format("virtual 'v' of line 1"),
        ),
        (
            "virtual v {\nserver s {\nserver t {\n}\n}\n",
            3,
            Reason.END_OF_FILE,
            STILL_OPEN.format("server 's' of line 2"),
        ),
        (
            "virtual v {\n}\n\nserver s {\n}\n",
            4,
            Reason.UNKNOWN,
            "a server block belongs inside a virtual block; is a } of line 2 too many?",
        ),
        (
            "server s {\n}\n",
            1,
            Reason.UNKNOWN,
            "a server block belongs inside a virtual block; is a } of line 1 too many?",
        ),
        (
            "virtual v {\ndirs = [ a\n}\n",
            3,
            Reason.END_OF_FILE,
            LIST_OPEN.format(2),
        ),
        ("dirs = [ a\n", 1, Reason.END_OF_FILE, LIST_OPEN.format(1)),
        (
            "virtual v\n\n{\n}\n",
            1,
            Reason.MISSING,
            "the { must stand on this line with a blank before it; write `virtual NAME {`",
        ),
        (
            "virtual v {\n{\n}\n",
            2,
            Reason.UNKNOWN,
            "this { opens nothing; write `virtual NAME {`",
        ),
        (
            "keepalive 6\n",
            1,
            Reason.NO_EQUALS,
            "'keepalive 6' has no =; write `key = value`",
        ),
    ],
)
def test_a_broken_block_is_said_once_and_where(
    text: str, line: int, reason: Reason, sentence: str
) -> None:
    (problem,) = parse(text, "f").problems
    assert (problem.severity, problem.reason) == (Severity.ERROR, reason)
    assert (problem.place.line, str(problem.sentence)) == (line, sentence)


def test_two_closing_braces_on_a_line_close_two_blocks() -> None:
    assert problems("virtual v {\nserver s {\n}}\n") == [
        "f:3: error: unknown command: only one } may stand on a line"
    ]


def test_a_list_goes_on_over_lines_that_are_nothing_else() -> None:
    text = "virtual v {\ndirs = [\n/a\nport 5\n]\nport = 80\n}\n"
    tree = parse(text, "f")
    (virtual,) = tree.root.blocks

    assert tree.problems == ()
    assert virtual.settings == (1, 5)
    assert list_end(tree, 1) == 4


def test_a_list_that_is_not_closed_ends_before_the_brace_or_with_the_file() -> None:
    assert list_end(parse("dirs = [\n/a\n}\n", "f"), 0) == 1
    assert list_end(parse("dirs = [\n/a\n", "f"), 0) == 1


def test_a_block_with_a_bad_line_is_marked_broken_and_others_are_not() -> None:
    tree = parse("virtual v {\nport 80\nserver s {\n}\n}\nvirtual w x {\n}\n", "f")
    v, w = tree.root.blocks
    assert (tree.root.broken, v.broken, v.blocks[0].broken, w.broken) == (False, True, False, True)


@pytest.mark.parametrize(
    ("text", "end", "warnings"),
    [
        ("a = 1\nb = 2\n", "\n", []),
        ("a = 1\r\nb = 2\r\n", "\r\n", ["f:1: warning"]),
        ("a = 1\rb = 2\r", "\r", ["f:1: warning"]),
        ("a = 1\nb = 2\r\nc = 3\r\n", "\n", ["f:2: warning"]),
        ("a = 1", "\n", []),
        ("", "\n", []),
    ],
)
def test_odd_line_ends_are_understood_kept_and_said_once(
    text: str, end: str, warnings: list[str]
) -> None:
    tree = parse(text, "f")
    assert tree.line_end == end
    assert [said[:12] for said in problems(text)] == warnings
    assert all(line.values for line in tree.lines)


def test_a_byte_order_mark_is_kept_and_said() -> None:
    tree = parse("\ufeffa = 1\n", "f")
    assert tree.bom
    assert tree.lines[0].key == "a"
    assert [problem.place.line for problem in tree.problems] == [1]


def test_a_tree_of_other_lines_finds_its_blocks_anew() -> None:
    tree: Tree = parse("\ufeffvirtual v {\n}\n", "f").with_lines([line_of("a = 1", "\n")])
    assert str(tree) == "\ufeffa = 1\n"
    assert tree.root.blocks == ()
