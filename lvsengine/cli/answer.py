"""lvsctl pair answer: what the peer's sync key may do here, as sshd's forced command.

`SSH_ORIGINAL_COMMAND` says what the peer wants: SFTP, `status`, `install ...`, else nothing. No
shell is started. The answer is one JSON line; the status is 0 where it is no error.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lvsengine.sync.places import DEFAULT_CONFIG, DEFAULT_FOLDER

if TYPE_CHECKING:
    from lvsengine.sync.host import Host
    from lvsengine.sync.orders import Order

DEADLINE_S = 60  # the peer itself waits 30 s for all of it
ENGINE_S = 15.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")


def run(arguments: argparse.Namespace) -> int:
    from lvsengine.errors import EngineError
    from lvsengine.sync import orders

    signal.alarm(DEADLINE_S)  # a connection that died unseen must not hold a process for hours
    os.umask(0o027)
    try:
        order = orders.read(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
        print(_answer(arguments, order), end="", flush=True)
    except EngineError as error:
        print(orders.encode_error(error), flush=True)
        return 1
    return 0


def _answer(arguments: argparse.Namespace, order: Order) -> str:
    from lvsengine.sync import orders, serving

    host = _host(arguments)
    if isinstance(order, orders.Sftp):
        serving.serve(host, lambda most: os.read(0, most), _send)
        return ""
    done = host.install(order) if isinstance(order, orders.Install) else host.status()
    return orders.encode(done) + "\n"


def _send(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _host(arguments: argparse.Namespace) -> Host:
    from lvsengine.control import client, messages
    from lvsengine.errors import EngineError
    from lvsengine.snapshot import Snapshot
    from lvsengine.sync.host import Engine, Host, Runs
    from lvsengine.sync.values import Trouble

    def asked(request: messages.Request, kind: type[Snapshot] | type[messages.Reloaded]) -> Runs:
        try:
            return client.ask(arguments.socket, request, kind, ENGINE_S).revision, None
        except EngineError as error:
            return "", Trouble.of(error)

    engine = Engine(
        reload=lambda: asked(messages.Reload(), messages.Reloaded),
        runs=lambda: asked(messages.Status(), Snapshot),
    )
    return Host(arguments.config, arguments.folder, engine, time.time)
