from __future__ import annotations

import pytest

from lvsengine.nanny.matching import PatternError, wanted


@pytest.mark.parametrize(
    ("received", "verdict"),
    [
        (b"", None),
        (b"HT", None),
        (b"HTTP", True),
        (b"HTTP/1.0 500", True),
        (b"XT", False),
        (b" HTTP", False),
    ],
)
def test_a_plain_text_is_compared_with_the_beginning(
    received: bytes, verdict: bool | None
) -> None:
    assert wanted("HTTP", use_regex=False).starts(received) is verdict


@pytest.mark.parametrize("use_regex", [False, True])
def test_a_star_takes_any_answer_but_no_silence(use_regex: bool) -> None:
    star = wanted("*", use_regex=use_regex)
    assert star.starts(b"") is None
    assert star.starts(b"\x00") is True


@pytest.mark.parametrize(
    ("expect", "received"),
    [
        (r"HTTP/1\.[01] 200", b"HTTP/1.1 200 OK"),
        (r"\d\d\d", b"status 200"),
        ("HTTP/1[.]. [[:digit:]]{3}", b"HTTP/1.0 204"),
        ("^[^[:space:][:punct:]]+$", b"alive"),
        ("a.b", b"a\nb"),
        ("[[]x", b"[x"),
        (r"\\.", b"."),
        (r"x\ty", b"x\ty"),
    ],
)
def test_a_regular_expression_is_searched_anywhere(expect: str, received: bytes) -> None:
    assert wanted(expect, use_regex=True).starts(received) is True


@pytest.mark.parametrize(
    ("expect", "received"),
    [("ok", b"OK"), (r"1\.0", b"1x0"), ("[[:upper:]]", b"lower 1"), ("[[:nonsense:]]]x", b"1")],
)
def test_without_a_match_more_must_come(expect: str, received: bytes) -> None:
    assert wanted(expect, use_regex=True).starts(received) is None


def test_what_is_no_regular_expression_is_a_sentence() -> None:
    with pytest.raises(PatternError, match=r"expect is not a regular expression: '\(': missing"):
        wanted("(", use_regex=True)


@pytest.mark.parametrize(
    ("expect", "use_regex", "printed", "verdict"),
    [
        ("OK", False, b"OK", True),
        ("OK", False, b"OK\n", False),
        ("OK", False, b"", False),
        ("*", False, b"*", True),
        ("*", False, b"OK", False),
        ("O", True, b"not OK", True),
        ("^O", True, b"not OK", False),
    ],
)
def test_what_a_program_prints_must_be_all_of_it(
    expect: str, use_regex: bool, printed: bytes, verdict: bool
) -> None:
    assert wanted(expect, use_regex=use_regex).is_all_of(printed) is verdict


def test_what_is_wanted_reads_well_in_a_sentence() -> None:
    assert [
        str(wanted("*", use_regex=False)),
        str(wanted("OK", use_regex=False)),
        str(wanted("O+", use_regex=True)),
    ] == ["any answer", "'OK'", "a match of 'O+'"]
