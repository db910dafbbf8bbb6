"""CONTROL renews itself every second under the hands of somebody who works on it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.director import Director

AT_WORK = """() => {
  const row = document.getElementById("virtuals").querySelector("tr[id^='r-']");
  const title = document.getElementById("h-virtual");
  document.getSelection().selectAllChildren(title);
  window.scrollTo(0, 150);
  window.before = {row, focused: document.activeElement, top: window.scrollY};
  window.gone = 0;
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.removedNodes)
      if (node.nodeType === Node.ELEMENT_NODE) window.gone += 1;
  }).observe(document.getElementById("page"), {childList: true, subtree: true});
}"""
STILL = """() => ({
  row: window.before.row.isConnected,
  focus: document.activeElement === window.before.focused,
  scroll: window.scrollY === window.before.top,
  selected: document.getSelection().toString(),
})"""


def every_second(page: Page) -> None:
    page.get_by_label("Update Interval (seconds)").fill("1")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("[data-every='1']")).to_have_count(1)


def heard_again(page: Page, times: int) -> None:
    """Let the page renew itself some times."""
    for _ in range(times):
        with page.expect_response("**/control/update/**"):
            pass


def test_renewing_takes_nothing_from_who_works_on_the_page(
    a_director: Director, open_browser: Open
) -> None:
    page = open_browser(a_director).enter("/control/")
    every_second(page)
    why = page.get_by_role("row").filter(has_text="one").locator("details")
    why.locator("summary").click()
    expect(why).to_contain_text("answered")
    search = page.get_by_role("searchbox")
    search.fill("sho")
    page.evaluate(AT_WORK)
    heard_again(page, 3)
    assert page.evaluate("window.before.top") == 150
    assert page.evaluate(STILL) == {
        "row": True,
        "focus": True,
        "scroll": True,
        "selected": "Virtual servers",
    }
    expect(why).to_have_attribute("open", "")
    expect(search).to_have_value("sho")
    expect(search).to_be_focused()


def test_a_quiet_second_moves_nothing_on_the_page(
    a_director: Director, open_browser: Open
) -> None:
    page = open_browser(a_director).enter("/control/")
    every_second(page)
    page.evaluate(AT_WORK)
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
