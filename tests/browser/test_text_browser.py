"""In a text browser every panel can be read, and submitted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.director import PASSWORD, Director
from tests.browser.text_browser import TextBrowser, text_browser


@contextmanager
def logged_in(director: Director, home: Path) -> Iterator[TextBrowser]:
    with text_browser(director.url + "/login/", home) as w3m:
        w3m.see("LOGIN")
        w3m.write("Username", "piranha")
        w3m.write("Password", PASSWORD, "Password:")
        w3m.press("LOGIN")
        w3m.see("GLOBAL SETTINGS")
        yield w3m


def test_a_panel_is_filled_in_and_saved_in_w3m(a_director: Director, tmp_path: Path) -> None:
    with logged_in(a_director, tmp_path) as w3m:
        w3m.follow("GLOBAL SETTINGS")
        w3m.see("ACCEPT")
        w3m.write("TCP timeout", "905")
        w3m.press("ACCEPT")
        w3m.see("until you apply it")
    assert "tcp_timeout = 905\n" in a_director.lvs_cf.read_text()


def test_a_panel_can_be_read_with_its_labels_values_and_help(
    a_director: Director, tmp_path: Path
) -> None:
    with logged_in(a_director, tmp_path) as w3m:
        w3m.visit(a_director.url + "/global-settings/")
        w3m.see("CANCEL")
        w3m.see("Primary server public IP [ 127.0.0.1")
        w3m.see("NAT( ) Direct Routing( ) Tunneling")
        w3m.see("Seconds until an idle UDP exchange is forgotten; 0 leaves the kernel's 300.")
