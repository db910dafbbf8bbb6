from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.director import Director, serving_director
from tests.browser.reader import PATIENCE_MS, Look, Reader, reader

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def a_director(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Director]:
    """A director at work, one for each file of tests."""
    with serving_director(tmp_path_factory.mktemp("director")) as made:
        yield made


Open = Callable[..., Reader]


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Open]:
    """Give people browsers of their own; none of them may meet an error in a page."""
    with ExitStack() as stack:

        def opened(of: Director, look: Look | None = None) -> Reader:
            return stack.enter_context(reader(chromium, of.url, look or Look()))

        yield opened
