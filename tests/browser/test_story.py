"""Chapter 4 of the manual as one story: from the greeting to a real server that dies.

It is told three times: with the mouse, by keyboard alone, and in a browser without scripts, which
must load CONTROL anew to see what changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Open
from tests.browser.director import PASSWORD, Director, new_director
from tests.browser.hands import Hands, Keyboard, Mouse
from tests.browser.operators import Operator
from tests.browser.reader import Look
from tests.browser.real_servers import ADDRESS, RealServer, real_servers
from tests.kernel.lab.waiting import wait_until
from tests.ports import free_port

NEXT_PASSWORD = "marble-Sunrise-58-kettle"  # noqa: S105 - of a test
KINDS: dict[str, tuple[Hands, Look]] = {
    "mouse": (Mouse(), Look()),
    "keyboard": (Keyboard(), Look()),
    "without-scripts": (Mouse(), Look(scripts=False)),
}


class Site:
    """A director that is to be set up, and the real servers that wait for it."""

    def __init__(self, director: Director, servers: tuple[RealServer, ...]) -> None:
        self.director = director
        self.one, self.two = servers
        self.port = free_port()

    def who_answers(self, requests: int = 8) -> set[str]:
        """Ask the virtual server some times, and tell which real servers answered."""
        return {self._answer() for _ in range(requests)}

    def _answer(self) -> str:
        with urlopen(f"http://{ADDRESS}:{self.port}/", timeout=10) as answer:
            return str(answer.read().decode())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with (
        new_director(tmp_path) as director,
        real_servers("one", "two", log=tmp_path / "real-servers.log") as servers,
    ):
        yield Site(director, servers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_director_is_set_up_used_and_mended_by_the_web_alone(
    site: Site, open_browser: Open, kind: str
) -> None:
    hands, look = KINDS[kind]
    somebody = open_browser(site.director, look)
    me = Operator(somebody.visit("/"), hands, site.director)
    log_in(me)
    global_settings(me)
    redundancy(me)
    virtual_server(me, site)
    for server in (site.one, site.two):
        real_server(me, server)
    monitoring_script(me)
    activate(me)
    site.director.start_engine()
    traffic_moves(me, site)
    change_of_weight(me, site)
    real_server_dies(me, site)
    drained(me, site)
    password_changed(me)


def log_in(me: Operator) -> None:
    """4.2 and 4.3: the greeting, LOGIN, and CONTROL is the first page."""
    me.follow("LOGIN")
    me.write("Username", "piranha")
    me.hands.write(me.page.get_by_label("Password", exact=True), PASSWORD)
    me.press("LOGIN")
    me.is_at(re.compile("CONTROL|Not"))
    expect(me.page.get_by_role("banner")).to_contain_text("pulse is not running")


def global_settings(me: Operator) -> None:
    """4.4: addresses, and how packets travel; what does not apply goes away."""
    me.follow("GLOBAL SETTINGS")
    me.is_at("GLOBAL SETTINGS")
    me.write("Primary server private IP", "127.0.0.1")
    me.write("TCP timeout (seconds)", "900")
    me.write("NAT Router IP", "10.11.12.10")
    me.choose("NAT Router netmask", "255.255.255.0")
    me.write("NAT Router device", "eth1:1")
    me.save()


def redundancy(me: Operator) -> None:
    """4.5: a backup is enabled, and disabled again, for this story has one director."""
    me.follow("REDUNDANCY")
    me.is_at("REDUNDANCY")
    me.press("ENABLE")
    me.write("Redundant server public IP", "127.0.0.2")
    me.write("Redundant server private IP", "127.0.0.2")
    me.write("Heartbeat Interval (seconds)", "2")
    me.write("Assume dead after (seconds)", "6")
    assert "backup_active = 1\n" in me.save("ENABLE")
    text = me.save("DISABLE")
    assert "backup_active = 0\n" in text
    assert "keepalive = 2\n" in text


def virtual_server(me: Operator, site: Site) -> None:
    """4.6.1: ADD, the fields, ACCEPT."""
    me.follow("VIRTUAL SERVERS")
    me.is_at("VIRTUAL SERVERS")
    me.follow("ADD")
    me.write("Name", "HTTP")
    me.write("Application port", str(site.port))
    me.write("Virtual IP Address", ADDRESS)
    me.choose("Virtual IP Network Mask", "255.255.255.255")
    me.write("Device", "lo:1")
    me.write("Re-entry Time (seconds)", "2")
    me.write("Service timeout (seconds)", "1")
    me.choose("Scheduling", "wrr")
    assert "virtual HTTP {" in me.save()


def real_server(me: Operator, server: RealServer) -> None:
    """4.6.2: ADD, the fields, ACCEPT, (DE)ACTIVATE."""
    me.follow("REAL SERVER")
    me.follow("ADD")
    me.write("Name", server.name)
    me.write("Address", ADDRESS)
    me.write("Port", str(server.port))
    me.write("Weight", "1")
    me.save()
    me.follow("REAL SERVER")
    me.pick(f"Choose {server.name}")
    me.save("(DE)ACTIVATE")


def monitoring_script(me: Operator) -> None:
    """4.6.3: what is sent and what is expected."""
    me.follow("MONITORING SCRIPTS")
    me.write("Send", r"GET /health HTTP/1.0\r\n\r\n")
    me.write("Expect", "HTTP/1.")
    me.save()


def activate(me: Operator) -> None:
    """4.6: (DE)ACTIVATE on the list; the file is then what pulse can run."""
    me.follow("VIRTUAL SERVERS")
    me.pick("Choose HTTP")
    assert r'send = "GET /health HTTP/1.0\r\n\r\n"' in me.save("(DE)ACTIVATE")


def traffic_moves(me: Operator, site: Site) -> None:
    """4.8: pulse is started, both real servers answer, and CONTROL says so by itself."""
    me.follow("CONTROL/MONITORING")
    by_itself(me, row(me, "one"), "● up")
    by_itself(me, row(me, "two"), "● up")
    assert site.who_answers() == {"one", "two"}
    by_itself(me, row(me, "one"), re.compile("[1-9]"))


def change_of_weight(me: Operator, site: Site) -> None:
    """What is saved does not run yet: the strip says so, and Apply does it."""
    me.follow("VIRTUAL SERVERS")
    me.follow("HTTP")
    me.follow("REAL SERVER")
    me.follow("two")
    me.write("Weight", "3")
    me.save()
    me.is_told("until you apply it")
    me.go_by(me.page.locator(".strip a.differs"))
    me.sees("weight")
    me.press("Apply")
    me.sees("Applied: the engine runs revision")
    expect(me.page.locator(".strip a.differs")).to_have_count(0)
    assert " 3 " in site.director.lvsctl("table")


def real_server_dies(me: Operator, site: Site) -> None:
    """The page says so by itself, and why; nobody else is sent there; and it comes back."""
    me.follow("CONTROL/MONITORING")
    by_itself(me, row(me, "one"), "● up")
    site.one.kill()
    by_itself(me, row(me, "one"), "down")
    by_itself(me, row(me, "one"), re.compile("refused"))
    assert site.who_answers() == {"two"}
    site.one.start()
    by_itself(me, row(me, "one"), "● up")


def drained(me: Operator, site: Site) -> None:
    """A real server is drained by hand: it is quiesced until it is told otherwise."""
    me.press("Drain: HTTP/one")
    by_itself(me, row(me, "one"), "drain")
    wait_until(lambda: site.who_answers() == {"two"}, "one gets no new connections")
    me.press("Undrain: HTTP/one")
    by_itself(me, row(me, "one"), "● up")
    wait_until(lambda: site.who_answers() == {"one", "two"}, "one is back")


def password_changed(me: Operator) -> None:
    """CHANGE PASSWORD ends the session; the next click asks for the new one."""
    me.follow("CHANGE PASSWORD")
    me.is_at("CHANGE PASSWORD")
    fields = me.panel.locator('input[type="password"]')
    for number, typed in enumerate((PASSWORD, NEXT_PASSWORD, NEXT_PASSWORD)):
        me.hands.write(fields.nth(number), typed)
    me.press("ACCEPT")
    me.is_told("The password is changed. Log in with the new one.")
    me.write("Username", "piranha")
    me.hands.write(me.page.get_by_label("Password", exact=True), NEXT_PASSWORD)
    me.press("LOGIN")
    me.is_at("CONTROL/MONITORING")


def row(me: Operator, real: str) -> Locator:
    return me.panel.get_by_role("row").filter(
        has=me.page.get_by_role("rowheader", name=re.compile(rf"^{real}\b"))
    )


def by_itself(me: Operator, where: Locator, text: str | re.Pattern[str]) -> None:
    """See a text come without touching the page; a page without scripts must be loaded anew."""
    if me.page.evaluate("typeof htmx") == "object":
        expect(where).to_contain_text(text)
        return

    def loaded_anew() -> bool:
        me.page.reload()
        found = where.inner_text() if where.count() else ""
        return bool(re.search(text, found))

    wait_until(loaded_anew, f"CONTROL says {text!r}", 30.0)
