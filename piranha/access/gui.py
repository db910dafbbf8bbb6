"""piranha-gui: serve the web, by gunicorn, on port 3636.

What only root may do comes first (the port, the certificate's key); then it becomes user
piranha for good; then it opens the database and serves.
"""

from __future__ import annotations

import argparse
import errno
import os
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from piranha.access import become

PORT = 3636
THREADS = 16
SLOW_S = 5  # seconds that a client may take for the next bytes of a request
STOP_S = 5
SELF_SIGNED = "self-signed"
DEFAULTS = {
    "config": ("PIRANHA_CONFIG", "/etc/sysconfig/ha/lvs.cf"),
    "socket": ("PIRANHA_SOCKET", "/run/piranha/pulse.sock"),
    "state": ("PIRANHA_STATE", "/var/lib/piranha/web"),
    "web": ("PIRANHA_WEB", "/etc/sysconfig/ha/web"),
    "sync": ("PIRANHA_SYNC", "/var/lib/piranha/sync"),
}
# No query: it could carry what somebody typed. %(h)s is the client, also behind a proxy.
ACCESS_LINE = "%(h)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"

EXPLAINED = """\
The Piranha Configuration Tool: edit lvs.cf and see what this director does, in a browser at
http://HOST:3636. Set a password first: piranha-passwd.

  piranha-gui                                  all addresses, port 3636
  piranha-gui --bind 127.0.0.1                 this machine alone, for ssh -L 3636:localhost:3636
  piranha-gui --tls CERT.pem KEY.pem           with a certificate of yours
  piranha-gui --tls self-signed                with one of its own; compare the fingerprint
  piranha-gui --trusted-proxy 10.0.0.5         behind a proxy that sets X-Forwarded-For
  piranha-gui --config ./lvs.cf --state ./web --web ./web --sync ./sync \\
              --socket ./pulse.sock --port 8443
                                               to try it out, as any user

Started as root it becomes user piranha where there is one, after it has opened the port and
read the certificate. Who may come is told by two files, read again at each request:
WEB/secure/.htaccess for the panels, WEB/.htaccess for login and help. Their lines:

  Order deny,allow
  Deny from all
  Allow from 192.168.1.100 172.16.57 10.1.0.0/16 2001:db8::/32
"""


class CannotServe(Exception):
    """The sentence says what failed and what to do."""


@dataclass(frozen=True, slots=True)
class Tls:
    context: ssl.SSLContext
    fingerprint: str = ""


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    try:
        listeners, tls = _as_root(options)
        become.drop()
        if tls is None and options.tls:
            tls = _own_tls(Path(options.state) / "tls")
        _surroundings(options, tls)
        _open_database()
    except (CannotServe, become.CannotBecome) as error:
        print(f"piranha-gui: {error}", file=sys.stderr)
        return 1
    _greet(options, listeners, tls)
    _serve(options, listeners, tls)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="piranha-gui",
        description=EXPLAINED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add: Callable[..., object] = parser.add_argument
    add("--bind", action="append", metavar="ADDRESS", help="listen here only; may be repeated")
    add("--port", type=int, default=PORT, help=f"default: {PORT}")
    helps = {
        "config": "the file that the panels edit",
        "socket": "where pulse answers",
        "state": "users, sessions, audit log",
        "web": "the folder of the two allowlists",
        "sync": "the folder of what copies lvs.cf to the other director, as lvsctl pair made it",
    }
    for name, (variable, default) in DEFAULTS.items():
        told = f"{helps[name]} (default: {default})"
        add(f"--{name}", default=os.environ.get(variable, default), metavar="PATH", help=told)
    add("--tls", nargs="+", metavar="PEM", help="CERT KEY, or self-signed")
    add(
        "--trusted-proxy",
        nargs="+",
        default=[],
        metavar="ADDRESS",
        help="whose X-Forwarded-For and X-Forwarded-Proto count",
    )
    return parser


def _as_root(options: argparse.Namespace) -> tuple[list[socket.socket], Tls | None]:
    if not 0 < options.port < 65536:
        raise CannotServe(f"--port must be 1 to 65535, not {options.port}")
    tls = None
    if options.tls and options.tls != [SELF_SIGNED]:
        if len(options.tls) != 2:
            raise CannotServe("--tls wants CERT and KEY, or the word self-signed")
        tls = Tls(_context(*map(Path, options.tls)))
    become.prepare(Path(options.state))
    return [_listen(address, options.port) for address in options.bind or [""]], tls


def _listen(address: str, port: int) -> socket.socket:
    """Open a port; without an address on all of IPv6 and IPv4, or of IPv4 where that is all."""
    try:
        if address or not socket.has_dualstack_ipv6():
            listening = _opened(address or "0.0.0.0", port)
        else:
            listening = socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256
            )
    except OSError as error:
        raise CannotServe(_why_not(error, address, port)) from error
    # Accepted connections inherit it; else one that says nothing keeps a thread for ever.
    slow = SLOW_S.to_bytes(8, sys.byteorder) + bytes(8)  # struct timeval
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, slow)
    return listening


def _opened(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=256)


def _why_not(error: OSError, address: str, port: int) -> str:
    where = f"port {port}" + (f" of {address}" if address else "")
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use: does another piranha-gui run? Or name another --port."
    if error.errno == errno.EACCES:
        return f"{where} is open to root alone: start it as root, or name a --port above 1023."
    if error.errno == errno.EADDRNOTAVAIL or (error.errno or 0) < 0:  # of getaddrinfo
        return f"{address} is no address of this machine: name one that `ip address` shows."
    return f"{where} cannot be opened: {error.strerror or error}"


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in (certificate, key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise CannotServe(f"{path} cannot be read: {error.strerror}") from error
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, OSError) as error:
        raise CannotServe(
            f"{certificate} and {key} are no certificate with its key, in PEM and without a"
            f" passphrase: {error}"
        ) from error
    return context


def _own_tls(folder: Path) -> Tls:
    from piranha.access import selfsigned

    try:
        certificate, key = selfsigned.pair(folder)
        return Tls(_context(certificate, key), selfsigned.fingerprint(certificate))
    except (OSError, ValueError) as error:
        raise CannotServe(f"no certificate can be made in {folder}: {error}") from error


def _surroundings(options: argparse.Namespace, tls: Tls | None) -> None:
    """Tell the settings what was asked for."""
    for name, (variable, _default) in DEFAULTS.items():
        os.environ[variable] = str(Path(getattr(options, name)).absolute())
    os.environ["PIRANHA_TLS"] = "1" if tls is not None else "0"
    os.environ["PIRANHA_TRUSTED_PROXIES"] = " ".join(options.trusted_proxy)
    os.environ["DJANGO_SETTINGS_MODULE"] = "piranha.settings"


def _open_database() -> None:
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import call_command
    from django.db import DatabaseError, connections

    try:
        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("clearsessions")
        connections.close_all()  # a connection must not cross a fork
    except ImproperlyConfigured as error:
        raise CannotServe(str(error)) from error
    except DatabaseError as error:
        raise CannotServe(f"the web's database cannot be used: {error}") from error


def _greet(options: argparse.Namespace, listeners: list[socket.socket], tls: Tls | None) -> None:
    from django.db import connections

    from piranha.models import User

    scheme = "https" if tls is not None else "http"
    for one in listeners:
        address = one.getsockname()[0]
        host = socket.gethostname() if address in ("::", "0.0.0.0") else address
        shown = f"[{host}]" if ":" in host else host
        print(f"piranha-gui: serving {scheme}://{shown}:{one.getsockname()[1]}/")
    if tls is not None and tls.fingerprint:
        print(f"piranha-gui: the certificate's SHA-256 fingerprint is {tls.fingerprint}")
    if not User.objects.exists():
        print("piranha-gui: there is no password yet, so nobody can log in: run piranha-passwd")
    connections.close_all()
    config = Path(options.config)
    if not (os.access(config, os.R_OK | os.W_OK) and os.access(config.parent, os.W_OK)):
        print(f"piranha-gui: {config} and its folder must be writable, or nothing can be saved")
    sys.stdout.flush()


def _serve(options: argparse.Namespace, listeners: list[socket.socket], tls: Tls | None) -> None:
    from gunicorn.app.base import BaseApplication

    asked = _gunicorn_settings(options, listeners, tls)

    class Served(BaseApplication):  # type: ignore[misc] # gunicorn has no types
        def load_config(self) -> None:
            for name, value in asked.items():
                self.cfg.set(name, value)

        def load(self) -> Any:  # noqa: ANN401 - as gunicorn wants it
            from piranha.wsgi import application

            return application

    Served().run()


def _gunicorn_settings(
    options: argparse.Namespace, listeners: list[socket.socket], tls: Tls | None
) -> dict[str, Any]:
    from django.conf import settings

    line = {"level": "INFO", "handlers": [], "propagate": True}
    gunicorn = {"gunicorn.error": {**line, "level": "WARNING"}, "gunicorn.access": line}
    ours: dict[str, Any] = settings.LOGGING
    logging = ours | {"loggers": ours["loggers"] | gunicorn}
    asked = {
        "bind": [f"fd://{one.detach()}" for one in listeners],
        "worker_class": "gthread",
        "workers": 1,  # one shared snapshot of the engine
        "threads": THREADS,
        "timeout": 60,
        "graceful_timeout": STOP_S,
        "keepalive": 15,
        "control_socket_disable": True,
        "logconfig_dict": logging,
        "access_log_format": ACCESS_LINE,
        "forwarded_allow_ips": ",".join(map(str, settings.TRUSTED_PROXIES)),
        "post_worker_init": _begin_to_copy,
        "worker_exit": _end_to_copy,
    }
    if tls is not None:
        # gunicorn asks only whether there is a file; the context was made by who may read it.
        asked |= {"certfile": os.devnull, "ssl_context": lambda _config, _default: tls.context}
    return asked


def _begin_to_copy(_worker: object) -> None:
    """Start the sync's thread in a worker: a thread does not come along through a fork."""
    from piranha import syncing

    syncing.start()


def _end_to_copy(_server: object, _worker: object) -> None:
    from piranha import syncing

    syncing.stop()
