from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.errors import EngineError
from lvsengine.pairing import code

numbers = st.integers(0, 2**code.BITS - 1)


def mistyped(text: str) -> str:
    with pytest.raises(EngineError) as caught:
        code.read(text)
    assert caught.value.code == "mistyped-code"
    assert "nobody was contacted" in caught.value.hint
    return caught.value.sentence


@given(number=numbers)
def test_a_code_as_shown_is_read(number: int) -> None:
    text = code.text_of(code.Code(number))
    assert [len(group) for group in text.split("-")] == [4] * 6
    assert set(text) - {"-"} <= set(code.ALPHABET)
    assert code.read(text) == code.Code(number)


@given(number=numbers)
def test_case_blanks_dashes_and_look_alikes_do_not_count(number: int) -> None:
    text = code.text_of(code.Code(number))
    for typed in (
        text.lower(),
        f"  {text.replace('-', '')}\n",
        text.replace("-", "  "),
        text.replace("0", "o").replace("1", "I"),
        text.replace("1", "l").replace("0", "O"),
    ):
        assert code.read(typed) == code.Code(number)


@given(number=numbers, place=st.integers(0, 23), other=st.sampled_from(code.ALPHABET))
def test_one_wrong_character_never_passes(number: int, place: int, other: str) -> None:
    right = code.text_of(code.Code(number)).replace("-", "")
    typed = right[:place] + other + right[place + 1 :]
    if typed == right:
        assert code.read(typed) == code.Code(number)
    else:
        assert "are not those shown" in mistyped(typed)


@given(number=numbers, place=st.integers(0, 18))
def test_two_neighbours_that_changed_places_never_pass(number: int, place: int) -> None:
    right = code.text_of(code.Code(number)).replace("-", "")
    typed = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    if typed != right:
        assert "are not those shown" in mistyped(typed)


def test_all_100_bits_count() -> None:
    assert code.of_random(b"\xff" * 13) == code.Code(2**100 - 1)
    assert code.of_random(bytes(12) + b"\x0f") == code.Code(0)
    seen = {code.of_random((1 << bit).to_bytes(13)).number for bit in range(4, 104)}
    assert seen == {1 << bit for bit in range(100)}
    assert code.Code(2**100 - 1).secret == b"\x0f" + b"\xff" * 12


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has 0 characters, not 24"),
        ("ABCD-EFGH", "it has 8 characters, not 24"),
        ("0" * 25, "it has 25 characters, not 24"),
        ("0" * 100_000, "it has 200 characters, not 24"),
        ("0" * 23 + "U", "character 24 is none that codes are made of"),
        ("!" + "0" * 23, "character 1 is none that codes are made of"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    assert mistyped(text) == f"the code is mistyped: {why}"


def test_no_text_of_a_code_shows_it() -> None:
    one = code.Code(12345678901234567890)
    assert "1234" not in f"{one} {one!r}"
    secret = code.text_of(one)
    assert secret[:4] not in mistyped(secret[:-1] + ("0" if secret[-1] != "0" else "2"))
