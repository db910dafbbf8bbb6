"""Names and texts that would break out, in every place where a page shows them."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine, a_real_server, a_snapshot, a_virtual_server
from tests.piranha.forms import Response, form

EVIL = "</td><script>alert('1')</script>&amp;/../?a=b#c%2F\\ ~1 \u5546\u5e97"
QUOTED = "'><img src=x onerror=alert(1)>`{{7*7}}"
NAMES = [
    EVIL,
    QUOTED,
    "..",
    ".",
    "a/b",
    "%",
    "%2e%2e",
    "?",
    "#",
    "~",
    " blanks around ",
    "\u202etxt",
]


class _Marks(HTMLParser):
    """Finds what a page would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag in ("img", "iframe", "object", "style") or (tag == "script" and "src" not in said):
            self.found.append(tag)
        self.found += [name for name in said if name.startswith(("on", "hx-on", "style"))]


def runs_nothing(response: Response) -> None:
    reader = _Marks()
    reader.feed(response.content.decode())
    assert reader.found == []


def a_file(virtual: str, real: str) -> str:
    lines = LVS_CF.replace("virtual shop", f'virtual "{virtual}"')
    lines = lines.replace("server one", f'server "{real}"')
    return lines.replace("debug_level = NONE", f'debug_level = NONE\nactive_cmd = "{QUOTED}"')


@pytest.mark.parametrize("name", NAMES)
def test_every_page_of_any_name_can_be_opened_and_runs_nothing(
    admin: Client, lvs_cf: File, engine: FakeEngine, name: str
) -> None:
    lvs_cf.write(a_file(name, name))
    state = a_virtual_server(name, a_real_server(name, 21, reason=EVIL, health="down"))
    engine.answers[messages.Status] = a_snapshot(virtual_servers=(state,))
    pages = [
        reverse("virtual-servers"),
        reverse("global-settings"),
        reverse("virtual-server", args=[name]),
        reverse("delete-virtual-server", args=[name]),
        reverse("real-servers", args=[name]),
        reverse("add-real-server", args=[name]),
        reverse("real-server", args=[name, name]),
        reverse("delete-real-server", args=[name, name]),
        reverse("monitoring-scripts", args=[name]),
    ]
    for url in pages:
        response = admin.get(url)
        assert response.status_code == 200, url
        runs_nothing(response)


@pytest.mark.parametrize("name", NAMES)
def test_every_form_of_any_name_saves_where_it_should(
    admin: Client, lvs_cf: File, engine: FakeEngine, name: str
) -> None:
    lvs_cf.write(a_file(name, name))
    url = reverse("real-servers", args=[name])
    typed = form(admin.get(url)) | {"do": "weights", f"weight:{name}": "9"}
    sent = urlencode(typed)  # as browsers send it; multipart loses blanks at the ends of names
    kind = "application/x-www-form-urlencoded"
    assert admin.post(url, sent, content_type=kind).status_code == 303
    assert lvs_cf.differing(a_file(name, name)) == ["serial_no = 8", "weight = 9"]
    lists = reverse("virtual-servers")
    pressed = admin.post(lists, form(admin.get(lists)) | {"do": "edit", "chosen": name})
    assert pressed.headers["Location"] == reverse("virtual-server", args=[name])
    runs_nothing(admin.get(url))


@pytest.mark.parametrize("text", [EVIL, QUOTED])
@pytest.mark.parametrize("field", ["send", "expect", "send_program"])
def test_a_stored_text_comes_back_as_text(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str, text: str
) -> None:
    url = reverse("monitoring-scripts", args=["shop"])
    assert admin.post(url, form(admin.get(url)) | {field: text}).status_code == 303
    response = admin.get(url)
    assert form(response)[field] == text
    runs_nothing(response)


@pytest.mark.parametrize("text", [EVIL, QUOTED, "x" * 5000, "\x00", "a\nb", "\ud800"])
def test_whatever_is_typed_is_saved_or_given_back(
    admin: Client, lvs_cf: File, engine: FakeEngine, text: str
) -> None:
    for url, known in (
        (reverse("virtual-server", args=["shop"]), "name"),
        (reverse("real-server", args=["shop", "one"]), "name"),
        (reverse("monitoring-scripts", args=["shop"]), "send"),
        (reverse("add-virtual-server"), "name"),
        (reverse("global-settings"), "primary"),
    ):
        fields = form(admin.get(url), known)
        for name in set(fields) - {"revision", "csrfmiddlewaretoken"}:
            typed = fields | {name: text.encode("utf-8", "replace").decode()}
            response = admin.post(url, typed)
            assert response.status_code in (303, 409, 422), (url, name)
            runs_nothing(response)
            lvs_cf.write(LVS_CF)


def test_a_conflict_and_a_deletion_show_what_was_typed_as_text(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    url = reverse("monitoring-scripts", args=["shop"])
    mine = form(admin.get(url)) | {"send": EVIL}
    admin.post(url, form(admin.get(url)) | {"send": QUOTED})
    conflict = admin.post(url, mine)
    assert conflict.status_code == 409
    runs_nothing(conflict)
    lvs_cf.write(LVS_CF.replace("virtual shop", "virtual store"))
    gone = admin.post(url, mine)
    assert gone.status_code == 409
    runs_nothing(gone)
