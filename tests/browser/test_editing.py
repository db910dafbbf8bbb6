"""What was typed is never lost: not by leaving, not by an error, not by somebody who was first."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import Open
from tests.browser.director import PASSWORD, Director
from tests.browser.hands import Hands, Keyboard, Mouse
from tests.browser.reader import SESSION, Look

PANEL = "/global-settings/"


def save(page: Page, hands: Hands) -> None:
    hands.press(page.get_by_role("button", name="ACCEPT"))


@pytest.mark.parametrize("hands", [Mouse(), Keyboard()], ids=["mouse", "keyboard"])
def test_accept_saves_without_loading_the_page_anew(
    a_director: Director, open_browser: Open, hands: Hands
) -> None:
    page = open_browser(a_director).enter(PANEL)
    page.evaluate("window.stillHere = true")
    timeout = {"Mouse": "901", "Keyboard": "902"}[type(hands).__name__]
    hands.write(page.get_by_role("textbox", name="TCP timeout"), timeout)
    save(page, hands)
    expect(page.locator("#notices")).to_contain_text("until you apply it")
    expect(page.locator("#notices")).to_contain_text(f"revision {a_director.revision}")
    assert f"tcp_timeout = {timeout}\n" in a_director.lvs_cf.read_text()
    assert page.evaluate("window.stillHere") is True


def test_without_scripts_accept_saves_too(a_director: Director, open_browser: Open) -> None:
    page = open_browser(a_director, Look(scripts=False)).enter(PANEL)
    page.get_by_role("textbox", name="UDP timeout").fill("301")
    save(page, Mouse())
    expect(page.locator("#notices")).to_contain_text("until you apply it")
    assert "udp_timeout = 301\n" in a_director.lvs_cf.read_text()


def test_an_error_gives_the_form_back_and_leads_to_its_field(
    a_director: Director, open_browser: Open
) -> None:
    page = open_browser(a_director).enter(PANEL)
    before = a_director.lvs_cf.read_text()
    page.get_by_role("textbox", name="TCP timeout").fill("soon")
    page.get_by_role("textbox", name="UDP timeout").fill("77")
    save(page, Mouse())
    wrong = page.get_by_role("textbox", name="TCP timeout")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_value("soon")
    expect(wrong).to_have_accessible_description(re.compile("whole number"))
    expect(page.get_by_role("textbox", name="UDP timeout")).to_have_value("77")
    page.locator("#errors a").press("Enter")
    expect(wrong).to_be_focused()
    assert a_director.lvs_cf.read_text() == before


def test_leaving_a_panel_with_unsaved_changes_asks(
    a_director: Director, open_browser: Open
) -> None:
    page = open_browser(a_director).enter(PANEL)
    page.get_by_role("textbox", name="TCP timeout").fill("55")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_role("link", name="REDUNDANCY").click()
    expect(page.get_by_role("textbox", name="TCP timeout")).to_have_value("55")
    assert asked == ["This panel has changes that are not saved. Leave them behind?"]
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="REDUNDANCY").click()
    expect(page).to_have_url(a_director.url + "/redundancy/")


def test_who_changed_nothing_is_not_asked(a_director: Director, open_browser: Open) -> None:
    page = open_browser(a_director).enter(PANEL)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.get_by_role("link", name="REDUNDANCY").click()
    expect(page).to_have_url(a_director.url + "/redundancy/")


def test_going_back_shows_the_panel_as_it_is_now(a_director: Director, open_browser: Open) -> None:
    page = open_browser(a_director).enter(PANEL)
    page.get_by_role("textbox", name="TCP FIN timeout").fill("131")
    save(page, Mouse())
    expect(page.locator("#notices")).to_contain_text("Saved")
    page.get_by_role("link", name="REDUNDANCY").click()
    expect(page).to_have_url(a_director.url + "/redundancy/")
    page.go_back()
    expect(page.get_by_role("textbox", name="TCP FIN timeout")).to_have_value("131")
    save(page, Mouse())
    expect(page.locator("#notices")).to_contain_text("Nothing was changed")


def test_of_two_who_edit_the_second_chooses_between_both_values(
    a_director: Director, open_browser: Open
) -> None:
    first = open_browser(a_director).enter(PANEL)
    second = open_browser(a_director).enter(PANEL)
    first.get_by_role("textbox", name="TCP timeout").fill("1001")
    second.get_by_role("textbox", name="TCP timeout").fill("2002")
    second.get_by_role("textbox", name="UDP timeout").fill("222")
    save(first, Mouse())
    expect(first.locator("#notices")).to_contain_text("Saved")
    save(second, Mouse())
    expect(second.get_by_role("heading", level=1)).to_have_text("Someone else saved first")
    contested = second.get_by_role("row", name="TCP timeout")
    expect(contested).to_contain_text("1001")
    contested.get_by_label("2002").check()
    save(second, Mouse())
    expect(second.locator("#notices")).to_contain_text("Saved")
    text = a_director.lvs_cf.read_text()
    assert "tcp_timeout = 2002\n" in text
    assert "udp_timeout = 222\n" in text


def test_a_viewer_reads_a_panel_and_has_nothing_to_save(
    a_director: Director, open_browser: Open
) -> None:
    page = open_browser(a_director).enter(PANEL, "vera")
    expect(page.get_by_role("textbox", name="TCP timeout")).to_be_disabled()
    expect(page.get_by_role("button", name="ACCEPT")).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text("admin")


def test_what_was_typed_when_the_session_was_over_comes_back_after_logging_in(
    a_director: Director, open_browser: Open
) -> None:
    somebody = open_browser(a_director)
    page = somebody.enter(PANEL)
    before = a_director.lvs_cf.read_text()
    page.get_by_role("textbox", name="TCP FIN timeout").fill("177")
    somebody.context.clear_cookies(name=SESSION)
    save(page, Mouse())
    page.get_by_label("Username").fill("piranha")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="LOGIN").click()
    expect(page.get_by_role("textbox", name="TCP FIN timeout")).to_have_value("177")
    assert a_director.lvs_cf.read_text() == before
    save(page, Mouse())
    expect(page.locator("#notices")).to_contain_text("Saved to lvs.cf")
    assert "tcpfin_timeout = 177\n" in a_director.lvs_cf.read_text()
