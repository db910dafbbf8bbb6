from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from piranha.access import throttle
from piranha.models import AuditEntry, User
from tests.piranha.access.conftest import PASSWORD, LogInByForm
from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine

LOGIN = reverse("login")


def entries() -> list[tuple[str, str, str]]:
    return [(e.who, e.action, e.subject) for e in AuditEntry.objects.order_by("pk")]


def test_a_clock_set_back_by_a_year_keeps_nobody_out_for_a_year(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    for _ in range(5):
        try_login(client, password="wrong-guess")  # noqa: S106
    AccessAttempt.objects.update(attempt_time=timezone.now() + timedelta(days=365))
    assert try_login(client).status_code == 303


def test_until_there_is_a_password_every_page_says_so_and_how(client: Client, db: None) -> None:
    for path in ("/", LOGIN):
        page = client.get(path).content.decode()
        assert "There is no password yet" in page
        assert "piranha-passwd" in page
    assert 'type="password"' not in client.get(LOGIN).content.decode()


def test_the_right_password_leads_to_control_and_is_recorded(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    response = try_login(client)
    assert (response.status_code, response["Location"]) == (303, reverse("control"))  # type: ignore[index]
    entry = AuditEntry.objects.get()
    assert (entry.who, entry.action, entry.address) == ("ann", "log in", "192.0.2.50")


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/global-settings/", "/global-settings/"),
        ("/virtual-servers/?q=a", "/virtual-servers/?q=a"),
        ("https://evil.example/", "/control/"),
        ("//evil.example/", "/control/"),
        ("/\\evil.example", "/control/"),
        ("javascript:alert(1)", "/control/"),
        ("http://testserver/control/", "/control/"),
        ("/x\r\nSet-Cookie: a=b", "/x%0D%0ASet-Cookie:%20a=b"),
        ("", "/control/"),
    ],
)
def test_after_the_login_only_pages_of_this_web_are_gone_to(
    client: Client, ann: User, try_login: LogInByForm, asked: str, leads_to: str
) -> None:
    response = try_login(client, next=asked)
    assert response["Location"] == leads_to  # type: ignore[index]


def test_a_forged_host_does_not_lead_away(client: Client, ann: User) -> None:
    fields = {"username": "ann", "password": PASSWORD, "next": "http://evil.example/"}
    response = client.post(LOGIN, fields, HTTP_HOST="evil.example")
    assert response["Location"] == reverse("control")
    page = client.get("/", HTTP_HOST="evil.example").content.decode()
    assert "evil.example" not in page


def test_a_wrong_password_is_refused_kept_out_of_the_page_and_recorded_without_it(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    response = try_login(client, "wrong-guess-1")
    assert response.status_code == 422
    page = response.content.decode()
    assert "The username or the password is wrong." in page
    assert 'value="ann"' in page
    assert "wrong-guess-1" not in page
    assert entries() == [("ann", "log in refused", "ann")]
    assert "wrong-guess-1" not in str(list(AuditEntry.objects.values()))
    assert "wrong-guess-1" not in str(list(AccessAttempt.objects.values()))


def test_an_unknown_name_is_not_recorded_for_it_may_be_a_password(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    for number in range(7):
        assert try_login(client, "x", f"my-secret-{number}").status_code == 422
    assert entries() == [("-", "log in refused", "")]


def test_five_wrong_passwords_close_the_door_to_user_and_address_for_15_minutes(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    statuses = [try_login(client, f"wrong-{n}").status_code for n in range(5)]
    assert statuses == [422, 422, 422, 422, 429]
    refused = try_login(client)
    assert refused.status_code == 429
    assert "try again in 15 minutes" in refused.content.decode()
    assert try_login(client, from_="192.0.2.51").status_code == 303


def test_attempts_at_a_closed_door_neither_prolong_it_nor_fill_the_audit_log(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    for _ in range(5):
        try_login(client, "wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    for _ in range(20):
        assert try_login(client, "wrong").status_code == 429
    assert "try again in 1 minute." in try_login(client).content.decode()
    assert len(entries()) == 5
    assert AuditEntry.objects.latest("at").outcome == "locked for 15 minutes"
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert try_login(client).status_code == 303


def test_another_browser_does_not_open_a_closed_door(ann: User, try_login: LogInByForm) -> None:
    for number in range(5):
        try_login(Client(headers={"user-agent": f"browser {number}"}), "wrong")
    assert try_login(Client(headers={"user-agent": "browser 9"})).status_code == 429


def test_a_forged_forwarded_for_does_not_open_a_closed_door(client: Client, ann: User) -> None:
    statuses = [
        client.post(
            LOGIN,
            {"username": "ann", "password": "wrong"},
            HTTP_X_FORWARDED_FOR=f"198.51.100.{number}",
        ).status_code
        for number in range(6)
    ]
    assert statuses[4:] == [429, 429]


def test_the_lock_of_a_user_can_be_forgotten(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    for _ in range(5):
        try_login(client, "wrong")
    throttle.forget("ann")
    assert try_login(client).status_code == 303


def test_failures_that_are_over_leave_nothing_in_the_database(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    for number in range(30):
        try_login(client, "wrong", f"name-{number}")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    try_login(client, "wrong")
    assert AccessAttempt.objects.count() == 1


def test_who_finds_another_at_the_door_is_told_to_come_again(
    client: Client, ann: User, try_login: LogInByForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "WAIT_S", 0.01)
    monkeypatch.setattr(throttle, "_turn", threading.Lock())
    with throttle.turn():
        response = try_login(client)
    assert response.status_code == 503
    assert "Try again in a moment" in response.content.decode()


def test_a_login_gives_a_session_that_nobody_knew_before(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    client.cookies["piranha-session"] = "planted0planted0planted0planted0"
    try_login(client)
    assert client.cookies["piranha-session"].value != "planted0planted0planted0planted0"
    first = client.cookies["piranha-session"].value
    client.post(reverse("logout"))
    try_login(client)
    assert client.cookies["piranha-session"].value != first
    thief = Client()
    thief.cookies["piranha-session"] = first
    assert thief.get(reverse("control")).status_code == 302


def test_logging_out_ends_the_session_and_is_recorded(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    try_login(client)
    client.post(reverse("logout"))
    assert client.get(reverse("control")).status_code == 302
    assert entries()[-1] == ("ann", "log out", "")


def test_a_login_needs_our_own_form(ann: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post(LOGIN, {"username": "ann", "password": PASSWORD})
    assert response.status_code == 403


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    client: Client, ann: User, try_login: LogInByForm
) -> None:
    client.get(LOGIN)
    try_login(client)
    for name in ("piranha-session", "piranha-csrf"):
        cookie = client.cookies[name]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert not cookie["domain"]


def test_a_viewer_s_header_offers_the_own_password(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    page = viewer.get(reverse("control")).content.decode()
    assert reverse("change-password") in page
