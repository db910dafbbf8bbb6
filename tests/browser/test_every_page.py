"""Every page in both languages and themes, as wide as a telephone, a laptop and a wall."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.director import Director
from tests.browser.pictures import LOOKS, faults
from tests.browser.reader import Look

PAGES = {
    "introduction": "/",
    "control": "/control/",
    "control-table": "/control/table/",
    "control-processes": "/control/processes/",
    "control-why": "/control/why/?virtual=shop&real=one",
    "global-settings": "/global-settings/",
    "redundancy": "/redundancy/",
    "redundancy-enable": "/redundancy/?enable=1",
    "virtual-servers": "/virtual-servers/",
    "virtual-server": "/virtual-server/shop/",
    "virtual-server-add": "/virtual-servers/add/",
    "virtual-server-delete": "/virtual-server/shop/delete/",
    "real-servers": "/virtual-server/mail/real-servers/",
    "real-server": "/virtual-server/shop/real-server/one/",
    "real-server-add": "/virtual-server/shop/real-servers/add/",
    "real-server-delete": "/virtual-server/shop/real-server/one/delete/",
    "monitoring-scripts": "/virtual-server/shop/monitoring-scripts/",
    "difference": "/difference/",
    "sync-alone": "/sync/",
    "revisions": "/revisions/",
    "edit-file": "/edit-file/",
    "audit": "/audit/",
    "password": "/password/",
    "help": "/help/",
    "help-global-settings": "/help/global_settings/",
    "help-sync": "/help/sync/",
}
every_look = pytest.mark.parametrize(
    "look", LOOKS, ids=lambda look: f"{look.language}-{look.theme}"
)


@every_look
def test_no_page_is_hard_to_read_for_anybody(
    a_director: Director, open_browser: Open, look: Look
) -> None:
    somebody = open_browser(a_director, look)
    found = faults(somebody.visit("/login/"), look, "login")
    page = somebody.enter("/")
    for name, path in PAGES.items():
        answer = page.goto(a_director.url + path)
        assert answer is not None
        assert answer.ok, f"{name}: {answer.status}"
        found += faults(page, look, name)
    assert not found, "\n".join(found)


@every_look
def test_no_bad_news_is_hard_to_read_for_anybody(
    a_director: Director, open_browser: Open, look: Look
) -> None:
    page = open_browser(a_director, look).enter("/")
    found = []
    for name, befall in MISHAPS.items():
        befall(a_director, page)
        found += faults(page, look, name)
    page = open_browser(a_director, look).enter("/global-settings/", "vera")
    page.evaluate("document.querySelector('main form').requestSubmit()")
    expect(page.locator("main form")).to_have_count(0)
    found += faults(page, look, "not-allowed")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[-1]], ids=["en-light", "zh-dark"])
def test_a_refused_login_is_not_hard_to_read_for_anybody(
    a_director: Director, open_browser: Open, look: Look
) -> None:
    page = open_browser(a_director, look).visit("/login/")
    page.locator("#id_username").fill(f"stranger-{look.language}-{look.theme}")
    page.locator("#id_password").fill("a guess")
    accept(page)
    expect(page.locator("#errors")).to_be_visible()
    found = faults(page, look, "login-wrong")
    assert not found, "\n".join(found)


def accept(page: Page) -> None:
    page.locator("main button.primary").click()


def wrong_fields(director: Director, page: Page) -> None:
    page.goto(director.url + "/global-settings/")
    page.locator("#id_primary").fill("here")
    page.locator("#id_tcp_timeout").fill("soon")
    accept(page)
    expect(page.locator("#errors")).to_be_visible()


def second_to_save(director: Director, page: Page) -> None:
    page.goto(director.url + "/global-settings/")
    with instead(director, "\nudp_timeout = 77\n"):
        page.locator("#id_tcp_timeout").fill("1234")
        accept(page)
        expect(page.locator("tr.contested").first).to_be_visible()


def edited_by_hand(director: Director, page: Page) -> None:
    with instead(director, "virtual broken {\n  port = many\n}\n"):
        page.goto(director.url + "/global-settings/")
        expect(page.locator("main div[role=alert]")).to_be_visible()


@contextmanager
def instead(director: Director, more: str) -> Iterator[None]:
    """Let somebody add a few lines to lvs.cf for a while."""
    text = director.lvs_cf.read_text()
    director.lvs_cf.write_text(text + more)
    try:
        yield
    finally:
        director.lvs_cf.write_text(text)


MISHAPS = {"wrong-fields": wrong_fields, "conflict": second_to_save, "unsound": edited_by_hand}
