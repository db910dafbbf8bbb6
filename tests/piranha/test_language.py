"""Which language a browser gets, and how it is switched."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import form

ENGLISH, CHINESE = "Two directors share virtual IPs", "兩台 LVS 路由器共用虛擬 IP"


def page(client: Client, accept: str = "") -> str:
    return client.get(reverse("introduction"), headers={"accept-language": accept}).text


@pytest.mark.django_db
@pytest.mark.parametrize("wants", ["zh-TW,zh;q=0.9,en;q=0.8", "zh-HK", "zh-Hant", "zh", "zh-CN"])
def test_whoever_reads_chinese_gets_it(client: Client, wants: str) -> None:
    """Simplified too: it is nearer than English."""
    assert CHINESE in page(client, wants)
    assert '<html lang="zh-hant"' in page(client, wants)


@pytest.mark.django_db
@pytest.mark.parametrize("wants", ["en-US,en", "de-DE", "en,zh-TW;q=0.5", "", "*", "rubbish;;q=,"])
def test_everyone_else_gets_english(client: Client, wants: str) -> None:
    assert ENGLISH in page(client, wants)


@pytest.mark.django_db
def test_the_switch_counts_more_than_the_browser(client: Client) -> None:
    chosen = {"language": "zh-hant", "next": reverse("introduction")}
    response = client.post(reverse("set_language"), chosen)
    assert response.headers["Location"] == reverse("introduction")
    cookie = response.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie["samesite"], cookie["max-age"]) == ("Strict", 365 * 24 * 3600)
    assert CHINESE in page(client, "en-US")

    client.post(reverse("set_language"), chosen | {"language": "en"})
    assert ENGLISH in page(client, "zh-TW")


@pytest.mark.django_db
def test_whoever_is_not_logged_in_can_switch_by_the_pages_own_form() -> None:
    browser = Client(enforce_csrf_checks=True)
    fields = form(browser.get(reverse("login")), "next")
    answer = browser.post(reverse("set_language"), fields | {"language": "zh-hant"})
    assert answer.headers["Location"] == reverse("login")
    assert '<html lang="zh-hant"' in browser.get(reverse("login")).text


@pytest.mark.django_db
def test_the_switch_leads_to_no_other_host(client: Client) -> None:
    response = client.post(
        reverse("set_language"), {"language": "en", "next": "https://elsewhere.example/"}
    )
    assert "elsewhere" not in response.headers["Location"]


def test_a_rules_refusal_is_in_the_readers_language(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    typed = {"tcp_timeout": "soon", "network": "nat"}
    answer = admin.post(reverse("global-settings"), typed, headers={"accept-language": "zh-TW"})
    assert "必須是 0 到 2147483 的整數，而非 &#x27;soon&#x27;" in answer.text


def test_the_script_has_no_words_of_its_own() -> None:
    script = (Path(settings.ROOT) / "static" / "piranha.js").read_text()
    assert script.isascii()
    assert "startsWith" not in script
