from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.lvscf.lines import (
    Fault,
    Kind,
    line_of,
    name_span,
    unquoted,
    value_span,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("weight = 5", "weight", ("5",)),
        ("\t weight\t=\t5 \t", "weight", ("5",)),
        ("address = 192.0.2.1 eth0:1", "address", ("192.0.2.1", "eth0:1")),
        ('send = "GET / HTTP/1.0"', "send", ('"GET / HTTP/1.0"',)),
        ("send = 'a b'  ", "send", ("'a b'",)),
        ('send = "HELO" ', "send", ('"HELO"',)),
        ('send = ""', "send", ('""',)),
        ("send = #1", "send", ("#1",)),
        ("expect = a#b", "expect", ("a#b",)),
        ("expect = a=b", "expect", ("a=b",)),
        ("port =", "port", ()),
        ("virtual = 5", "virtual", ("5",)),
        ("dirs = [ /a /b ]", "dirs", ("[", "/a", "/b", "]")),
        ("dirs [ /a ]", "dirs", ("[", "/a", "]")),
        ("dirs = [/a /b]", "dirs", ("[/a", "/b]")),
    ],
)
def test_a_setting_is_a_key_and_its_words(text: str, key: str, values: tuple[str, ...]) -> None:
    line = line_of(text, "\n")
    assert (line.kind, line.key, line.values, line.faults) == (Kind.SETTING, key, values, ())


@pytest.mark.parametrize(
    ("text", "values", "fault"),
    [
        ("active=1", ("1",), Fault.GLUED_EQUALS),
        ("active =1", ("1",), Fault.GLUED_EQUALS),
        ("active= 1", ("1",), Fault.GLUED_EQUALS),
        ("active = 1 # yes", ("1",), Fault.TRAILING_COMMENT),
        ("active = 1 #", ("1",), Fault.TRAILING_COMMENT),
        ('send = "a b" # c', ('"a b"',), Fault.TRAILING_COMMENT),
        ('send = "a b"# c', ('"a b"',), Fault.TRAILING_COMMENT),
    ],
)
def test_what_the_original_refuses_and_files_have_is_read(
    text: str, values: tuple[str, ...], fault: Fault
) -> None:
    line = line_of(text, "\n")
    assert (line.kind, line.values, line.faults) == (Kind.SETTING, values, (fault,))
    assert not fault.is_error


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ('send = "GET /', (Fault.UNCLOSED_QUOTE,)),
        ("send = 'GET", (Fault.UNCLOSED_QUOTE,)),
        ('send = "', (Fault.UNCLOSED_QUOTE,)),
        (r'send = "a\"b"', (Fault.GLUED_QUOTE,)),
        ('send = "a""b"', (Fault.GLUED_QUOTE,)),
        ("keepalive 6", (Fault.NO_EQUALS,)),
        ("keepalive", (Fault.NO_EQUALS,)),
        ("= 6", (Fault.NO_KEY,)),
        ('"a" = 6', (Fault.NO_KEY,)),
        ("{ }", (Fault.NO_KEY,)),
        ("vservice shop {", (Fault.NO_EQUALS,)),
        ("vitual shop", (Fault.NO_EQUALS,)),
        ("dirs = /a", (Fault.NO_LIST,)),
        ("dirs /a", (Fault.NO_LIST,)),
        ("dirs", (Fault.NO_LIST,)),
        ("virtual x { active = 1 }", (Fault.ONE_LINE_BLOCK,)),
        ("virtual x {}", (Fault.NO_BRACE,)),
        ("send = a\0b", (Fault.NUL,)),
        ("send = a\udcffb", (Fault.NOT_UTF8,)),
    ],
)
def test_a_bad_line_says_what_is_wrong_with_it(text: str, faults: tuple[Fault, ...]) -> None:
    line = line_of(text, "\n")
    assert line.faults == faults
    assert line.kind is not Kind.SETTING


@pytest.mark.parametrize(
    ("text", "name", "faults"),
    [
        ("virtual shop {", "shop", ()),
        ("  virtual\tshop  {  ", "shop", ()),
        ('virtual "my shop" {', "my shop", ()),
        ("virtual [server_name] {", "[server_name]", ()),
        ("virtual shop { # main", "shop", (Fault.TRAILING_COMMENT,)),
        ("virtual shop{", "shop", (Fault.NO_BRACE,)),
        ("virtual shop", "shop", (Fault.NO_BRACE,)),
        ("virtual", "", (Fault.NO_NAME,)),
        ("virtual {", "", (Fault.NO_NAME,)),
        ('virtual "" {', "", (Fault.NO_NAME,)),
        ("virtual my shop {", "my", (Fault.HEADER_SURPLUS,)),
        ("virtual my shop{", "my", (Fault.HEADER_SURPLUS,)),
        ("virtual my shop", "my", (Fault.NO_BRACE,)),
        ("vitual shop {", "shop", (Fault.NEARLY_A_BLOCK,)),
        ("virtuals shop {", "shop", (Fault.NEARLY_A_BLOCK,)),
        ("Virtual shop {", "shop", (Fault.NEARLY_A_BLOCK,)),
        ("virtaul shop {", "shop", (Fault.NEARLY_A_BLOCK,)),
        ("virtual shop { active", "shop", (Fault.HEADER_SURPLUS,)),
    ],
)
def test_a_header_opens_a_block_even_where_it_is_not_right(
    text: str, name: str, faults: tuple[Fault, ...]
) -> None:
    line = line_of(text, "\n")
    assert (line.kind, line.key, line.values, line.faults) == (
        Kind.OPEN,
        "virtual",
        (name,),
        faults,
    )


@pytest.mark.parametrize(
    ("text", "kind", "key", "faults"),
    [
        ("", Kind.BLANK, "", ()),
        (" \t", Kind.BLANK, "", ()),
        (" # note", Kind.COMMENT, "", ()),
        ("# caf\udce9", Kind.COMMENT, "", (Fault.NOT_UTF8_COMMENT,)),
        ("# café", Kind.COMMENT, "", ()),
        ("{", Kind.BRACE, "", ()),
        ("{ # here", Kind.BRACE, "", (Fault.TRAILING_COMMENT,)),
        ("  }", Kind.CLOSE, "}", ()),
        ("} # end", Kind.CLOSE, "}", (Fault.TRAILING_COMMENT,)),
        ("} end", Kind.CLOSE, "}", (Fault.CLOSE_SURPLUS,)),
        ("}}", Kind.CLOSE, "}}", (Fault.CLOSES_TWICE,)),
        ("dirs = [", Kind.LIST, "dirs", ()),
        ("dirs [ /a", Kind.LIST, "dirs", ()),
    ],
)
def test_every_other_line_is_known_by_its_first_word(
    text: str, kind: Kind, key: str, faults: tuple[Fault, ...]
) -> None:
    line = line_of(text, "\n")
    assert (line.kind, line.key, line.faults) == (kind, key, faults)


def test_quotes_come_off_in_pairs_only() -> None:
    assert unquoted('"a b"') == "a b"
    assert unquoted("'a'") == "a"
    assert unquoted('"') == '"'
    assert unquoted("\"a'") == "\"a'"
    assert unquoted("") == ""


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("  weight = 5  # five", "5"),
        ("address = 10.0.0.1   eth0:1 ", "10.0.0.1   eth0:1"),
        ('send="a # b"', '"a # b"'),
        ("port =  ", ""),
        ("no setting", ""),
    ],
)
def test_the_span_of_a_value_is_its_words_and_not_the_comment(text: str, values: str) -> None:
    start, end = value_span(text)
    assert text[start:end] == values


def test_the_span_of_a_name_has_its_quotes() -> None:
    text = '  server "my one"  {'
    start, end = name_span(text)
    assert text[start:end] == '"my one"'


@given(st.text(st.sampled_from("ab\"'=#{}[] \t\\\udcff\0é"), max_size=30))
def test_any_line_is_understood_somehow_and_keeps_its_text(text: str) -> None:
    line = line_of(text, "\n")
    assert line.text == text
    spoiled = any(fault.is_error for fault in line.faults)
    assert not (spoiled and line.kind in (Kind.SETTING, Kind.LIST))


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_characters=" \t\"'#\r\n"), min_size=1))
)
def test_words_are_parted_by_blanks(words: list[str]) -> None:
    assert words_of(" \t".join(words)) == (tuple(words), ())
