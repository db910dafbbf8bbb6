"""piranha-gui as installed: a real gunicorn, a real database, a real network."""

from __future__ import annotations

import hashlib
import http.client
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from piranha.access import gui
from tests.piranha.access.conftest import PASSWORD
from tests.ports import free_port

ROOT = Path(__file__).parents[3]
RUN = "from piranha.access import become, {0}; become.USER = ''; raise SystemExit({0}.main())"
WAIT_S = 30
LVS_CF = "serial_no = 1\nprimary = 192.0.2.1\nservice = lvs\nnetwork = direct\n"


@dataclass
class Web:
    """A web that was started for a test, and a browser at it."""

    folder: Path
    port: int = field(default_factory=free_port)
    cookies: dict[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None

    def command(self, *arguments: str) -> list[str]:
        paths = {"config": "lvs.cf", "state": "state", "web": "web", "sync": "sync"}
        paths["socket"] = "pulse.sock"
        named = [f"--{name}={self.folder / path}" for name, path in paths.items()]
        where = ["--bind", "127.0.0.1", "--port", str(self.port)]
        return [sys.executable, "-c", RUN.format("gui"), *where, *named, *arguments]

    def connection(self) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=WAIT_S, context=self.context
        )

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
        with closing(self.connection()) as browser:
            sent = {"Content-Type": "application/x-www-form-urlencoded"} | {
                name.replace("_", "-"): value for name, value in headers.items()
            }
            if self.cookies:
                sent["Cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
            browser.request(method, path, body, sent)
            answer = browser.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                name, _equals, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return answer.status, answer.read().decode()

    def raw(self, request_line: str) -> bytes:
        """Send a request as no browser would write it."""
        cookies = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        with closing(socket.create_connection(("127.0.0.1", self.port), WAIT_S)) as connection:
            head = f"{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            connection.sendall(f"{head}Cookie: {cookies}\r\n\r\n".encode("latin-1"))
            answer = b""
            while more := connection.recv(65536):
                answer += more
            return answer

    def token(self) -> str:
        found = re.search(
            r'name="csrfmiddlewaretoken" value="(\w+)"', self.ask("GET", "/login/")[1]
        )
        assert found is not None
        return found[1]

    def log_in(self, password: str = PASSWORD, name: str = "piranha", token: str = "") -> int:
        fields = {"username": name, "password": password}
        body = urlencode({**fields, "csrfmiddlewaretoken": token or self.token()})
        return self.ask("POST", "/login/", body)[0]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@contextmanager
def served(web: Web, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a web, its log in a file: a pipe that nobody reads would hold it up."""
    with (
        (web.folder / "log").open("w") as log,
        subprocess.Popen(
            web.command(*arguments), stdout=log, stderr=subprocess.STDOUT, text=True, cwd=ROOT
        ) as process,
    ):
        try:
            until = time.monotonic() + WAIT_S
            while "piranha-gui: serving http" not in web.log and time.monotonic() < until:
                assert process.poll() is None, web.log
                time.sleep(0.02)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_S)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("web")
    (folder / "lvs.cf").write_text(LVS_CF)
    (folder / "web" / "secure").mkdir(parents=True)
    setting = [sys.executable, "-c", RUN.format("passwd"), "--state", str(folder / "state")]
    subprocess.run(setting, input=PASSWORD, text=True, check=True, capture_output=True, cwd=ROOT)
    here = Web(folder)
    with served(here):
        yield here


@pytest.fixture
def browser(web: Web) -> Web:
    return Web(web.folder, web.port)


def test_it_greets_and_lets_in_who_has_the_password(browser: Web) -> None:
    status, page = browser.ask("GET", "/")
    assert (status, "LOGIN" in page) == (200, True)
    assert browser.log_in() == 303
    assert browser.ask("GET", "/global-settings/")[0] == 200


def test_a_hundred_logins_at_once_leave_the_web_answering(browser: Web, web: Web) -> None:
    token = browser.token()

    def guess(number: int) -> int:
        guessing = Web(web.folder, web.port, dict(browser.cookies))
        return guessing.log_in("wrong", f"guess-{number}", token)

    with ThreadPoolExecutor(100) as pool:
        statuses = set(pool.map(guess, range(100)))
    assert statuses <= {422, 503}
    assert 422 in statuses
    assert Web(web.folder, web.port).log_in() == 303


def test_clients_that_say_nothing_do_not_keep_others_waiting(browser: Web) -> None:
    silent = [
        socket.create_connection(("127.0.0.1", browser.port)) for _ in range(2 * gui.THREADS)
    ]
    for one in silent:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    try:
        assert browser.ask("GET", "/")[0] == 200
    finally:
        for one in silent:
            one.close()


@pytest.mark.parametrize(
    "target",
    [
        "/global-settings/",
        "//global-settings/",
        "/./global-settings/",
        "/login/../global-settings/",
        "/%2e/global-settings/",
        "/%67lobal-settings/",
        "/login/%2e%2e/global-settings/",
        "/static/../global-settings/",
        "/static/..%2fglobal-settings/",
        "/login/;/../global-settings/",
        "/global-settings/%20",
        "/global-settings/?/login/",
        "/global-settings/#/login/",
        "http://127.0.0.1/global-settings/",
        "http://127.0.0.1/login/../global-settings/",
        "*",
    ],
)
def test_no_way_of_writing_a_request_leads_around_the_allowlist(
    browser: Web, web: Web, target: str
) -> None:
    browser.log_in()
    allowlist = web.folder / "web" / "secure" / ".htaccess"
    allowlist.write_text("Order deny,allow\nDeny from all\n")
    try:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            answer = browser.raw(f"{method} {target}")
            assert int(answer.split()[1]) in (400, 403, 404), (method, answer[:200])
            assert b"tcp_timeout" not in answer
    finally:
        allowlist.unlink()


@pytest.mark.parametrize(
    "target",
    [
        "/static/../pyproject.toml",
        "/static/%2e%2e/pyproject.toml",
        "/static/..%2f..%2fetc/passwd",
        "/static//etc/passwd",
        "/static/%00",
        "/static/piranha.css%00.html",
    ],
)
def test_static_serves_nothing_but_static_files(browser: Web, target: str) -> None:
    answer = browser.raw(f"GET {target}")
    assert int(answer.split()[1]) in (301, 302, 400, 404)
    assert b"[project]" not in answer
    assert b"root:" not in answer


def test_an_oversized_body_is_a_sentence(browser: Web) -> None:
    browser.log_in()
    status, page = browser.ask("POST", "/global-settings/", "a=" + "1" * 3_000_000)
    assert status == 413
    assert "larger than any panel" in page


@pytest.mark.parametrize("name", ["a%0d%0aSet-Cookie:x=y", "a%0aX: y", "%e5%98%8a%e5%98%8dX:y"])
def test_a_name_with_line_ends_makes_no_header_and_no_log_line(browser: Web, name: str) -> None:
    head = browser.raw(f"GET /login/?next=/{name} ".strip()).partition(b"\r\n\r\n")[0]
    assert b"\r\nX:" not in head
    assert b"x=y" not in head
    head = browser.raw(f"GET /control/{name}").partition(b"\r\n\r\n")[0]
    assert b"\r\nX:" not in head
    assert b"x=y" not in head


def test_it_stops_at_once_and_its_log_holds_no_query_password_or_forged_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "lvs.cf").write_text(LVS_CF)
    here = Web(tmp_path)
    with served(here) as process:
        here.ask("GET", "/?token=sesame")
        here.raw("GET /x%0d%0aINFO:forged")
        here.ask("POST", "/login/", urlencode({"username": "u", "password": "sesame"}))
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0
    log = here.log
    assert "there is no password yet" in log
    assert "127.0.0.1 GET / 200" in log
    assert "sesame" not in log
    assert "\nINFO:forged" not in log
    assert "Traceback" not in log
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", here.port))


def test_with_a_certificate_of_its_own_it_prints_the_fingerprint_that_browsers_see(
    tmp_path: Path,
) -> None:
    (tmp_path / "lvs.cf").write_text(LVS_CF)
    here = Web(tmp_path)
    with served(here, "--tls", "self-signed"):
        here.context = ssl.create_default_context(cafile=str(tmp_path / "state/tls/cert.pem"))
        assert here.ask("GET", "/login/")[0] == 200
        pem = ssl.get_server_certificate(("127.0.0.1", here.port))
        der = ssl.PEM_cert_to_DER_cert(pem)
        assert hashlib.sha256(der).hexdigest().upper() in here.log.replace(":", "")


def test_behind_a_trusted_proxy_the_client_counts(tmp_path: Path) -> None:
    (tmp_path / "lvs.cf").write_text(LVS_CF)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / ".htaccess").write_text("Order allow,deny\nAllow from 192.0.2.7\n")
    here = Web(tmp_path)
    with served(here, "--trusted-proxy", "127.0.0.1"):
        assert here.ask("GET", "/")[0] == 403
        assert here.ask("GET", "/", X_Forwarded_For="192.0.2.7")[0] == 200
        assert here.ask("GET", "/", X_Forwarded_For="192.0.2.7, 192.0.2.8")[0] == 403
    assert "192.0.2.7 GET / 200" in here.log


def refused(web: Web, *arguments: str) -> str:
    done = subprocess.run(
        web.command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=WAIT_S,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_a_port_in_use_is_a_sentence(web: Web) -> None:
    assert f"port {web.port} of 127.0.0.1 is in use: does another" in refused(web)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--tls", "no.pem", "no.key"), "no.pem cannot be read: No such file"),
        (("--tls", str(ROOT / "README.md"), str(ROOT / "README.md")), "are no certificate with"),
        (("--tls", "one.pem"), "--tls wants CERT and KEY"),
        (("--port", "70000"), "--port must be 1 to 65535"),
        (("--bind", "203.0.113.77"), "203.0.113.77 is no address of this machine"),
        (("--bind", "no-such-host.invalid"), "is no address of this machine"),
        (("--trusted-proxy", "proxy.example"), "write its address"),
        (("--state", str(ROOT / "README.md")), "the state folder"),
    ],
)
def test_what_cannot_be_served_is_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in refused(Web(tmp_path), *arguments)


def test_without_an_address_it_listens_on_all_of_them() -> None:
    with closing(gui._listen("", free_port())) as listening:
        assert listening.getsockname()[0] in ("::", "0.0.0.0")


def test_its_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gui.main(["--help"])
    out = capsys.readouterr().out
    assert "--tls self-signed" in out
    assert "Allow from" in out


def test_a_worker_copies_from_the_start_to_whom_it_was_never_paired_with(tmp_path: Path) -> None:
    """The sync's thread is the worker's: nobody has opened a page, and it has tried already."""
    pair = LVS_CF.replace("192.0.2.1", "127.0.0.1") + "backup = 127.0.0.2\nbackup_active = 1\n"
    (tmp_path / "lvs.cf").write_text(pair)
    (tmp_path / "sync").mkdir()
    kept = tmp_path / "sync" / "sync.json"
    with served(Web(tmp_path)):
        until = time.monotonic() + WAIT_S
        while not kept.exists() or "not paired" not in kept.read_text():
            assert time.monotonic() < until, kept.read_text() if kept.exists() else "no sync.json"
            time.sleep(0.02)


def test_help_tells_where_the_sync_keeps_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gui.main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "--sync PATH" in told
    assert "/var/lib/piranha/sync" in told
