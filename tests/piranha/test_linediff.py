from __future__ import annotations

from difflib import restore

from hypothesis import given
from hypothesis import strategies as st

from piranha.linediff import Hunk, hunks
from tests.piranha.conftest import LVS_CF

LINES = st.lists(
    st.sampled_from(["a = 1", "b = 2", "virtual x {", "server y {", "}", "", "# c"]), max_size=25
)


def signs(found: tuple[Hunk, ...]) -> list[str]:
    return [f"{line.sign}{line.text.strip()}" for hunk in found for line in hunk.lines]


def changed(before: str, after: str) -> list[str]:
    return [line for line in signs(hunks(before, after)) if not line.startswith(" ")]


def test_equal_files_have_no_hunk() -> None:
    assert hunks(LVS_CF, LVS_CF) == ()


def test_a_changed_weight_is_one_line_in_its_own_server() -> None:
    first, second = LVS_CF.rsplit("weight = 1", 1)
    (hunk,) = hunks(LVS_CF, f"{first}weight = 5{second}")

    assert hunk.place == "virtual shop server two"
    assert [(line.sign, line.old, line.new) for line in hunk.lines if line.sign != " "] == [
        ("-", 38, None),
        ("+", None, 38),
    ]
    assert len(hunk.lines) == 2 + 3 + 2  # the file ends two lines below


def test_a_renamed_virtual_server_is_one_line_and_not_its_whole_block() -> None:
    after = LVS_CF.replace("virtual shop {", "virtual market {")
    assert changed(LVS_CF, after) == ["-virtual shop {", "+virtual market {"]


def test_a_removed_real_server_takes_no_line_of_its_neighbour() -> None:
    start = LVS_CF.index("     server one")
    end = LVS_CF.index("     server two")
    lines = changed(LVS_CF, LVS_CF[:start] + LVS_CF[end:])
    assert lines == [
        "-server one {",
        "-address = 10.9.9.21",
        "-active = 1",
        "-weight = 1",
        "-}",
    ]


def test_distant_changes_are_hunks_of_their_own() -> None:
    after = LVS_CF.replace("serial_no = 7", "serial_no = 8").replace("reentry = 15", "reentry = 9")
    assert [hunk.place for hunk in hunks(LVS_CF, after)] == ["", "virtual shop"]


def test_another_line_end_shows() -> None:
    assert changed("a = 1\n", "a = 1\r\n") == ["-a = 1", "+a = 1␍"]


def test_bytes_that_are_no_text_are_shown_as_a_replacement_sign() -> None:
    assert changed("", b"# caf\xe9\n".decode("utf-8", "surrogateescape")) == ["+# caf�"]


@given(before=LINES, after=LINES)
def test_each_file_can_be_read_back_from_the_difference(
    before: list[str], after: list[str]
) -> None:
    texts = ["".join(f"{line}\n" for line in lines) for lines in (before, after)]
    found = hunks(texts[0], texts[1], context=100)
    if before == after:
        assert found == ()
        return
    delta = [f"{line.sign} {line.text}" for hunk in found for line in hunk.lines]
    assert list(restore(delta, 1)) == before
    assert list(restore(delta, 2)) == after
    numbers = [line.new for hunk in found for line in hunk.lines if line.new is not None]
    assert numbers == list(range(1, len(after) + 1))
