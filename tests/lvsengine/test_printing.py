from __future__ import annotations

import pytest

from lvsengine.printing import printable, printable_lines


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("a\nb\rc", "a\\nb\\rc"),
        ("\u202eeno", "\\u202eeno"),
        ("\u2028\x85", "\\u2028\\x85"),
        ("caf\udce9", "caf\\udce9"),
        ("real server 店 ● ■", "real server 店 ● ■"),
    ],
)
def test_no_text_can_forge_a_line_or_command_a_terminal(sent: str, shown: str) -> None:
    assert printable(sent) == shown
    assert printable(shown) == shown


def test_lines_that_are_meant_stay() -> None:
    assert printable_lines("one\ntwo\x1b[2J\n") == "one\ntwo\\x1b[2J\n"
