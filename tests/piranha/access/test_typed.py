from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from piranha.access import typed
from piranha.models import User
from tests.piranha.access.conftest import PASSWORD
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import Response, form, submit

URL = reverse("global-settings")
LOGIN = reverse("login")
HTMX = {"HX-Request": "true", "HX-Boosted": "true"}


def log_in_on(client: Client, page: Response) -> Response:
    """Fill in the login form of a page, with all that is hidden in it."""
    fields = form(page, "password") | {"username": "ann", "password": PASSWORD}
    return client.post(LOGIN, fields)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_was_typed_is_in_the_form_again_after_the_login_and_not_saved(
    admin: Client,
    ann: User,
    lvs_cf: File,
    engine: FakeEngine,
    headers: dict[str, str],
) -> None:
    mine = form(admin.get(URL)) | {"tcp_timeout": "777", "primary": "192.0.2.\"<b>'漢"}
    browser = Client()

    asked = browser.post(URL, mine, headers=headers)
    assert asked.status_code == 403
    assert "What you typed is kept" in asked.content.decode()
    answer = log_in_on(browser, asked)
    assert answer["Location"] == URL  # type: ignore[index]

    page = browser.get(URL)
    again = form(page)
    assert (again["tcp_timeout"], again["primary"]) == ("777", "192.0.2.\"<b>'漢")
    assert again["revision"] == mine["revision"]
    assert "What you typed is here again" in page.content.decode()
    assert lvs_cf.text == LVS_CF
    assert form(browser.get(URL))["primary"] == "192.0.2.11"


def test_the_fields_that_apply_are_those_of_what_was_typed(
    admin: Client, ann: User, lvs_cf: File, engine: FakeEngine
) -> None:
    submit(admin, URL, network="direct")
    mine = form(admin.get(URL)) | {"network": "nat"}
    browser = Client()
    log_in_on(browser, browser.post(URL, mine))
    assert "nat_router_ip" in form(browser.get(URL))


def test_a_form_shown_again_is_saved_by_accept_and_meets_who_saved_meanwhile(
    admin: Client, ann: User, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL)) | {"tcp_timeout": "777"}
    submit(admin, URL, tcp_timeout="600")
    browser = Client()
    log_in_on(browser, browser.post(URL, mine))
    assert browser.post(URL, form(browser.get(URL))).status_code == 409


def test_an_answer_to_htmx_puts_the_login_page_in_the_page_s_place(
    client: Client, db: None
) -> None:
    response = client.post(URL, {"a": "b"}, headers={"HX-Request": "true"})
    assert response["HX-Retarget"] == response["HX-Reselect"] == "#page"
    assert 'id="page"' in response.content.decode()


def test_a_wrong_password_in_between_loses_nothing(
    client: Client, ann: User, lvs_cf: File, engine: FakeEngine
) -> None:
    asked = client.post(URL, {"tcp_timeout": "777", "revision": "0"})
    fields = form(asked, "password") | {"username": "ann", "password": "wrong"}
    log_in_on(client, client.post(LOGIN, fields))
    assert form(client.get(URL))["tcp_timeout"] == "777"


def test_an_order_is_not_carried_out_by_the_login_and_its_page_is_shown(
    client: Client, ann: User, lvs_cf: File, engine: FakeEngine
) -> None:
    page = "http://testserver/virtual-servers/?q=shop"
    asked = client.post(URL, {"order": "drain"}, headers={"referer": page})
    answer = log_in_on(client, asked)
    assert answer["Location"] == "/virtual-servers/?q=shop"  # type: ignore[index]
    assert "nothing was done" in client.get("/control/").content.decode()


def test_a_page_of_another_site_is_not_gone_back_to(client: Client, ann: User) -> None:
    asked = client.post(URL, {"a": "b"}, headers={"referer": "https://evil.example/x"})
    assert log_in_on(client, asked)["Location"] == URL  # type: ignore[index]


def test_passwords_and_tokens_are_not_kept(client: Client, ann: User) -> None:
    sent = {"old_password": "s3cret", "new_password": "s3cret", "csrfmiddlewaretoken": "s3cret"}
    page = client.post(reverse("change-password"), {**sent, "other": "x"}).content.decode()
    assert "s3cret" not in page


def test_more_than_64_kib_is_not_kept_and_the_page_says_so(client: Client, ann: User) -> None:
    page = client.post(URL, {"a": "b" * 70_000}).content.decode()
    assert "too long to be kept" in page
    assert "bbbb" not in page


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        '{"path": "/x"}',
        '{"path": 1, "fields": {}}',
        '{"path": "/x", "fields": {"a": "b"}}',
        '{"path": "/x", "fields": {"a": [1]}}',
        '{"path": "/x", "fields": []}',
        "[" * 20_000,
        "x" * 70_000,
    ],
)
def test_rubbish_in_the_hidden_field_is_left_aside(client: Client, ann: User, text: str) -> None:
    assert typed.unpacked(text) is None
    fields = {"username": "ann", "password": PASSWORD, "typed": text}
    assert client.post(LOGIN, fields).status_code == 303
    assert "typed" not in client.session


def test_a_strange_field_name_does_no_harm(
    client: Client, ann: User, lvs_cf: File, engine: FakeEngine
) -> None:
    packed = json.dumps({"path": URL, "fields": {"</script>": ["\r\n\x00"], "__class__": ["x"]}})
    client.post(LOGIN, {"username": "ann", "password": PASSWORD, "typed": packed, "next": URL})
    assert client.get(URL).status_code == 200


def test_a_form_left_open_over_another_login_is_shown_again(
    ann: User, lvs_cf: File, engine: FakeEngine
) -> None:
    browser = Client(enforce_csrf_checks=True)
    log_in_on(browser, browser.get(LOGIN))
    mine = form(browser.get(URL)) | {"tcp_timeout": "777"}
    browser.post(reverse("logout"), {"csrfmiddlewaretoken": mine["csrfmiddlewaretoken"]})
    log_in_on(browser, browser.get(LOGIN))

    ours = browser.post(URL, mine, headers={"origin": "http://testserver"})
    assert (ours.status_code, ours["Location"]) == (303, URL)
    assert form(browser.get(URL))["tcp_timeout"] == "777"
    assert lvs_cf.text == LVS_CF


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_a_form_of_another_site_is_refused_and_not_shown(
    ann: User, lvs_cf: File, engine: FakeEngine, origin: str
) -> None:
    browser = Client(enforce_csrf_checks=True)
    log_in_on(browser, browser.get(LOGIN))
    forged = {"tcp_timeout": "777", "csrfmiddlewaretoken": "x" * 64}
    response = browser.post(URL, forged, headers={"origin": origin} if origin else {})
    assert response.status_code == 403
    assert "did not come from a page of this web" in response.content.decode()
    assert form(browser.get(URL))["tcp_timeout"] != "777"
    assert lvs_cf.text == LVS_CF


def test_the_text_of_the_file_is_there_again_too(
    client: Client, ann: User, lvs_cf: File, engine: FakeEngine
) -> None:
    url = reverse("edit-file")
    text = LVS_CF.replace("deadtime = 18", "deadtime = 19")
    log_in_on(client, client.post(url, {"text": text, "revision": lvs_cf.revision}))
    again = form(client.get(url), "text")
    assert "deadtime = 19" in again["text"]
    assert again["revision"] == lvs_cf.revision
    assert lvs_cf.text == LVS_CF


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/virtual-server/shop/", "port"),
        ("/virtual-servers/add/", "port"),
        ("/virtual-server/shop/real-servers/add/", "weight"),
        ("/virtual-server/shop/real-server/one/", "weight"),
        ("/virtual-server/shop/monitoring-scripts/", "send"),
        ("/redundancy/", "keepalive"),
    ],
)
def test_every_panel_gets_its_form_back(
    admin: Client, ann: User, lvs_cf: File, engine: FakeEngine, path: str, field: str
) -> None:
    lvs_cf.write(LVS_CF.replace("backup_active = 0", "backup_active = 1\nbackup = 192.0.2.12"))
    mine = form(admin.get(path), field) | {field: "4711"}
    browser = Client()
    log_in_on(browser, browser.post(path, mine))
    assert form(browser.get(path), field)[field] == "4711"
