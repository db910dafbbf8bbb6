"""How long CONTROL/MONITORING takes at the web's own server, with 200 x 10 real servers.

A real gunicorn of one worker, asked over loopback. The engine is `talking_engine`: it speaks the
engine's protocol with answers made before, whose numbers all differ from one second to the next;
2 000 checks beside it would take the machine. What the real engine needs for one such answer is
a row of its own.
"""

from __future__ import annotations

import gzip
import http.client
import os
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from lvsengine.control import client, messages
from lvsengine.snapshot import Snapshot
from tests.bench import host, processes
from tests.bench.configurations import Plan, lvs_cf
from tests.bench.figures import Goal, Options, Row, Section

VIRTUALS, REALS = 200, 10
BROWSERS = 20
WATCHED_S = 10.0
PAUSE_S = 1.0  # a snapshot is shared for 0.9 s: after this each figure is of a new one
START_S = 30.0
PASSWORD = "measured-Password-1"  # noqa: S105 - of a scratch user in a folder that is thrown away
ADD_USER = (
    "from piranha.models import User; u = User(username='piranha');"
    f" u.set_password('{PASSWORD}'); u.save()"
)
STATIC = re.compile(r'(?:src|href)="(/static/[^"]+)"')
SEEN = re.compile(r'data-seen="(\w+)"')
TOKEN = re.compile(r'csrfmiddlewaretoken" value="(\w+)"')
PAGES = ("/control/", "/global-settings/", "/redundancy/", "/virtual-servers/", "/help/")


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    wire: bytes
    ms: float

    @property
    def text(self) -> str:
        zipped = self.headers.get("Content-Encoding") == "gzip"
        return (gzip.decompress(self.wire) if zipped else self.wire).decode()


@dataclass
class Browser:
    """Keeps its connection and its cookies, and takes gzip."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, path: str, form: dict[str, str] | None = None) -> Answer:
        headers = {"Accept-Encoding": "gzip", "X-Poll": "1"}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = None if form is None else urlencode(form)
        began = time.perf_counter()
        self.connection.request("GET" if form is None else "POST", path, body, headers)
        answer = self.connection.getresponse()
        wire = answer.read()
        ms = 1000 * (time.perf_counter() - began)
        for said in answer.headers.get_all("Set-Cookie") or ():
            name, _equals, value = said.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(answer.status, answer.headers, wire, ms)

    def log_in(self) -> None:
        token = _found(TOKEN, self.ask("/login/").text)
        form = {"csrfmiddlewaretoken": token, "username": "piranha", "password": PASSWORD}
        answer = self.ask("/login/", form)
        if answer.status != 303:
            raise RuntimeError(f"no log in: {answer.status}")


def run(options: Options) -> list[Section]:
    title = f"the web, {VIRTUALS} x {REALS} (on the host, one worker, an engine that only talks)"
    with _web("busy") as (browser, pid):
        rows = [
            _row("CONTROL, full page", "ms", options, lambda: _page(browser).ms, 150),
            *_updates(browser, options),
            *_first_loads(browser),
            _crowd(browser, pid),
        ]
    with _web("quiet") as (browser, _pid):
        rows.append(_unchanged(browser, options))
    return [Section(title, rows), _engines_own(options)]


def _row(
    label: str, unit: str, options: Options, figure: Callable[[], float], limit: float
) -> Row:
    figure()  # templates are read for the first time
    return Row(label, unit, [figure() for _ in range(options.runs)], goal=Goal(limit))


def _page(browser: Browser) -> Answer:
    time.sleep(PAUSE_S)
    return browser.ask("/control/")


def _updates(browser: Browser, options: Options) -> Iterator[Row]:
    seen, answers = _found(SEEN, _page(browser).text), list[Answer]()
    for _ in range(options.runs):
        time.sleep(PAUSE_S)
        answers.append(browser.ask(f"/control/update/?seen={seen}"))
        seen = str(answers[-1].headers["X-Seen"])
    yield Row("CONTROL, update", "ms", [one.ms for one in answers], goal=Goal(80))
    sizes = [len(one.wire) / 1000 for one in answers]
    yield Row("CONTROL, update, body", "kB gzip", sizes, goal=Goal(60))


def _unchanged(browser: Browser, options: Options) -> Row:
    seen, figures = _found(SEEN, _page(browser).text), list[float]()
    for _ in range(options.runs):
        time.sleep(PAUSE_S)
        answer = browser.ask(f"/control/update/?seen={seen}")
        if answer.status != 204:
            raise RuntimeError(f"nothing changed, and the update answers {answer.status}")
        figures.append(answer.ms)
    return Row("CONTROL, update, nothing changed (204)", "ms", figures, goal=Goal(80))


def _first_loads(browser: Browser) -> Iterator[Row]:
    for path in PAGES:
        page = browser.ask(path)
        files = {browser.ask(name).wire for name in set(STATIC.findall(page.text))}
        size = (len(page.wire) + sum(map(len, files))) / 1000
        yield Row(f"first load of {path}", "kB", [size], goal=Goal(120))


def _crowd(browser: Browser, pid: int) -> Row:
    """Let 20 browsers update every second, and see what the web takes of a core."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_watch, args=(browser, number / BROWSERS, stop))
        for number in range(BROWSERS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(2 * PAUSE_S)
    before, began = processes.usage(pid).cpu_s, time.monotonic()
    time.sleep(WATCHED_S)
    share = (processes.usage(pid).cpu_s - before) / (time.monotonic() - began)
    stop.set()
    for thread in threads:
        thread.join()
    return Row("20 browsers updating every second", "% of a core", [100 * share], goal=Goal(30))


def _watch(like: Browser, after_s: float, stop: threading.Event) -> None:
    browser, seen = Browser(like.port, dict(like.cookies)), ""
    stop.wait(after_s)
    while not stop.wait(PAUSE_S):
        seen = str(browser.ask(f"/control/update/?seen={seen}").headers["X-Seen"])


def _engines_own(options: Options) -> Section:
    """What the real engine needs to answer, and the web to read, one snapshot of that size."""
    plan = host.on_host(Plan(virtuals=VIRTUALS, reals=REALS, interval_s=6))
    figures = []
    with host.remembering(plan) as (_path, at):
        for _ in range(options.runs):
            time.sleep(PAUSE_S)
            began = time.perf_counter()
            client.ask(at, messages.Status(), Snapshot)
            figures.append(1000 * (time.perf_counter() - began))
    rows = [Row("a snapshot asked for and read, while it checks", "ms", figures)]
    return Section(f"the engine's snapshot, {VIRTUALS} x {REALS} (memory plane)", rows)


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise RuntimeError(f"no {pattern.pattern} in what the web answered")
    return found[1]


@contextmanager
def _web(scene: str) -> Iterator[tuple[Browser, int]]:
    """Run an engine that talks and a web on it; gives a browser that is logged in."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stack.enter_context(_environment(folder))
        at, log = folder / "pulse.sock", folder / "log"
        (folder / "lvs.cf").write_text(lvs_cf(Plan(VIRTUALS, REALS, interval_s=6)))
        talking = [sys.executable, "-m", "tests.bench.talking_engine", str(at), "--scene", scene]
        engine = stack.enter_context(processes.running(talking, log))
        processes.wait_until(at.exists, engine, log, START_S, 0.05)
        manage = (sys.executable, "manage.py")
        processes.timed((*manage, "migrate", "-v0"))
        processes.timed((*manage, "shell", "-v0", "-c", ADD_USER))
        port = _free_port()
        command = [str(processes.BIN / "gunicorn"), "--workers", "1", "--worker-class", "gthread"]
        command += [
            "--threads",
            "8",
            "--no-control-socket",
            "--bind",
            f"127.0.0.1:{port}",
            "piranha.wsgi",
        ]
        web = stack.enter_context(processes.running(command, log))
        processes.wait_until(lambda: _listens(port), web, log, START_S, 0.05)
        browser = Browser(port)
        browser.log_in()
        yield browser, web.pid


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    ours = {
        "PIRANHA_STATE": str(folder),
        "PIRANHA_CONFIG": str(folder / "lvs.cf"),
        "PIRANHA_SOCKET": str(folder / "pulse.sock"),
        "PIRANHA_WEB": str(folder / "web"),
        "PIRANHA_SYNC": str(folder / "sync"),
        "DJANGO_SETTINGS_MODULE": "piranha.settings",
    }
    before = dict(os.environ)
    os.environ.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
