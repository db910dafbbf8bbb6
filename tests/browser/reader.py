"""Somebody at a browser: how they like it to look, logging in, and what must never befall them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect  # fmt: skip

from tests.browser.director import PASSWORD

PATIENCE_MS = 15_000  # of everything; a page that is right answers at once
REFUSED_BY_DESIGN = "Failed to load resource"  # the console's line for a 403, 409 or 422


@dataclass(frozen=True, slots=True)
class Look:
    """How a browser is set.

    Attributes:
        width: Of the window, in pixels.
    """

    language: Literal["en", "zh"] = "en"
    theme: Literal["light", "dark"] = "light"
    width: int = 1280
    scripts: bool = True


SESSION = "piranha-session"


class Reader:
    """One person's browser, with its own cookies."""

    _sessions: ClassVar[dict[tuple[str, str], str]] = {}  # address and user -> their session

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.page = context.new_page()

    def visit(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def log_in(self, user: str = "piranha", password: str = PASSWORD) -> Page:
        page = self.visit("/login/")
        page.locator("#id_username").fill(user)
        page.locator("#id_password").fill(password)
        page.locator("main button.primary").click()
        expect(page.locator("nav.tabs")).to_be_visible()
        return page

    def session(self) -> str:
        (found,) = (one["value"] for one in self.context.cookies() if one["name"] == SESSION)
        return found

    def enter(self, path: str, user: str = "piranha") -> Page:
        """Open a page as somebody who logged in earlier."""
        who = (self.url, user)
        if who not in self._sessions:
            self.log_in(user)
            self._sessions[who] = self.session()
        cookie = self._sessions[who]
        self.context.add_cookies([{"name": SESSION, "value": cookie, "url": self.url}])
        return self.visit(path)


@contextmanager
def reader(chromium: Browser, url: str, look: Look) -> Iterator[Reader]:
    """Open a browser.

    Raises:
        AssertionError: At the end, where a page asked another host for something or where its
            script, or what its policy forbids, failed.
    """
    context = chromium.new_context(
        viewport={"width": look.width, "height": 900},
        color_scheme=look.theme,
        locale={"en": "en-US", "zh": "zh-TW"}[look.language],
        java_script_enabled=look.scripts,
    )
    context.set_default_timeout(PATIENCE_MS)
    wrong = _wrongs(context, url)
    try:
        yield Reader(context, url)
    finally:
        context.close()
    assert wrong == []


def _wrongs(context: BrowserContext, url: str) -> list[str]:
    """Collect what goes wrong in a browser without anybody seeing it."""
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and REFUSED_BY_DESIGN not in message.text:
            wrong.append(f"{message.type}: {message.text}")

    context.on("console", hear)
    context.on("weberror", lambda error: wrong.append(f"script: {error.error}"))
    context.on(
        "request",
        lambda request: (
            None if request.url.startswith(url) else wrong.append(f"asked {request.url}")
        ),
    )
    return wrong
