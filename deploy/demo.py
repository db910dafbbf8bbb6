"""Three small real servers, an engine that balances 127.0.0.1:8080 over them, and the web.

Everything lies in .build/demo of this checkout and is gone after Ctrl-C.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from lvsengine.privileges import name_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".build" / "demo"
WEB_LOG = FOLDER / "web.log"  # a line a request: too much for the terminal
BIN = Path(sys.executable).parent
ADDRESS = "127.0.0.1"
PORT = 8080
WEB_PORT = 3636
USER = "piranha"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that looks like another
WEIGHTS = {"one": 1, "two": 1, "three": 3}
START_S = 15.0
STOP_S = 10.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h

HEAD = f"""\
serial_no = 1
primary = {ADDRESS}
service = lvs
network = nat
virtual web {{
     active = 1
     address = {ADDRESS} lo:1
     vip_nmask = 255.255.255.255
     port = {PORT}
     send = "GET / HTTP/1.0\\r\\n\\r\\n"
     expect = "HTTP"
     scheduler = wrr
     protocol = tcp
     timeout = 2
     reentry = 4
"""
REAL_SERVER = """\
     server {name} {{
         address = {address}
         active = 1
         weight = {weight}
         port = {port}
     }}
"""

GUIDE = """
{address}:{port} is balanced over real servers one, two and three (weight 3) by the {plane} plane.

The Piranha Configuration Tool: http://{address}:{web_port}   user {user}   password {password}

In another terminal, in this folder, type:

  for i in 1 2 3 4 5 6 7 8 9 10; do curl -s http://{address}:{port}/; done
  {lvsctl} status
  kill {victim}                  stop real server one, then look:
  {lvsctl} explain web/one
  {lvsctl} events

Other things to try: drain web/two, undrain web/two, table, processes, plan, status --watch.
Its configuration is {config}: edit it, then `{lvsctl} reload`.
Ctrl-C ends it all.
"""

SERVER = """
import http.server, sys
name, port = sys.argv[1], int(sys.argv[2])
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = f"real server {name}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a check hangs up as soon as it has seen enough
Server(("127.0.0.1", port), Answer).serve_forever()
"""


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Try piranha-lvs on this machine.")
    parser.add_argument("--plane", default="userspace", choices=("userspace", "kernel"))
    plane = parser.parse_args().plane
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    children: list[subprocess.Popen[bytes]] = []
    try:
        _demonstrate(plane, children)
    except KeyboardInterrupt:
        print("\nending the demo")
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not cut this short
        _end(children)
        if children:  # or the folder is another demo's, which runs
            shutil.rmtree(FOLDER, ignore_errors=True)
        with suppress(OSError):  # not empty: something else is kept there
            FOLDER.parent.rmdir()
    return 0


def _demonstrate(plane: str, children: list[subprocess.Popen[bytes]]) -> None:
    ports = {name: PORT + number for number, name in enumerate(WEIGHTS, start=1)}
    for port in (PORT, *ports.values(), WEB_PORT):
        _need_free(port)
    config = _write_config(ports)
    for name, port in ports.items():
        children.append(_start(sys.executable, "-c", SERVER, name, str(port)))
    victim = children[0].pid
    pulse = _start(
        str(BIN / "pulse"), "-c", str(config), "--socket", str(FOLDER / "pulse.sock"),
        "--state", str(FOLDER / "state"), "--plane", plane, "--user", name_of(os.geteuid()),
    )  # fmt: skip
    children.append(pulse)
    _wait_until_answered(PORT, pulse)
    os.environ["PIRANHA_USER"] = "root"  # started by root, the files are root's: so stays the web
    password = _make_user()
    web = _start(
        str(BIN / "piranha-gui"), "--bind", ADDRESS, "--port", str(WEB_PORT),
        "--config", str(config), "--socket", str(FOLDER / "pulse.sock"),
        "--state", str(FOLDER / "web-state"), "--web", str(FOLDER / "web"),
        "--sync", str(FOLDER / "sync"),
        log=WEB_LOG,
    )  # fmt: skip
    children.append(web)
    _wait_until_answered(WEB_PORT, web)
    lvsctl = f".venv/bin/lvsctl --socket {(FOLDER / 'pulse.sock').relative_to(ROOT)}"
    print(
        GUIDE.format(
            address=ADDRESS, port=PORT, plane=plane, lvsctl=lvsctl, victim=victim,
            config=config.relative_to(ROOT), web_port=WEB_PORT, user=USER, password=password,
        ),
        flush=True,
    )  # fmt: skip
    _wait_for_the_end(pulse, web)


def _need_free(port: int) -> None:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((ADDRESS, port))
        except OSError as error:
            told = f"port {port} of {ADDRESS} is needed and taken: {error.strerror}"
            raise DemoError(f"{told}. Stop what uses it: ss -ltnp 'sport = {port}'") from error


def _write_config(ports: dict[str, int]) -> Path:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    servers = "".join(
        REAL_SERVER.format(name=name, address=ADDRESS, weight=WEIGHTS[name], port=port)
        for name, port in ports.items()
    )
    path = FOLDER / "lvs.cf"
    path.write_text(f"{HEAD}{servers}}}\n")
    return path


def _make_user() -> str:
    """Make the web's user, and return the password; all could read it on a command line."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3))
    password = "-".join(groups)
    subprocess.run(  # noqa: S603 - our own words, no shell
        (str(BIN / "piranha-passwd"), "--user", USER, "--state", str(FOLDER / "web-state")),
        input=password.encode(), stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return password


def _start(*command: str, log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a child whose words go to this terminal, or to a log of its own."""
    said = log.open("wb") if log is not None else None
    # A session of its own: Ctrl-C is for the demo, which then ends its children in order.
    return subprocess.Popen(  # noqa: S603 - our own words, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_answered(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        _need_alive(process)
        if _answers(port):
            return
        time.sleep(0.05)
    raise DemoError(f"nothing answered on {ADDRESS}:{port} within {START_S:g} s")


def _wait_for_the_end(*processes: subprocess.Popen[bytes]) -> None:
    while True:
        for process in processes:
            _need_alive(process)
        time.sleep(0.2)


def _need_alive(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        name = Path(str(process.args[0])).name  # type: ignore[index]
        if WEB_LOG.exists():
            print(WEB_LOG.read_text(errors="replace")[-2000:], file=sys.stderr)
        raise DemoError(f"{name} has ended with status {process.returncode}; its log stands above")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((ADDRESS, port), timeout=5) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {ADDRESS}\r\n\r\n".encode())
            return connection.recv(4) == b"HTTP"
    except OSError:
        return False


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    """Stop the children, pulse first so that it sees no real server die."""
    for child in reversed(children):
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


if __name__ == "__main__":
    sys.exit(main())
