"""CONTROL/MONITORING renews itself every second under somebody's hands, and takes nothing away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Response, expect

from tests.bench.talking_engine import Talker, engine
from tests.browser.conftest import Open
from tests.browser.director import Director, new_director
from tests.browser.pictures import LOOKS, faults
from tests.browser.reader import Look
from tests.piranha.fake_engine import listening

UPDATES = 3  # with one under way fewer than the answers that differ
LONG_MS = 20_000
OPEN = "[...document.querySelectorAll('details[open]')].map(one => one.id)"
SELECTED = "getSelection().toString()"
SELECT_FROM_NAME_TO_NUMBER = """() => {
  const name = document.querySelector("#virtuals h3").firstChild;
  const number = document.querySelectorAll("#virtuals td.number")[4].firstChild;
  getSelection().setBaseAndExtent(name, 1, number, 1);
}"""


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Director]:
    """A web whose engine answers other numbers each second, and has some of every trouble."""
    talking = engine(Talker(6, 4, "trouble"))
    with (
        new_director(tmp_path_factory.mktemp("busy")) as made,
        listening(talking, made.socket),
    ):
        yield made


@pytest.fixture
def page(busy: Director, open_browser: Open) -> Page:
    """CONTROL, updating every second."""
    shown: Page = open_browser(busy).enter("/control/")
    shown.locator("#interval").fill("1")
    shown.get_by_role("button", name="Keep").click()
    shown.locator("[data-every='1']").wait_for()
    return shown


@contextmanager
def updates(page: Page, number: int) -> Iterator[None]:
    """Wait at the end of the block until so many more updates were put in place."""
    answers: list[Response] = []

    def heard(response: Response) -> None:
        if "/control/update/" in response.url and response.status == 200:
            answers.append(response)

    page.on("response", heard)
    yield
    for _ in range(LONG_MS // 100):
        if len(answers) > number:  # the last one is under way perhaps
            break
        page.wait_for_timeout(100)
    page.remove_listener("response", heard)
    assert len(answers) > number
    assert {answer.request.headers.get("x-poll") for answer in answers} == {"1"}


def test_a_field_keeps_its_focus_its_text_and_what_is_chosen_in_it(page: Page) -> None:
    page.locator("#q").fill("half-typed")
    page.locator("#q").evaluate("one => one.setSelectionRange(2, 5)")
    with updates(page, UPDATES):
        before = page.locator("#virtuals .figures").first.inner_text()
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.evaluate("[q.value, q.selectionStart, q.selectionEnd]") == ["half-typed", 2, 5]
    assert page.locator("#virtuals .figures").first.inner_text() != before


def test_the_page_stays_where_it_was_scrolled_to_and_no_row_is_made_anew(page: Page) -> None:
    page.evaluate("window.scrollTo(0, 700); window.row = document.querySelector('tr[id^=r-]')")
    with updates(page, UPDATES):
        pass
    assert page.evaluate("scrollY") == 700
    assert page.evaluate("window.row.isConnected")


def test_selected_text_stays_selected_though_numbers_in_it_change(page: Page) -> None:
    page.evaluate(SELECT_FROM_NAME_TO_NUMBER)
    begun = page.evaluate(SELECTED)
    with updates(page, UPDATES):
        pass
    now = page.evaluate(SELECTED)
    assert now[:20] == begun[:20]
    assert abs(len(now) - len(begun)) < 10


def test_open_details_stay_open_with_what_was_fetched_for_them(page: Page) -> None:
    why = page.locator("td.why details").nth(2)
    why.locator("summary").click()
    page.locator("#d-table > summary").click()
    expect(why.locator("table")).to_be_visible()
    opened = page.evaluate(OPEN)
    with updates(page, UPDATES):
        pass
    assert page.evaluate(OPEN) == opened
    expect(why.locator("table")).to_be_visible()
    expect(page.locator("#d-table pre")).to_contain_text("192.0.2.1:80 wlc")


def test_a_buttons_focus_outlives_updates_and_its_own_order(page: Page) -> None:
    button = page.locator("td.orders button").nth(1)
    button.focus()
    chosen = page.evaluate("document.activeElement.value")
    with updates(page, 3):
        pass
    assert page.evaluate("document.activeElement.value") == chosen
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("is forced down")
    assert page.evaluate("document.activeElement.value") == chosen


def test_while_nobody_looks_nothing_is_asked(page: Page) -> None:
    asked: list[str] = []
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.wait_for_timeout(500)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []
    page.evaluate(
        """() => {
          delete document.hidden;
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.wait_for_timeout(500)
    assert asked


def test_what_is_old_is_called_old_and_new_again_when_the_web_answers(page: Page) -> None:
    page.route("**/control/update/**", lambda route: route.fulfill(status=503))
    expect(page.locator("#heard")).to_contain_text("What you see is old: no answer since")
    page.unroute("**/control/update/**")
    expect(page.locator("#heard")).to_contain_text("Last answer", timeout=LONG_MS)


def test_a_session_that_has_ended_is_told(page: Page) -> None:
    page.context.clear_cookies()
    expect(page.locator("#heard")).to_contain_text("Your session has ended")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.language}-{look.theme}")
def test_trouble_is_not_hard_to_read_for_anybody(
    busy: Director, open_browser: Open, look: Look
) -> None:
    page = open_browser(busy, look).enter("/control/")
    page.locator("td.why details summary").first.click()
    page.locator("#d-table > summary").click()
    expect(page.locator("td.why details table").first).to_be_visible()
    found = faults(page, look, "control-trouble")
    page.goto(f"{busy.url}/control/handover/")
    found += faults(page, look, "control-handover")
    assert not found, "\n".join(found)
