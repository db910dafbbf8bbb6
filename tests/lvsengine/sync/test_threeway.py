from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from lvsengine.sync.threeway import Changed, Chunk, chunks

BASE = """\
serial_no = 1
primary = 192.0.2.11
virtual web {
     active = 1
     server one {
         weight = 1
     }
     server two {
         weight = 1
     }
}
"""


def changed(base: str | None, ours: str, theirs: str) -> list[Chunk]:
    return [one for one in chunks(base, ours, theirs) if one.who is not Changed.NOBODY]


def test_equal_files_are_one_chunk_that_nobody_changed() -> None:
    (only,) = chunks(BASE, BASE, BASE)
    assert only.who is Changed.NOBODY
    assert list(only.ours) == BASE.splitlines()


def test_each_side_is_told_what_it_changed_and_where() -> None:
    ours = BASE.replace("weight = 1", "weight = 5", 1)
    theirs = BASE.replace("primary = 192.0.2.11", "primary = 192.0.2.21")
    first, second = changed(BASE, ours, theirs)
    assert (first.who, first.place) == (Changed.THEIRS, "")
    assert (first.base, first.theirs) == (("primary = 192.0.2.11",), ("primary = 192.0.2.21",))
    assert (second.who, second.place) == (Changed.OURS, "virtual web server one")
    assert (second.base_line, second.ours_line, second.theirs_line) == (6, 6, 6)


def test_the_same_line_changed_by_both_is_alike_or_a_choice() -> None:
    ours = BASE.replace("serial_no = 1", "serial_no = 2")
    (alike,) = changed(BASE, ours, ours)
    assert alike.who is Changed.BOTH_ALIKE
    (choice,) = changed(BASE, ours, BASE.replace("serial_no = 1", "serial_no = 3"))
    assert choice.who is Changed.BOTH


def test_lines_that_only_one_has_stand_before_the_next_of_the_others() -> None:
    theirs = BASE.replace("}\n", "}\n# mine\n", 1) + "# end\n"
    first, last = changed(BASE, BASE, theirs)
    assert (first.theirs, first.base, first.base_line) == (("# mine",), (), 8)
    assert last.theirs == ("# end",)


def test_without_a_base_nobody_knows_who_it_was() -> None:
    (only,) = changed(None, BASE, BASE.replace("serial_no = 1", "serial_no = 3"))
    assert (only.who, only.base) == (Changed.UNKNOWN, ())


LINES = st.sampled_from(["a", "b", "virtual v {", "server s {", "}", "active = 1", ""])
TEXTS = st.lists(LINES, max_size=12).map(lambda lines: "".join(f"{one}\n" for one in lines))


@given(TEXTS | st.none(), TEXTS, TEXTS)
def test_the_chunks_one_after_another_are_each_file_whole(
    base: str | None, ours: str, theirs: str
) -> None:
    found = chunks(base, ours, theirs)
    assert [line for one in found for line in one.ours] == ours.splitlines()
    assert [line for one in found for line in one.theirs] == theirs.splitlines()
    if base is not None:
        assert [line for one in found for line in one.base] == base.splitlines()
    at = 0
    for one in found:
        assert one.ours_line == at + 1
        at += len(one.ours)


def test_a_long_file_that_is_wholly_another_is_compared_in_seconds() -> None:
    one, other = "active = 1\n" * 20_000, "weight = 1\n" * 20_000
    began = time.process_time()
    assert [chunk.who for chunk in chunks(one, other, one)] == [Changed.OURS]
    assert time.process_time() - began < 20
