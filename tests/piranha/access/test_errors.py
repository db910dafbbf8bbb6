from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse

from piranha.access import errors
from piranha.models import User
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine

URL = reverse("global-settings")


def test_a_page_that_is_not_there_is_in_our_look(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = admin.get("/no-such-page/<b>")
    assert response.status_code == 404
    page = response.content.decode()
    assert "There is no such page" in page
    assert 'class="tabs"' in page
    assert "<b>" not in page.split("There is no such page")[1]


@pytest.mark.parametrize("size", [1200 * 1024, 3 * 1024 * 1024])
def test_an_oversized_body_is_a_sentence(
    admin: Client, lvs_cf: File, engine: FakeEngine, size: int
) -> None:
    response = admin.post(URL, {"tcp_timeout": "1" * size})
    assert response.status_code == 413
    assert "larger than any panel" in response.content.decode()
    assert lvs_cf.text == LVS_CF


def test_too_many_fields_are_a_sentence(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    response = admin.post(URL, {f"field-{number}": "x" for number in range(600)})
    assert response.status_code == 413


def test_an_error_leaves_the_form_of_an_htmx_page_as_it_is(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = admin.post(URL, {"a": "1" * 1_200_000}, headers={"HX-Request": "true"})
    assert response["HX-Retarget"] == "#notices"
    assert response["HX-Reselect"] == "#sentence"
    assert 'id="sentence"' in response.content.decode()


def test_a_strange_host_is_a_sentence(client: Client, db: None) -> None:
    response = client.post(reverse("theme"), {"next": "/"}, HTTP_HOST="a b<script>")
    assert response.status_code in (302, 400)
    assert "<script>" not in response.content.decode()


def test_without_cookies_the_page_says_what_to_do(ann: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post(reverse("login"), {"username": "ann", "password": "x"})
    assert response.status_code == 403
    assert "Allow cookies" in response.content.decode()


def test_a_failure_in_the_web_tells_no_details(
    lvs_cf: File, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: HttpRequest, *_rest: object) -> HttpResponse:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(User.objects, "exists", broken)
    quiet = Client(raise_request_exception=False)
    response = quiet.get("/")
    assert response.status_code == 500
    page = response.content.decode()
    assert "Something went wrong in the web itself" in page
    assert "secret detail" not in page
    assert "Traceback" not in page


def test_even_the_page_of_a_failure_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_rest: object) -> str:
        raise OSError("no templates")

    monkeypatch.setattr(errors, "render_to_string", broken)
    response = errors.server_error(HttpRequest())
    assert response.status_code == 500
    assert b"Something went wrong" in response.content


@pytest.mark.parametrize("path", ["/", "/login/", "/no-such", "/static/piranha.css"])
def test_every_answer_carries_the_headers_that_keep_a_browser_safe(
    client: Client, db: None, path: str
) -> None:
    response = client.get(path)
    response.close()
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    if not path.startswith("/static"):
        assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../piranha/settings.py",
        "/static/%2e%2e/piranha/settings.py",
        "/static/..%2fpyproject.toml",
        "/static/....//pyproject.toml",
        "/static//etc/passwd",
        "/static/%00",
        "/static/",
        "/static",
    ],
)
def test_static_serves_nothing_but_static_files(client: Client, db: None, path: str) -> None:
    assert client.get(path).status_code in (302, 404)
