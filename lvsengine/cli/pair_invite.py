"""lvsctl pair invite: print a one-time code on the primary and wait for the backup."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lvsengine.cli import pair_options
from lvsengine.cli.pair_options import BAD, OK, show
from lvsengine.errors import EngineError
from lvsengine.pairing import terms

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from lvsengine.lvscf.model import Config
    from lvsengine.pairing.listen import Met
    from lvsengine.pairing.own import Home

DESCRIPTION = "Print a one-time code, and wait for the backup that joins by it. For root."
EPILOG = f"""\
The invitation is over when a backup has joined, after --minutes, or after {terms.MOST_WRONG_CODES}
wrong codes; then the code is worth nothing. Who does not know the code learns nothing and changes
nothing.

lvs.cf gets what a pair needs and it lacks: heartbeat_key_file, backup_active = 1, and as backup
the address that the join comes from. A heartbeat key that is there is kept and given to the
backup; for a new one, move it away first. What was known of an earlier peer is replaced.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    pair_options.add(parser)
    parser.add_argument(
        "--bind", default="", metavar="ADDRESS", help="listen there alone (default: everywhere)"
    )
    parser.add_argument(
        "--minutes", type=_minutes, default=terms.MINUTES, help="(default: %(default)g)"
    )
    parser.add_argument("--yes", action="store_true", help="change lvs.cf without asking")


def run(arguments: argparse.Namespace) -> int:
    from lvsengine.pairing import listen, primary

    home = pair_options.home(arguments.root)
    config = primary.check(home)
    if not _may_change(config, home, yes=arguments.yes):
        print("Nothing was changed.")
        return BAD
    with listen.open_port(arguments.bind, arguments.port) as listener:
        return _wait(arguments, listener, home, config)


def _wait(
    arguments: argparse.Namespace, listener: socket.socket, home: Home, config: Config
) -> int:
    from lvsengine.pairing import code, listen

    secret = code.of_random(os.urandom(code.RANDOM_BYTES))
    port: int = listener.getsockname()[1]
    terms_now = terms.Terms(lasts_s=arguments.minutes * 60)
    try:
        show(_invitation(config, code.text_of(secret), arguments, port))
        met = listen.wait(listener, secret, home, lambda line: print(line, flush=True), terms_now)
    except KeyboardInterrupt:
        print("\nThe invitation is over, its code worthless; no backup has confirmed.")
        return BAD
    return _told(met, config, arguments.socket)


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"write minutes up to a day, not {text!r}")
    return minutes


def _may_change(config: Config, home: Home, *, yes: bool) -> bool:
    """Ask, where lvs.cf would change.

    Raises:
        EngineError: `not-asked` where nobody could be asked.
    """
    from lvsengine.pairing import completing, telling

    keys = completing.lacking(config)
    if not keys:
        return True
    print(telling.will_change(keys, str(home.paths.lvs_cf)))
    if yes:
        return True
    if not sys.stdin.isatty():
        raise EngineError(
            "not-asked",
            f"{home.paths.lvs_cf} would be changed, and there is no terminal to ask at",
            "say --yes, or write these keys into it before",
        )
    return input("Go on? [y/N] ").strip().lower() in ("y", "yes")


def _invitation(
    config: Config, text: str, arguments: argparse.Namespace, port: int
) -> Iterator[str]:
    where = config.primary or arguments.bind or "ADDRESS-OF-THIS-MACHINE"
    more = "" if port == terms.PORT else f" --port {port}"
    yield f"Code: {text}"
    yield f"Type on the backup, as root, within {arguments.minutes:g} minutes:"
    yield f"  lvsctl pair join {where}{more}"
    yield f"Waiting at TCP port {port}; Ctrl-C ends the invitation."


def _told(met: Met, before: Config, control: Path) -> int:
    from lvsengine.pairing import telling

    own, peer = met.party.identities
    print(f"Paired with the backup {peer.name} at {met.there}.")
    if before.backup is not None and before.backup != met.there:
        print(f"(lvs.cf names another address of it, which stays: backup = {before.backup})")
    show(telling.met(own, peer))
    show(met.party.notes)
    show(telling.without_users(pair_options.missing_users()))
    with contextlib.suppress(
        EngineError
    ):  # without it a later comparison has two sides, not three
        met.party.confirmed()
    show(telling.next_on_primary(before, runs=pair_options.pulse_runs(control)))
    return OK
