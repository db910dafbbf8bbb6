"""A director to be attacked: the real pulse as a process, balancing one real server on loopback.

What it says is read from a pipe as it comes, so that no limit on files can hush it.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from lvsengine.control import client, messages
from lvsengine.snapshot import Snapshot
from tests.kernel.lab.waiting import wait_until
from tests.ports import free_port

ADDRESS = "127.0.0.1"
START_S = 20.0
END_S = 10.0
NOTHING = 0  # bytes that a file may have: a disk that is full, for whoever is not root too

LVS_CF = """\
serial_no = 1
primary = 127.0.0.1
service = lvs
network = nat
"""
VIRTUAL = """\
virtual {name} {{
     active = 1
     address = 127.0.0.1 lo:1
     vip_nmask = 255.255.255.255
     port = {port}
     send = "GET / HTTP/1.0\\r\\n\\r\\n"
     expect = "HTTP"
     timeout = 1
     reentry = 1
     server one {{
         address = 127.0.0.1
         active = 1
         weight = 1
         port = {real_port}
     }}
}}
"""


class RealServer(ThreadingHTTPServer):
    """Answers every request, in a thread of the test."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((ADDRESS, 0), _Answer)
        self.port = int(self.server_address[1])

    def handle_error(self, *_parts: object) -> None:
        """A check hangs up as soon as it has seen enough."""


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_parts: object) -> None:
        """Keep quiet."""


class Victim:
    """One pulse in a folder of its own.

    Attributes:
        port: Of its virtual server `shop`.
    """

    def __init__(self, folder: Path, real_port: int) -> None:
        self.folder = folder
        self.lvs_cf = folder / "lvs.cf"
        self.socket = folder / "s"
        self.state = folder / "state"
        self.port = free_port()
        self.real_port = real_port
        self.log = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: threading.Thread | None = None
        self.lvs_cf.write_text(self.text())

    def text(self, *more: int) -> str:
        """Its lvs.cf: virtual server `shop`, and one more on each of these ports."""
        names = {"shop": self.port} | {f"more{port}": port for port in more}
        return LVS_CF + "".join(
            VIRTUAL.format(name=name, port=port, real_port=self.real_port)
            for name, port in names.items()
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, log: Path | None = None) -> None:
        """Start it, its log where it can be read or in a file, and wait until `shop` is served."""
        self.launch(log)
        wait_until(lambda: not self.runs or self.serves(), "the real server is up", START_S)
        assert self.runs, self.log

    def launch(self, log: Path | None = None) -> None:
        command = [sys.executable, "-m", "lvsengine.cli.pulse", "-c", str(self.lvs_cf)]
        command += ["--socket", str(self.socket), "--state", str(self.state)]
        with ExitStack() as stack:
            said = stack.enter_context(log.open("ab")) if log else subprocess.PIPE
            self._process = subprocess.Popen(
                [*command, "--plane", "userspace"], stdin=subprocess.DEVNULL, stderr=said
            )
        if log is None:
            self._pump = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
            self._pump.start()

    def serves(self) -> bool:
        with suppress(Exception):
            return any(
                real.health == "up"
                for virtual in self.status().virtual_servers
                for real in virtual.real_servers
            )
        return False

    def status(self) -> Snapshot:
        """Ask as lvsctl does, within its 2 s."""
        return client.ask(self.socket, messages.Status(), Snapshot)

    def lvsctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lvsengine.cli.lvsctl", "--socket", str(self.socket)]
        return subprocess.run(
            [*command, *words], capture_output=True, text=True, check=False, timeout=START_S
        )

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def forwards(self, port: int = 0) -> bool:
        """Whether a client of the virtual server gets its answer now."""
        with suppress(URLError, OSError):
            url = f"http://{ADDRESS}:{port or self.port}/"
            with urlopen(url, timeout=3) as answer:
                return bool(answer.read() == b"ok")
        return False

    @contextmanager
    def bounded(self, what: int, limit: int) -> Iterator[None]:
        """Lower a limit of the running process, and put it back."""
        before = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (limit, before[1]))
        try:
            yield
        finally:
            if self.runs:
                resource.prlimit(self.pid, what, before)

    def wait_for_log(self, text: str, within_s: float = 5.0) -> None:
        wait_until(lambda: text in self.log, f"{text!r} in:\n{self.log[-2000:]}", within_s)

    def reload(self) -> None:
        self.send(signal.SIGHUP)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Stop it and give its exit status."""
        if self._process is None:
            return 0
        if self.runs:
            self.send(number)
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            if self._pump is not None:
                self._pump.join(END_S)
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._process = None
        return status

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with suppress(ValueError, OSError):
            for line in process.stderr:
                self.log += line.decode(errors="replace")


@contextmanager
def a_victim(folder: Path) -> Iterator[Victim]:
    real = RealServer()
    threading.Thread(target=real.serve_forever, daemon=True).start()
    victim = Victim(folder, real.port)
    try:
        yield victim
    finally:
        with suppress(subprocess.TimeoutExpired):
            victim.end()
        real.shutdown()
        real.server_close()


def crowd(path: Path, count: int) -> Sequence[socket.socket]:
    """Connect so often and say nothing."""
    made = []
    for _ in range(count):
        one = socket.socket(socket.AF_UNIX)
        one.connect(str(path))  # blocks where the queue is full
        made.append(one)
    return made
