from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import pytest
from django.urls import resolve, reverse
from hypothesis import example, given
from hypothesis import strategies as st

from lvsengine.errors import RuleError
from lvsengine.lvscf import rules
from piranha.names import as_segment, of_segment


def _may_be_a_name(text: str) -> bool:
    try:
        rules.name(text)
    except RuleError:
        return False
    return True


NAMES = st.text(min_size=1, max_size=40).filter(_may_be_a_name)


@given(NAMES)
@example("..")
@example(".")
@example("...")
@example("~")
@example("~1")
@example("a/b")
@example("a\\..\\b")
@example("%2F")
@example("?a=b#c")
@example(" shop ")
@example("商店 <b>&amp;'")
def test_a_name_comes_back_from_its_address_whatever_it_holds(name: str) -> None:
    url = reverse("virtual-server", args=[name])

    # As a browser, a proxy and the server take it apart.
    parts = urlsplit(url)
    assert (parts.query, parts.fragment) == ("", "")
    assert url.count("/") == reverse("virtual-server", args=["x"]).count("/")
    found = resolve(unquote(parts.path))
    assert found.url_name == "virtual-server"
    assert found.kwargs == {"virtual": name}


@given(NAMES)
def test_a_segment_is_never_one_that_walks_up_nor_holds_a_slash(name: str) -> None:
    segment = as_segment(name)
    assert segment not in ("", ".", "..")
    assert not set(segment) & {"/", "\\"}
    assert of_segment(segment) == name


@pytest.mark.parametrize("segment", ["~", "~9", "a~", "..", "~3a", "a~3", "\\"])
def test_what_no_name_is_written_as_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match=re.escape(segment)):
        of_segment(segment)
