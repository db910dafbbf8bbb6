"""The sync as somebody at the primary sees it: a real web, and the backup behind a real sshd."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.director import Director
from tests.browser.pictures import LOOKS, faults
from tests.browser.reader import Look
from tests.browser.test_text_browser import logged_in
from tests.piranha.fake_engine import listening
from tests.ports import free_port
from tests.sync import directors

SINCE = {"en": "Both directors have the same lvs.cf", "zh": "兩台 LVS 路由器有相同的 lvs.cf"}
COPY = {"en": "Copy to the backup", "zh": "複製到備援 LVS 路由器"}


@dataclass
class Pair:
    """A web at the primary, and the backup that it copies to."""

    web: Director
    peer: directors.Director
    sshd: ExitStack

    def starts_with(self, host_key: str) -> None:
        """Start the backup's sshd, anew."""
        self.sshd.close()
        self.sshd.enter_context(self.peer.sshd(self.peer.port, host_key))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    port = free_port()
    here = directors.Director(folder / "primary", "127.0.0.1", port)
    peer = directors.Director(folder / "backup", "127.0.0.2", port)
    peer.trust(here)
    here.trust(peer)
    peer.edit(1)
    with ExitStack() as stack:
        stack.enter_context(listening(peer.engine, peer.socket))
        sshd = stack.enter_context(ExitStack())
        web = stack.enter_context(Director(folder))
        web.lvs_cf, web.sync, web.user = here.config, here.folder, directors.USER
        web.lvs_cf.write_text(peer.text)
        web.let_in("piranha", "admin")
        web.let_in("vera", "viewer")
        made = Pair(web, peer, sshd)
        made.starts_with("host")
        web.start_web()
        yield made


def save(page: Page, url: str, seconds: str) -> None:
    page.goto(url + "/global-settings/")
    page.locator("#id_tcp_timeout").fill(seconds)
    page.locator("main button.primary").click()
    expect(page.locator(".notice.success")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.language}-{look.theme}")
def test_from_an_edit_to_every_standing_and_back(
    pair: Pair, open_browser: Open, look: Look
) -> None:
    """Each standing is brought about, is told by itself, looks well, and is mended here."""
    page = open_browser(pair.web, look).enter("/sync/")
    seconds = 100 + 10 * LOOKS.index(look)
    found = []

    save(page, pair.web.url, str(seconds))
    page.goto(pair.web.url + "/sync/")
    expect(page.locator(".standing .state.up")).to_contain_text(SINCE[look.language])
    assert pair.peer.text == pair.web.lvs_cf.read_text()
    found += faults(page, look, "sync-in-step")

    pair.sshd.close()
    save(page, pair.web.url, str(seconds + 1))
    expect(page.locator("#head .sync .state.down")).to_be_visible()
    page.goto(pair.web.url + "/sync/")
    expect(page.locator(".standing .state.down")).to_be_visible()
    found += faults(page, look, "sync-waiting")
    page.goto(pair.web.url + "/redundancy/")
    found += faults(page, look, "sync-redundancy")

    pair.starts_with("other-host")
    page.goto(pair.web.url + "/sync/")
    page.get_by_role("button", name=COPY[look.language]).click()
    expect(page.locator("main a[href='/sync/host-key/']")).to_be_visible()  # by itself
    found += faults(page, look, "sync-host-key-told")
    page.locator("main a[href='/sync/host-key/']").click()
    expect(page.locator(".fingerprint")).to_contain_text("SHA256:")
    found += faults(page, look, "sync-host-key")
    page.locator("input[name=compared]").check()
    page.locator("main button.danger").click()
    expect(page.locator(".standing .state.up")).to_contain_text(SINCE[look.language])

    pair.peer.write(pair.peer.text.replace("weight = 1\n", f"weight = {seconds}\n"))
    save(page, pair.web.url, str(seconds + 2))
    page.goto(pair.web.url + "/sync/")
    expect(page.locator("main a[href='/sync/compare/']")).to_be_visible()
    found += faults(page, look, "sync-stopped")
    page.locator("main a[href='/sync/compare/']").click()
    expect(page.locator("form[action='/sync/take-ours/']")).to_be_visible()
    found += faults(page, look, "sync-compare")
    ours = page.locator("form[action='/sync/take-ours/']")
    ours.locator("input[type=checkbox]").check()
    ours.locator("button").click()
    expect(page.locator(".standing .state.up")).to_contain_text(SINCE[look.language])
    assert pair.peer.text == pair.web.lvs_cf.read_text()

    pair.starts_with("host")  # as the next look expects it
    save(page, pair.web.url, str(seconds + 3))
    page.goto(pair.web.url + "/sync/")
    page.locator("main a[href='/sync/host-key/']").click()
    page.locator("input[name=compared]").check()
    page.locator("main button.danger").click()
    expect(page.locator(".standing .state.up")).to_contain_text(SINCE[look.language])
    assert not found, "\n".join(found)


def test_by_keyboard_alone_and_without_scripts_a_side_is_taken(
    pair: Pair, open_browser: Open
) -> None:
    page = open_browser(pair.web, Look(scripts=False, width=360)).enter("/sync/")
    pair.peer.write(pair.peer.text.replace("network = direct", "network = tunnel"))
    save(page, pair.web.url, "777")
    page.goto(pair.web.url + "/sync/compare/")
    page.locator("form[action='/sync/take-theirs/'] input[type=checkbox]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.success")).to_be_visible()
    assert "network = tunnel" in pair.web.lvs_cf.read_text()
    assert pair.peer.text == pair.web.lvs_cf.read_text()


def test_in_a_text_browser_it_is_read_and_copied(pair: Pair, tmp_path: Path) -> None:
    with logged_in(pair.web, tmp_path) as w3m:
        w3m.visit(pair.web.url + "/sync/")
        w3m.see("Look again")
        w3m.see("Both directors have the same lvs.cf")
        w3m.press("Copy to the backup")
        w3m.see("Both directors have the same lvs.cf")
        w3m.visit(pair.web.url + "/sync/host-key/")
        w3m.see("No host key of the backup waits")
        w3m.visit(pair.web.url + "/sync/compare/")
        w3m.see("There is nothing to choose")
