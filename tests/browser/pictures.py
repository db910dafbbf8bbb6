"""A page's look from all sides: photographed at each width, and judged for everybody's eyes."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.bench.processes import CHECKOUT
from tests.browser.axe import grave_violations
from tests.browser.reader import Look

SCREENSHOTS = CHECKOUT / ".build" / "screenshots"
LOOKS = [Look("en", "light"), Look("en", "dark"), Look("zh", "light"), Look("zh", "dark")]
TELEPHONE, LAPTOP, WALL = 360, 1280, 1920
HEIGHT = 900


def faults(page: Page, look: Look, name: str) -> list[str]:
    """Keep `<language>-<theme>-<width>-<name>.png`; one line for each fault that is found."""
    found = [f"{name}: {violation}" for violation in grave_violations(page)]
    for width in _widths(look):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.evaluate("scrollTo(0, 0)")  # or the header stands in the middle of the picture
        picture = SCREENSHOTS / f"{look.language}-{look.theme}-{width}-{name}.png"
        page.screenshot(path=picture, full_page=True)
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            found.append(f"{name}: {needed} pixels wide on a screen of {width}")
    return found


def _widths(look: Look) -> tuple[int, ...]:
    """Give the widths that a look is photographed at; darkness changes no measure."""
    return (LAPTOP,) if look.theme == "dark" else (TELEPHONE, WALL, LAPTOP)
