from __future__ import annotations

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.urls import reverse

from piranha.models import AuditEntry, Role, User
from tests.piranha.access.conftest import NEW_PASSWORD, PASSWORD, LogInByForm
from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import Response, form

URL = reverse("change-password")
CONTROL = reverse("control")


def change(
    client: Client, old: str = PASSWORD, new: str = NEW_PASSWORD, again: str = ""
) -> Response:
    fields = form(client.get(URL), "old_password")
    typed = {"old_password": old, "new_password": new, "verify_password": again or new}
    return client.post(URL, fields | typed)


@pytest.fixture
def browser(client: Client, ann: User, try_login: LogInByForm, lvs_cf: File) -> Client:
    try_login(client)
    return client


def form_field(page: Response) -> str:
    return page.content.decode()


@pytest.mark.parametrize("role", list(Role))
def test_anybody_may_change_the_own_password_and_the_next_click_asks_for_it(
    browser: Client, ann: User, try_login: LogInByForm, role: Role
) -> None:
    User.objects.update(role=role)
    beside = Client()
    try_login(beside)

    response = change(browser)

    assert response.status_code == 303
    assert browser.get(CONTROL).status_code == 302
    assert beside.get(CONTROL).status_code == 302
    assert "The password is changed." in form_field(browser.get(reverse("login")))
    assert try_login(browser).status_code == 422
    assert try_login(browser, NEW_PASSWORD).status_code == 303
    assert AuditEntry.objects.filter(action="change password", who="ann").count() == 1


@pytest.mark.parametrize(
    ("old", "new", "again", "says"),
    [
        ("wrong", NEW_PASSWORD, NEW_PASSWORD, "This is not it."),
        (PASSWORD, NEW_PASSWORD, "something-else-7", "are not the same"),
        (PASSWORD, "short1", "short1", "at least 10 characters"),
        (PASSWORD, "1357924680135", "1357924680135", "entirely numeric"),
        (PASSWORD, "Sunshine2024", "Sunshine2024", "is the word"),
        (PASSWORD, "", "", "This field is required."),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_changes_nothing(
    browser: Client, old: str, new: str, again: str, says: str
) -> None:
    before = User.objects.get().password
    response = change(browser, old, new, again)
    assert response.status_code == 422
    assert says in form_field(response)
    assert User.objects.get().password == before
    assert browser.get(CONTROL).status_code == 200


def test_no_password_comes_back_in_the_page(browser: Client) -> None:
    page = form_field(change(browser, "wrong-old-1x", NEW_PASSWORD, "other-new-1x"))
    assert not any(word in page for word in ("wrong-old-1x", NEW_PASSWORD, "other-new-1x"))


def test_guessing_the_old_password_is_throttled_and_keeps_no_password(
    browser: Client, try_login: LogInByForm
) -> None:
    pages = [form_field(change(browser, f"wrong-{n}")) for n in range(6)]
    assert "try again in 15 minutes" in pages[-1]
    assert "try again in 15 minutes" in form_field(change(browser))
    kept = str(list(AccessAttempt.objects.values()))
    assert NEW_PASSWORD not in kept
    assert "wrong-" not in kept


def test_only_who_is_logged_in_gets_the_form(client: Client, db: None) -> None:
    assert client.get(URL)["Location"].startswith(reverse("login"))


def test_the_page_shows_the_director_as_every_other(browser: Client, engine: FakeEngine) -> None:
    assert 'class="tabs"' in form_field(browser.get(URL))
