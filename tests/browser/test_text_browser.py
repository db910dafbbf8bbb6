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


# What w3m shows of each panel: the last words of the page first, so that all of it has been drawn.
READ = {
    "/global-settings/": ("ACCEPT", "Primary server public IP [ 127.0.0.1", "(*) NAT"),
    "/redundancy/": ("ENABLE", "Backup: inactive"),
    "/redundancy/?enable=1": ("CANCEL", "Heartbeat Interval (seconds) [ 6"),
    "/virtual-servers/": ("DELETE", "STATUS NAME VIP NETMASK PORT PROTOCOL INTERFACE", "● up"),
    "/virtual-server/shop/": ("CANCEL", "Name [ shop", "Scheduling [ Weighted least-conn"),
    "/virtual-server/mail/real-servers/": ("DELETE", "■ down", "connection refused"),
    "/virtual-server/shop/real-server/one/": ("CANCEL", "Name [ one", "Weight [ 1"),
    "/virtual-server/shop/monitoring-scripts/": ("CANCEL", "Expect [ HTTP"),
    "/difference/": ("REDUNDANCY", "the engine goes from revision", "5 +added tcp_timeout = 905"),
    "/sync/": ("Look again", "There is no backup director"),
    "/audit/": ("log in", "piranha"),
    "/control/": ("CURRENT LVS ROUTING TABLE", "Daemon: ● running since", "shop ● 2 of 2"),
    "/help/sync/": ("lvsctl sync --dry-run", "Both directors run the same lvs.cf."),
    "/help/global_settings/": ("TCP FIN timeout", "Seconds until an idle TCP connection"),
}


def test_every_panel_can_be_read_with_its_labels_and_values(
    a_director: Director, tmp_path: Path
) -> None:
    with logged_in(a_director, tmp_path) as w3m:
        for path, texts in READ.items():
            w3m.visit(a_director.url + path)
            for text in texts:
                w3m.see(text)


def test_a_virtual_server_and_its_real_server_are_made_in_w3m(
    a_director: Director, tmp_path: Path
) -> None:
    with logged_in(a_director, tmp_path) as w3m:
        w3m.visit(a_director.url + "/virtual-servers/add/")
        w3m.see("CANCEL")
        w3m.write("Name", "news")
        w3m.write("Application port", "8119")
        w3m.write("Virtual IP Address", "127.0.0.1")
        w3m.write("Device", "lo:2")
        w3m.press("ACCEPT")
        w3m.see("Saved to lvs.cf")
        w3m.visit(a_director.url + "/virtual-server/news/real-servers/add/")
        w3m.see("CANCEL")
        w3m.write("Name", "reader")
        w3m.write("Address", "127.0.0.1")
        w3m.press("ACCEPT")
        w3m.see("Saved to lvs.cf")
    text = a_director.lvs_cf.read_text()
    assert "virtual news {" in text
    assert "server reader {" in text


def test_the_other_panels_are_submitted_in_w3m_too(a_director: Director, tmp_path: Path) -> None:
    before = a_director.lvs_cf.read_text()
    typed = {
        "/virtual-server/shop/": ("Service timeout", "7", "ACCEPT"),
        "/virtual-server/shop/real-server/one/": ("Weight", "9", "ACCEPT"),
        "/virtual-server/shop/monitoring-scripts/": ("Expect", "HTTP/1", "ACCEPT"),
        "/redundancy/?enable=1": ("Redundant server public IP", "192.0.2.12", "ENABLE"),
    }
    with logged_in(a_director, tmp_path) as w3m:
        for path, (label, text, button) in typed.items():
            w3m.visit(a_director.url + path)
            w3m.see("CANCEL")
            w3m.write(label, text)
            w3m.press(button)
            w3m.see("Saved to lvs.cf")
    text = a_director.lvs_cf.read_text()
    a_director.lvs_cf.write_text(before)
    for line in ("timeout = 7", "weight = 9", 'expect = "HTTP/1"', "backup = 192.0.2.12"):
        assert line in text
