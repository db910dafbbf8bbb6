"""What each role is offered, and what it is not."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.director import Director
from tests.browser.hands import Mouse
from tests.browser.operators import Operator

EDITABLE = (
    "/global-settings/",
    "/redundancy/",
    "/virtual-servers/",
    "/virtual-server/shop/",
    "/virtual-server/shop/real-servers/",
    "/virtual-server/shop/real-server/one/",
    "/virtual-server/shop/monitoring-scripts/",
)


@pytest.mark.parametrize("user", ["vera", "oliver"])
def test_who_may_not_edit_reads_every_panel_and_is_offered_no_change(
    a_director: Director, open_browser: Open, user: str
) -> None:
    page = open_browser(a_director).enter("/control/", user)
    for path in EDITABLE:
        page.goto(a_director.url + path)
        expect(page.locator("main")).to_contain_text("admin")
        for button in page.locator("main form[method='post'] button").all():
            expect(button).to_be_disabled()


def test_a_viewer_is_offered_no_order(a_director: Director, open_browser: Open) -> None:
    page = open_browser(a_director).enter("/control/", "vera")
    expect(page.get_by_role("row").filter(has_text="why?").first).to_be_visible()
    expect(page.get_by_role("button", name="Drain")).to_have_count(0)


def test_an_operator_drains_and_the_log_says_who(a_director: Director, open_browser: Open) -> None:
    page = open_browser(a_director).enter("/control/", "oliver")
    me = Operator(page, Mouse(), a_director)
    me.press("Drain: shop/one")
    me.sees("drain")
    page.goto(a_director.url + "/audit/")
    expect(page.get_by_role("row").filter(has_text="oliver").first).to_contain_text("shop/one")
    page.goto(a_director.url + "/control/")
    me.press("Undrain: shop/one")
    expect(page.get_by_role("button", name="Drain: shop/one")).to_be_visible()
