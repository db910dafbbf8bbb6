"""Two ways to do the same on a page: with a mouse, and with nothing but the keyboard."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page, expect

LONGEST_WAY = 150  # stops of Tab, from anywhere to anywhere on a page
IS_FOCUSED = "element => element === document.activeElement"
IS_SEEN = """element => {
  const style = getComputedStyle(element);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const head = document.getElementById("head");
  const under = head.getBoundingClientRect().bottom - element.getBoundingClientRect().top;
  return outlined && (head.contains(element) || under <= 0);
}"""


class Hands(Protocol):
    def press(self, what: Locator) -> None:
        """Follow a link, push a button, or tick a box."""

    def write(self, field: Locator, text: str) -> None:
        """Put a text in the place of what a field says."""

    def choose(self, drop_down: Locator, value: str) -> None: ...


class Mouse:
    def press(self, what: Locator) -> None:
        what.click()

    def write(self, field: Locator, text: str) -> None:
        field.fill(text)

    def choose(self, drop_down: Locator, value: str) -> None:
        drop_down.select_option(value)


class Keyboard:
    """Goes by Tab alone. The focus must be seen wherever it rests, and not under the header."""

    def press(self, what: Locator) -> None:
        kind = what.get_attribute("type")
        if kind == "radio":
            self._turn_to(what)
            return
        self._go_to(what)
        what.page.keyboard.press("Space" if kind == "checkbox" else "Enter")

    def write(self, field: Locator, text: str) -> None:
        self._go_to(field)
        keyboard = field.page.keyboard
        keyboard.press("Control+A")
        keyboard.press("Delete")
        keyboard.type(text)

    def choose(self, drop_down: Locator, value: str) -> None:
        self._go_to(drop_down)
        keyboard = drop_down.page.keyboard
        keyboard.press("Home")
        for _ in range(drop_down.locator("option").count()):
            if drop_down.input_value() == value:
                return
            keyboard.press("ArrowDown")
        expect(drop_down).to_have_value(value)

    def _turn_to(self, radio: Locator) -> None:
        """Go to a group, to the chosen one if any is, and by arrows to another."""
        page = radio.page
        group = page.locator(f'input[type="radio"][name="{radio.get_attribute("name")}"]')
        chosen = group.and_(page.locator(":checked"))
        if chosen.count():
            self._go_to(chosen)
        else:
            self._go_to(group.first)
            page.keyboard.press("Space")
        for _ in range(group.count()):
            if radio.is_checked():
                return
            page.keyboard.press("ArrowDown")
        expect(radio).to_be_checked()

    def _go_to(self, what: Locator) -> None:
        expect(what).to_be_visible()
        if not self._arrives(what.page, what):
            raise AssertionError(f"no way by Tab to {what}")
        assert what.evaluate(IS_SEEN), f"the focus on {what} cannot be seen"

    def _arrives(self, page: Page, what: Locator) -> bool:
        for _ in range(LONGEST_WAY):
            if what.evaluate(IS_FOCUSED):
                return True
            page.keyboard.press("Tab")
        return False
