from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.contrib.sessions.backends.cached_db import SessionStore
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from piranha.access import sessions
from piranha.models import AuditEntry, User
from tests.piranha.access.conftest import LogInByForm
from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import submit

CONTROL = reverse("control")
MINUTE = 60
HTMX = {"HX-Request": "true"}


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass for the sessions alone."""
    passed = [0.0]
    began = time.time()

    class Clock:
        @staticmethod
        def time() -> float:
            return began + passed[0]

    monkeypatch.setattr(sessions, "time", Clock)

    def waited(seconds: float) -> None:
        passed[0] += seconds

    return waited


Wait = Callable[[float], None]


def test_a_session_ends_after_30_minutes_without_a_click(
    admin: Client, lvs_cf: File, wait: Wait
) -> None:
    wait(29 * MINUTE)
    assert admin.get(CONTROL).status_code == 200
    wait(29 * MINUTE)
    assert admin.get(CONTROL).status_code == 200
    wait(31 * MINUTE)
    assert admin.get(CONTROL)["Location"] == f"{reverse('login')}?next={CONTROL}"


@pytest.mark.parametrize(
    ("path", "headers"), [(CONTROL, {"X-Poll": "1"}), (f"{CONTROL}?poll=1", {})]
)
def test_a_page_that_updates_itself_does_not_keep_its_session_alive(
    admin: Client, lvs_cf: File, wait: Wait, path: str, headers: dict[str, str]
) -> None:
    for _ in range(10):
        wait(2.9 * MINUTE)
        assert admin.get(path, headers=headers).status_code == 200
    wait(2 * MINUTE)
    assert admin.get(path, headers=headers).status_code == 302


def test_a_session_ends_after_12_hours_however_busy(
    admin: Client, lvs_cf: File, wait: Wait
) -> None:
    for _ in range(12 * 3):
        assert admin.get(CONTROL).status_code == 200
        wait(20 * MINUTE)
    wait(1)
    assert admin.get(CONTROL).status_code == 302


YEAR = 365 * 24 * 60 * MINUTE


def test_a_clock_set_back_by_a_year_makes_no_session_last_a_year(
    admin: Client, lvs_cf: File, wait: Wait
) -> None:
    wait(-YEAR)
    assert admin.get(CONTROL).status_code == 200
    wait(31 * MINUTE)
    assert admin.get(CONTROL).status_code == 302


def test_a_clock_set_forward_by_a_year_asks_for_the_password_again(
    admin: Client, lvs_cf: File, wait: Wait
) -> None:
    wait(YEAR)
    assert admin.get(CONTROL).status_code == 302


def test_with_a_full_disk_below_the_database_pages_are_shown_and_lvs_cf_is_saved(
    admin: Client, lvs_cf: File, engine: FakeEngine, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(SessionStore, "save", full)
    monkeypatch.setattr(AuditEntry.objects, "create", full)
    wait(2 * MINUTE)  # a click is to be noted
    assert admin.get(CONTROL).status_code == 200
    submit(admin, reverse("global-settings"), tcp_timeout="301")
    assert "tcp_timeout = 301" in lvs_cf.text


def test_what_the_database_refuses_is_a_page_that_says_so(
    client: Client, ann: User, try_login: LogInByForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(SessionStore, "cycle_key", full)
    answer = try_login(client)
    assert answer.status_code == 503
    assert "database or disk is full" in answer.content.decode()


def test_clicks_are_written_at_most_once_a_minute(admin: Client, lvs_cf: File, wait: Wait) -> None:
    written = set()
    for _ in range(12):
        admin.get(CONTROL)
        written.add(Session.objects.get().session_data)
        wait(10)
    assert len(written) == 2


def test_a_login_takes_away_the_sessions_that_are_over(
    admin: Client, db: None, log_in: Callable[..., Client]
) -> None:
    Session.objects.update(expire_date="2020-01-01T00:00:00Z")
    log_in("viewer")
    assert Session.objects.count() == 1


def test_strangers_make_no_sessions(client: Client, db: None) -> None:
    client.get("/")
    client.get(reverse("login"))
    client.get(CONTROL)
    client.post(CONTROL, {"a": "b" * 1000})
    assert not Session.objects.exists()


def test_a_polling_page_is_told_once_and_left_as_it_is(client: Client, db: None) -> None:
    current = "http://testserver/control/?page=2"
    response = client.get(CONTROL, headers={**HTMX, "X-Poll": "1", "HX-Current-URL": current})
    assert response.status_code == 286
    assert response["HX-Retarget"] == "#notices"
    page = response.content.decode()
    assert "You have been logged out" in page
    assert "next=%2Fcontrol%2F%3Fpage%3D2" in page


def test_a_boosted_link_leads_to_the_login_page(client: Client, db: None) -> None:
    response = client.get(CONTROL, headers={**HTMX, "HX-Boosted": "true"})
    assert response["Location"] == f"{reverse('login')}?next={CONTROL}"


def test_the_engine_is_not_asked_for_who_is_not_logged_in(
    client: Client, lvs_cf: File, engine: FakeEngine, db: None
) -> None:
    client.get(CONTROL, follow=True)
    assert engine.asked == []
