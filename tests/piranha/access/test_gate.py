from __future__ import annotations

import logging
import os

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse

from piranha.access import gate
from tests.piranha.access.conftest import Files
from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine

CONTROL = reverse("global-settings")
LOGIN = reverse("login")
OFFICE = "192.0.2.7"
STRANGER = "203.0.113.9"
ONLY_OFFICE = f"Order deny,allow\nDeny from all\nAllow from {OFFICE}\n"


def status(client: Client, path: str, address: str = STRANGER, **meta: str) -> int:
    response = client.get(path, REMOTE_ADDR=address, **meta)  # type: ignore[arg-type]
    response.close()
    return response.status_code


def test_without_files_everybody_gets_to_the_login(client: Client, files: Files, db: None) -> None:
    assert status(client, LOGIN) == 200
    assert status(client, CONTROL) == 302


def test_the_inner_file_guards_the_panels_and_leaves_login_and_help_open(
    admin: Client, files: Files, lvs_cf: File, engine: FakeEngine
) -> None:
    files.inner.write_text(ONLY_OFFICE)

    assert status(admin, CONTROL) == 403
    assert status(admin, CONTROL, OFFICE) == 200
    for name in ("introduction", "login", "help"):
        assert status(admin, reverse(name)) in (200, 303), name


def test_who_may_not_see_the_panels_sees_nothing_of_the_director_on_the_outer_pages(
    admin: Client, files: Files, lvs_cf: File, engine: FakeEngine
) -> None:
    files.inner.write_text(ONLY_OFFICE)
    page = admin.get(reverse("help"), REMOTE_ADDR=STRANGER).content.decode()
    assert "since" not in page
    assert lvs_cf.revision[:6] not in page
    assert engine.asked == []


def test_the_outer_file_guards_everything_where_there_is_no_inner_one(
    admin: Client, files: Files, lvs_cf: File
) -> None:
    files.outer.write_text(ONLY_OFFICE)
    for path in ("/", LOGIN, reverse("help"), "/static/piranha.css", CONTROL, "/no-such-page"):
        assert status(admin, path) == 403, path
    assert status(admin, "/static/piranha.css", OFFICE) == 200


def test_a_change_counts_at_the_next_request_even_within_the_clock_s_grain(
    client: Client, files: Files, db: None
) -> None:
    files.outer.write_text(ONLY_OFFICE)
    when = files.outer.stat()
    assert status(client, LOGIN) == 403
    files.outer.write_text(ONLY_OFFICE.replace(OFFICE, "192.0.2.8"))
    os.utime(files.outer, ns=(when.st_atime_ns, when.st_mtime_ns))
    assert status(client, LOGIN, OFFICE) == 403
    assert status(client, LOGIN, "192.0.2.8") == 200
    files.outer.unlink()
    assert status(client, LOGIN) == 200


def test_an_error_lets_nobody_in_and_is_told_on_the_page_and_once_in_the_log(
    client: Client, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    files.outer.write_text("Order deny,allow\nDenny from all\n")
    with caplog.at_level(logging.ERROR):
        pages = [client.get(LOGIN, REMOTE_ADDR="127.0.0.1") for _ in range(3)]

    assert {page.status_code for page in pages} == {403}
    assert f"{files.outer}:2: Denny is not known here" in pages[0].content.decode()
    assert caplog.text.count(f"{files.outer}:2: Denny") == 1


def test_a_file_that_cannot_be_read_lets_nobody_in(client: Client, files: Files) -> None:
    files.outer.mkdir()
    page = client.get(LOGIN)
    assert page.status_code == 403
    assert "cannot be read: Is a directory" in page.content.decode()


def test_a_file_too_large_to_be_one_lets_nobody_in(client: Client, files: Files) -> None:
    files.outer.write_text("# x\n" * 20_000)
    assert "it is larger than" in client.get(LOGIN).content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/global-settings/",
        "/%67lobal-settings/",
        "/global-settings/?x=/login/",
        "/login/../global-settings/",
        "/login/%2e%2e/global-settings/",
        "/login//../global-settings/",
        "/GLOBAL-SETTINGS/",
        "/global-settings",
        "/global-settings/;/login/",
        "/static/../global-settings/",
        "/static/%2e%2e/global-settings/",
        "/static%2f..%2fglobal-settings/",
        "/global-settings/%00/login/",
        "/help/../control/",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_X_FORWARDED_FOR": OFFICE},
        {"HTTP_X_REAL_IP": OFFICE},
        {"HTTP_FORWARDED": f"for={OFFICE}"},
        {"HTTP_CLIENT_IP": OFFICE},
        {"HTTP_X_ORIGINAL_URL": "/login/"},
        {"HTTP_X_REWRITE_URL": "/login/"},
        {"HTTP_HOST": "localhost"},
        {"SCRIPT_NAME": ""},
    ],
)
def test_no_way_of_writing_the_path_and_no_header_leads_around_the_gate(
    admin: Client,
    files: Files,
    lvs_cf: File,
    engine: FakeEngine,
    path: str,
    headers: dict[str, str],
) -> None:
    files.inner.write_text(ONLY_OFFICE)
    page = admin.get(path, REMOTE_ADDR=STRANGER, **headers)  # type: ignore[arg-type]
    assert page.status_code in (403, 404)
    assert lvs_cf.revision not in page.content.decode()
    assert engine.asked == []


def test_every_address_that_is_not_named_as_outer_is_inner() -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert names > gate.OUTER
    assert {"control", "global-settings", "audit", "revisions", "change-password"} <= (
        names - gate.OUTER
    )


def test_a_trusted_proxy_s_word_counts(
    admin: Client, files: Files, lvs_cf: File, engine: FakeEngine, settings: object
) -> None:
    settings.TRUSTED_PROXIES = gate.client.proxies("10.0.0.5")  # type: ignore[attr-defined]
    files.inner.write_text(ONLY_OFFICE)
    assert status(admin, CONTROL, "10.0.0.5", HTTP_X_FORWARDED_FOR=OFFICE) == 200
    assert status(admin, CONTROL, "10.0.0.5", HTTP_X_FORWARDED_FOR=STRANGER) == 403
    assert status(admin, CONTROL, "10.0.0.5", HTTP_X_FORWARDED_FOR=f"{OFFICE}, junk") == 403
    assert status(admin, CONTROL, STRANGER, HTTP_X_FORWARDED_FOR=OFFICE) == 403


def shown(address: str) -> str:
    request = RequestFactory().get("/", REMOTE_ADDR=address)
    request.user = AnonymousUser()
    context = {"access": gate.standing(request)}
    return render_to_string("partials/allowlist.html", context, request)


def test_control_tells_both_files_and_that_the_asker_is_let_in(files: Files) -> None:
    files.inner.write_text(ONLY_OFFICE + "AuthType Basic\n")
    text = shown(OFFICE)
    assert f"You, at {OFFICE}, are let in." in text
    assert f"Allow from {OFFICE}" in text
    assert str(files.outer) in text
    assert "There is no such file, so everybody gets this far." in text
    assert "AuthType does nothing here" in text


def test_control_tells_who_would_lock_himself_out(files: Files) -> None:
    files.inner.write_text(ONLY_OFFICE)
    assert f"You have locked yourself out: the next click from {STRANGER}" in shown(STRANGER)
    files.inner.write_text("Order deny,allow\nAllow from all\n")
    files.outer.write_text(ONLY_OFFICE)
    assert "once you log out you cannot log in again from here" in shown(STRANGER)


def test_control_tells_what_is_wrong_with_a_file(files: Files) -> None:
    files.inner.write_text("Allow from <script>alert(1)</script>\n")
    text = shown(OFFICE)
    assert f"{files.inner}:1:" in text
    assert "<script>" not in text


def test_the_control_panel_has_the_allowlists_on_it(
    admin: Client, files: Files, lvs_cf: File, engine: FakeEngine
) -> None:
    files.inner.write_text(ONLY_OFFICE)
    page = admin.get(reverse("control"), REMOTE_ADDR=OFFICE).content.decode()
    assert str(files.inner) in page
    assert f"Allow from {OFFICE}" in page
