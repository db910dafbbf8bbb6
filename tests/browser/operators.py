"""Somebody who works at the panels by one kind of hands, and finds everything by its words."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.director import Director
from tests.browser.hands import Hands
from tests.kernel.lab.waiting import wait_until

UNDER_WAY = ".htmx-request, .htmx-swapping, .htmx-settling"


class Operator:
    def __init__(self, page: Page, hands: Hands, director: Director) -> None:
        self.page = page
        self.hands = hands
        self.director = director

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("main")

    def follow(self, link: str) -> None:
        self.go_by(self.page.get_by_role("link", name=link, exact=True).first)

    def press(self, button: str) -> None:
        self.go_by(self.panel.get_by_role("button", name=button, exact=True))

    def go_by(self, what: Locator) -> None:
        """Press what asks the web for something, and wait for the answer to be in its place."""
        self.hands.press(what)
        self.page.wait_for_load_state()
        expect(self.page.locator(UNDER_WAY)).to_have_count(0)

    def write(self, label: str, text: str) -> None:
        self.hands.write(self.panel.get_by_role("textbox", name=label, exact=True), text)

    def choose(self, label: str, value: str) -> None:
        self.hands.choose(self.panel.get_by_role("combobox", name=label, exact=True), value)

    def pick(self, label: str) -> None:
        """Choose one of several, or a row of a list."""
        self.hands.press(self.panel.get_by_role("radio", name=label, exact=True))

    def tick(self, label: str) -> None:
        self.hands.press(self.panel.get_by_role("checkbox", name=label, exact=True))

    def save(self, button: str = "ACCEPT") -> str:
        """Press a button that changes lvs.cf; gives the file once the page says so too."""
        before = self.director.revision
        self.press(button)
        wait_until(lambda: self.director.revision != before, f"{button} changes lvs.cf")
        self.is_told(f"revision {self.director.revision}")
        return self.director.lvs_cf.read_text()

    def sees(self, text: str) -> None:
        expect(self.panel).to_contain_text(text)

    def is_told(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator("#notices")).to_contain_text(text)

    def is_at(self, heading: str | re.Pattern[str]) -> None:
        expect(self.panel.get_by_role("heading", level=1)).to_have_text(heading)
