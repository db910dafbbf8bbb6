"""Every page in both languages and themes, as wide as a telephone, a laptop and a wall."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.processes import CHECKOUT
from tests.browser.axe import grave_violations
from tests.browser.conftest import Open
from tests.browser.director import Director
from tests.browser.reader import Look, Reader

SCREENSHOTS = CHECKOUT / ".build" / "screenshots"
WIDTHS = (360, 1280, 1920)
HEIGHT = 900
PAGES = {
    "introduction": "/",
    "control": "/control/",
    "global-settings": "/global-settings/",
    "redundancy": "/redundancy/",
    "virtual-servers": "/virtual-servers/",
    "difference": "/difference/",
    "revisions": "/revisions/",
    "audit": "/audit/",
    "help": "/help/",
    "help-global-settings": "/help/global_settings/",
}
LOOKS = [Look("en", "light"), Look("en", "dark"), Look("zh", "light"), Look("zh", "dark")]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.language}-{look.theme}")
def test_no_page_is_hard_to_read_for_anybody(
    a_director: Director, open_browser: Open, look: Look
) -> None:
    somebody = open_browser(a_director, look)
    found = _look_at(somebody, look, "login", "/login/")
    somebody.log_in()
    for name, path in PAGES.items():
        found += _look_at(somebody, look, name, path)
    assert not found, "\n".join(found)


def _look_at(somebody: Reader, look: Look, name: str, path: str) -> list[str]:
    page = somebody.visit(path)
    found = [f"{name}: {violation}" for violation in grave_violations(page)]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.screenshot(path=_picture(look, width, name), full_page=True)
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            found.append(f"{name}: {needed} pixels wide on a screen of {width}")
    return found


def _picture(look: Look, width: int, name: str) -> Path:
    return SCREENSHOTS / f"{look.language}-{look.theme}-{width}-{name}.png"
