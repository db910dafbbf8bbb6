from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.nanny.escapes import decode, literally


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"),
        (r"\t\\\'\"", b"\t\\'\""),
        (r"\\n", rb"\n"),
        (r"\.\d\[", rb"\.\d\["),
        ("tail\\", b"tail\\"),
        ("", b""),
    ],
)
def test_known_escapes_are_translated_and_others_stay(written: str, meant: bytes) -> None:
    assert decode(written) == meant


def test_text_beyond_ascii_goes_out_as_utf_8_and_stray_bytes_as_they_were() -> None:
    assert decode("ü\udcff") == b"\xc3\xbc\xff"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_written_literally_is_meant_literally(text: str) -> None:
    assert decode(literally(text)) == text.encode("utf-8", "surrogateescape")
