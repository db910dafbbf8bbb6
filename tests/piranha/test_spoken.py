from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from piranha import spoken
from piranha.spoken import Spoken, filled, template

KNOWN = spoken.SENTENCES.read_text().splitlines()
ENGINE = spoken.engine()


def test_a_sentence_is_found_with_what_stood_in_its_places() -> None:
    known = Spoken(["no answer on {place} within {limit} s", "no answer on {place}"])
    assert known.find("no answer on 10.0.0.1:80 within 6 s") == (
        "no answer on {place} within {limit} s",
        {"place": "10.0.0.1:80", "limit": "6"},
    )


def test_of_two_that_fit_the_one_that_says_more_is_found() -> None:
    known = Spoken(["the {who} is silent", "the {who} is silent now"])
    assert known.find("the primary is silent now") == (
        "the {who} is silent now",
        {"who": "primary"},
    )


def test_a_sentence_without_places_is_found_as_a_whole() -> None:
    assert Spoken(["not checked yet"]).find("not checked yet") == ("not checked yet", {})


def test_another_text_is_none_of_them() -> None:
    known = Spoken(["no answer on {place} within {limit} s"])
    for text in ("", "no answer", "no answer on  within 6 s", "no answer on a within b m"):
        assert known.find(text) is None


def test_a_name_does_not_reach_over_the_end_of_a_sentence() -> None:
    known = Spoken(["no real server is called {key}"])
    assert known.find("no real server is called a/b; try again") is None
    assert known.find("no real server is called 'a; b'") is not None


def test_the_same_place_twice_holds_the_same() -> None:
    known = Spoken(["{device} is no alias, write {device}:1"])
    assert known.find("eth0 is no alias, write eth0:1") is not None
    assert known.find("eth0 is no alias, write eth1:1") is None


def test_two_places_side_by_side_part_behind_a_quotation_or_at_a_semicolon() -> None:
    both = template("there is no {kind} {name}{where}")
    assert both.values("there is no server 'a b' in virtual 'c'") == {
        "kind": "server",
        "name": "'a b'",
        "where": " in virtual 'c'",
    }
    assert template("no key of {where}{hint}").values("no key of it; do you mean x?") == {
        "where": "it",
        "hint": "; do you mean x?",
    }
    assert both.values("there is no server one") == {"kind": "server", "name": "one", "where": ""}


def test_a_blank_stands_where_chinese_and_latin_letters_meet() -> None:
    assert filled("位址{a}與{b}", {"a": "10.0.0.1", "b": "主要"}) == "位址 10.0.0.1 與主要"


def test_a_place_writes_its_value_in_the_form_it_asks_for() -> None:
    assert filled("{a!r} {b:g} {{}}", {"a": "x", "b": 6.0}) == "'x' 6 {}"


def test_every_sentence_of_the_engine_is_recognised() -> None:
    """And taken for no other one, but for one that reads the same."""
    for sentence in KNOWN:
        places = template(sentence)
        values = {name: f"V{number}" for number, name in enumerate(places.names)}
        found = ENGINE.find(filled(sentence, values, as_text=True))
        assert found is not None, sentence
        assert template(found[0]).pieces == places.pieces
        assert "".join(found[1].values()) == "".join(values.values())


@given(st.text())
def test_any_text_is_borne(text: str) -> None:
    ENGINE.find(text)


@given(st.sampled_from(KNOWN), st.data())
def test_whatever_stands_in_the_places_nothing_is_lost(sentence: str, data: st.DataObject) -> None:
    words = st.text("abc1.: ';'", min_size=1, max_size=12)
    places = template(sentence)
    values = {name: data.draw(words) for name in places.names}
    text = filled(sentence, values, as_text=True)
    found = ENGINE.find(text)
    assert found is None or filled(*found, as_text=True) == text
