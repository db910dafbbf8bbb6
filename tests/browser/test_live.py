"""CONTROL says by itself that something has changed, and is still when nothing has."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.director import Director

COUNT_WHAT_GOES = """() => {
  window.gone = 0;
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.removedNodes)
      if (node.nodeType === Node.ELEMENT_NODE) window.gone += 1;
  }).observe(document.getElementById("page"), {childList: true, subtree: true});
}"""


def every_second(page: Page) -> None:
    page.get_by_label("Update Interval (seconds)").fill("1")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("[data-every='1']")).to_have_count(1)


def heard_again(page: Page, times: int) -> None:
    """Let the page renew itself some times."""
    for _ in range(times):
        with page.expect_response("**/control/update/**"):
            pass


def test_a_quiet_second_moves_nothing_on_the_page(
    a_director: Director, open_browser: Open
) -> None:
    page = open_browser(a_director).enter("/control/")
    every_second(page)
    page.evaluate(COUNT_WHAT_GOES)
    heard_again(page, 3)
    assert page.evaluate("window.gone") == 0


def test_the_page_says_by_itself_that_pulse_stops_and_that_the_web_is_gone(
    a_director: Director, open_browser: Open
) -> None:
    page = open_browser(a_director).enter("/control/")
    every_second(page)
    a_director.stop_engine()
    expect(page.get_by_role("main")).to_contain_text("stopped")
    expect(page.get_by_role("banner")).to_contain_text("pulse is not running")
    a_director.start_engine()
    expect(page.get_by_role("main")).to_contain_text("running since")
    a_director.stop_web()
    expect(page.get_by_role("main")).to_contain_text("What you see is old: no answer since")
    a_director.start_web()
    expect(page.get_by_role("main")).to_contain_text("Last answer")
