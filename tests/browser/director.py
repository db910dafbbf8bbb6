"""A director as an operator has it: a real engine, and the web of a real gunicorn, on loopback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

from lvsengine.lvscf import store
from lvsengine.privileges import name_of
from tests.bench.processes import BIN, running, wait_until
from tests.browser.real_servers import ADDRESS, RealServer, is_open, real_servers
from tests.kernel.lab.waiting import wait_until as wait_for
from tests.ports import free_port

START_S = 30.0
POLL_S = 0.05
PASSWORD = "violet-Harbour-29"  # noqa: S105 - of users who last as long as a test
OTHERS = {"oliver": "operator", "vera": "viewer"}
AS_INSTALLED = ("env", "-u", "DJANGO_SETTINGS_MODULE")  # which pytest sets

NEW_LVS_CF = """\
serial_no = 1
primary = 127.0.0.1
service = lvs
network = nat
"""
VIRTUAL_SERVER = """\
virtual {name} {{
     active = 1
     address = 127.0.0.1 lo:1
     vip_nmask = 255.255.255.255
     port = {port}
     send = "GET / HTTP/1.0\\r\\n\\r\\n"
     expect = "HTTP"
     scheduler = wlc
     protocol = tcp
     timeout = 1
     reentry = 2
"""
REAL_SERVER = """\
     server {name} {{
         address = 127.0.0.1
         active = 1
         weight = 1
         port = {port}
     }}
"""


class Director:
    """One director in a folder of its own, with users who all have `PASSWORD`.

    Attributes:
        url: Where its web answers, without a slash at the end.
        user: As whom the web runs, and visits the other director; empty: as installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lvs_cf = folder / "lvs.cf"
        self.socket = folder / "pulse.sock"
        self.web_state = folder / "web-state"
        self.sync = folder / "sync"
        self.user = ""
        self.web_log = folder / "web.log"
        self.engine_log = folder / "pulse.log"
        self.port = free_port()
        self.url = f"http://{ADDRESS}:{self.port}"
        self.real_servers: tuple[RealServer, ...] = ()
        self._engine, self._web = ExitStack(), ExitStack()

    @property
    def revision(self) -> str:
        return store.current_revision(self.lvs_cf)

    def __enter__(self) -> Director:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop_web()
        self.stop_engine()

    def start_engine(self) -> None:
        command = [str(BIN / "pulse"), "-n", "-c", str(self.lvs_cf), "--plane", "userspace"]
        command += ["--socket", str(self.socket), "--state", str(self.folder / "state")]
        command += ["--user", name_of(os.geteuid())]
        pulse = self._engine.enter_context(running(command, self.engine_log))
        wait_until(self.socket.exists, pulse, self.engine_log, START_S, POLL_S)

    def stop_engine(self) -> None:
        self._engine.close()

    def start_web(self) -> None:
        command = [
            *AS_INSTALLED,
            *((f"PIRANHA_USER={self.user}",) if self.user else ()),
            str(BIN / "piranha-gui"),
            "--bind",
            ADDRESS,
            "--port",
            str(self.port),
        ]
        command += ["--config", str(self.lvs_cf), "--socket", str(self.socket)]
        command += ["--state", str(self.web_state), "--web", str(self.folder / "web")]
        command += ["--sync", str(self.sync)]
        web = self._web.enter_context(running(command, self.web_log))
        wait_until(self._greets, web, self.web_log, START_S, POLL_S)

    def stop_web(self) -> None:
        self._web.close()

    def let_in(self, user: str, role: str) -> None:
        """Let piranha-passwd make a user who has `PASSWORD`."""
        command = [*AS_INSTALLED, str(BIN / "piranha-passwd"), "--user", user, "--role", role]
        command += ["--state", str(self.web_state)]
        subprocess.run(
            command,
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
            capture_output=True,
            timeout=START_S,
        )

    def lvsctl(self, *words: str) -> str:
        """Ask the engine beside the web; what it says on its standard output."""
        command = [str(BIN / "lvsctl"), "--socket", str(self.socket), *words]
        done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=START_S)
        return done.stdout

    def _greets(self) -> bool:
        if not is_open(self.port):
            return False
        with urlopen(self.url, timeout=START_S) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)


@contextmanager
def new_director(folder: Path) -> Iterator[Director]:
    """Run the web of a director that is to be set up: nothing is balanced, pulse does not run."""
    with Director(folder) as made:
        made.lvs_cf.write_text(NEW_LVS_CF)
        made.let_in("piranha", "admin")
        made.start_web()
        yield made


@contextmanager
def serving_director(folder: Path) -> Iterator[Director]:
    """Run a director with virtual servers `shop` on `one` and `two`, and `mail` on `two` and
    `old`, which is down. `OTHERS` may log in too."""
    with ExitStack() as stack:
        made = stack.enter_context(new_director(folder))
        for user, role in OTHERS.items():
            made.let_in(user, role)
        log = folder / "real-servers.log"
        made.real_servers = stack.enter_context(real_servers("one", "two", "old", log=log))
        one, two, old = made.real_servers
        old.kill()
        shop = virtual_server("shop", free_port(), (one, two))
        made.lvs_cf.write_text(NEW_LVS_CF + shop + virtual_server("mail", free_port(), (two, old)))
        made.start_engine()
        wait_for(lambda: _all_checked(made.lvsctl("status")), "all were checked", START_S)
        yield made


def _all_checked(status: str) -> bool:
    """Whether the three that serve are up, and `old` is known to be down."""
    return status.count("● ") == 3 and "connection refused" in status


def virtual_server(name: str, port: int, behind: Iterable[RealServer]) -> str:
    servers = "".join(REAL_SERVER.format(name=one.name, port=one.port) for one in behind)
    return f"{VIRTUAL_SERVER.format(name=name, port=port)}{servers}}}\n"
