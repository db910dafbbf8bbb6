from __future__ import annotations

import csv
import io

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse

from lvsengine.lvscf.compare import Difference
from piranha import audit
from piranha.models import AuditEntry
from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import submit

URL = reverse("audit")
CSV = reverse("audit-csv")
GLOBAL = reverse("global-settings")


@pytest.fixture
def request_(rf: RequestFactory, db: None) -> HttpRequest:
    request = rf.get("/", REMOTE_ADDR="192.0.2.99")
    request.user = AnonymousUser()
    return request


def page_of(client: Client, **said: str) -> str:
    response = client.get(URL, said)
    assert response.status_code == 200
    return response.content.decode()


def test_an_entry_says_who_what_from_where_and_the_values(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    submit(admin, GLOBAL, tcp_timeout="300")
    page = page_of(admin)
    for told in ("the-admin", "127.0.0.1", "GLOBAL SETTINGS", "tcp_timeout", "300", "not there"):
        assert told in page
    assert "serial_no" not in page  # every save raises it
    entry = AuditEntry.objects.get()
    assert f"?before={entry.before}&amp;after={entry.after}" in page


def test_the_newest_comes_first_and_fifty_make_a_page(
    admin: Client, lvs_cf: File, engine: FakeEngine, request_: HttpRequest
) -> None:
    for number in range(60):
        audit.record(request_, "drain", f"shop/server-{number}", who="ann")
    page = page_of(admin)
    assert page.index("server-59") < page.index("server-58")
    assert "server-9<" not in page
    assert "page 1 of 2" in page
    assert "server-9<" in page_of(admin, page="2")
    assert "page 2 of 2" in page_of(admin, page="99")


@pytest.mark.parametrize(
    "said",
    [{"q": "ann drain"}, {"who": "ann"}, {"action": "drain"}, {"q": "SHOP/one"}],
)
def test_it_can_be_searched(
    admin: Client,
    lvs_cf: File,
    engine: FakeEngine,
    request_: HttpRequest,
    said: dict[str, str],
) -> None:
    audit.record(request_, "drain", "shop/one", who="ann")
    audit.record(request_, "log in", "bob", who="bob")
    page = page_of(admin, **said)
    assert '<th scope="row">shop/one</th>' in page
    assert '<th scope="row">bob</th>' not in page


def test_a_search_without_result_says_so(admin: Client, lvs_cf: File) -> None:
    assert "Nothing in the log answers to that." in page_of(admin, q="%\0' OR 1=1")


def test_a_viewer_may_read_it_and_nobody_without_logging_in(
    viewer: Client, client: Client, lvs_cf: File
) -> None:
    assert "Nothing has been done yet." in page_of(viewer)
    for url in (URL, CSV):
        assert client.get(url).headers["Location"].startswith(reverse("login"))


def test_the_csv_has_a_line_for_each_changed_key(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    submit(admin, GLOBAL, tcp_timeout="300")
    response = admin.get(CSV, {"who": "the-admin"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert [(row["key"], row["value_after"]) for row in rows] == [
        ("serial_no", "8"),
        ("tcp_timeout", "300"),
    ]
    assert {row["who"] for row in rows} == {"the-admin"}


def test_a_spreadsheet_calculates_nothing_from_it(
    admin: Client, lvs_cf: File, request_: HttpRequest
) -> None:
    audit.record(request_, "save", '=HYPERLINK("http://evil")', who="@ann")
    body = admin.get(CSV).getvalue().decode()
    assert "'=HYPERLINK" in body
    assert "'@ann" in body


def test_scripts_are_text(admin: Client, lvs_cf: File, request_: HttpRequest) -> None:
    evil = "<script>alert(1)</script>"
    change = Difference(f"virtual {evil}", evil, evil, evil * 20)
    audit.record(request_, evil[:32], evil, who=evil, changes=[change], outcome=evil * 20)
    assert evil not in page_of(admin)


def test_no_name_can_forge_a_line_turn_it_round_or_be_too_odd_for_the_database(
    admin: Client, lvs_cf: File, request_: HttpRequest
) -> None:
    audit.record(request_, "log in refused", "ann\r\nroot", who="x\u202e\x1b[2J", outcome="\udcff")
    audit.record_command("root\n", "piranha-passwd", "set role", "a\u2066b")
    told = page_of(admin) + b"".join(admin.get(CSV)).decode()
    assert "ann\\r\\nroot" in told
    for sign in "\u202e\x1b\u2066\udcff":
        assert sign not in told
    assert AuditEntry.objects.count() == 2


def test_one_entry_cannot_grow_without_end(request_: HttpRequest) -> None:
    changes = [Difference("virtual x", "send", "a" * 5000, "b\ud800" * 3000)] * 5000
    audit.record(request_, "restore", "lvs.cf", changes=changes)
    entry = AuditEntry.objects.get()
    assert sum(len(str(row)) for row in entry.changes) < 250_000
    assert len(entry.changes[0]["before"]) == audit.MAX_TEXT


def test_the_oldest_go_once_there_are_too_many(
    request_: HttpRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MAX_ENTRIES", 10)
    monkeypatch.setattr(audit, "PRUNE_EACH", 1)
    for number in range(25):
        audit.record(request_, "drain", str(number))
    assert [entry.subject for entry in AuditEntry.objects.all()] == [
        str(number) for number in range(24, 14, -1)
    ]
