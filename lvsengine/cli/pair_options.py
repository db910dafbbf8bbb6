"""What `lvsctl pair invite` and `lvsctl pair join` have in common."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lvsengine import accounts
from lvsengine.errors import EngineError
from lvsengine.pairing.terms import PORT

if TYPE_CHECKING:
    from lvsengine.pairing.own import Home

OK, BAD = 0, 1


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=_port, default=PORT, help="TCP port of the meeting (default: %(default)s)"
    )
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR",
        help="the folder that counts as / for all files (default: %(default)s)",
    )  # fmt: skip


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"write a port up to 65535, not {text!r}")
    return port


def home(root: Path) -> Home:
    """Find where everything lies.

    Raises:
        EngineError: `not-root`.
    """
    if os.geteuid() != 0 and root == Path("/"):
        raise EngineError(
            "not-root",
            "only root can pair: it writes files of three users",
            "run it again by sudo, or in a shell of root",
        )
    from lvsengine.pairing.own import Home
    from lvsengine.pairing.paths import Paths

    return Home(Paths(root, _command() or Paths().command))


def missing_users() -> tuple[str, ...]:
    users = accounts.PULSE, accounts.PIRANHA
    return tuple(user for user in users if accounts.ids_of(user) is None)


def pulse_runs(socket: Path) -> bool:
    """Whether anybody listens there, be it too busy to answer."""
    from lvsengine.control import client, messages
    from lvsengine.snapshot import Snapshot

    try:
        client.ask(socket, messages.Status(), Snapshot)
    except EngineError as error:
        return error.code != "not-running"
    return True


def show(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _command() -> str | None:
    """Give the whole path of the lvsctl that this is, for sshd to run."""
    import shutil
    import sysconfig

    beside = Path(sysconfig.get_path("scripts")) / "lvsctl"
    return str(beside) if beside.exists() else shutil.which("lvsctl")
