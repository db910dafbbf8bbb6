"""lvsctl pair join: meet the primary that shows a code, and take what a backup needs."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import sys
from typing import TYPE_CHECKING

from lvsengine.cli import pair_options
from lvsengine.cli.pair_options import OK, show
from lvsengine.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from lvsengine.pairing.backup import Backup
    from lvsengine.pairing.code import Code

DESCRIPTION = "Meet the primary on which `lvsctl pair invite` waits. For root, on the backup."
EPILOG = """\
Without CODE it is asked for and not shown; - reads it from standard input. A CODE that is an
argument can be seen by every user of this machine while this runs, and stays in the shell's
history: it is worth nothing once used.

The address that this comes from becomes `backup` in lvs.cf where that names none; --bind chooses
it. An lvs.cf of this director's own, which the primary never had, is replaced only with --replace,
and kept as an earlier revision.
"""
_LONGEST_LINE = 1000


def add(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("primary", metavar="PRIMARY", help="its public address, or its name")
    parser.add_argument("code", nargs="?", metavar="CODE", help="as shown there; - for stdin")
    pair_options.add(parser)
    parser.add_argument("--bind", default="", metavar="ADDRESS", help="come from this address")
    parser.add_argument(
        "--replace", action="store_true", help="an lvs.cf of this director's own may be replaced"
    )


def run(arguments: argparse.Namespace) -> int:
    from lvsengine.local import is_local
    from lvsengine.pairing import join
    from lvsengine.pairing.backup import Backup
    from lvsengine.pairing.talk import Unconfirmed

    home = pair_options.home(arguments.root)
    party = Backup(home, is_local, replace=arguments.replace)
    secret = _code(arguments.code)
    connection = join.connect(arguments.primary, arguments.port, arguments.bind)
    try:
        join.meet(connection, secret, party)
    except Unconfirmed as unconfirmed:
        print(f"All is written here, but the primary may not know: {unconfirmed.why}.")
        print("If it still waits, press Ctrl-C there, or join again: its code is still good.")
    return _told(party, arguments.primary, arguments.socket)


def _code(typed: str | None) -> Code:
    """Read the code; at a terminal, ask again until it is typed as shown."""
    from lvsengine.pairing import code

    if typed == "-":
        return code.read(sys.stdin.readline(_LONGEST_LINE))
    if typed is not None:
        return code.read(typed)
    while True:
        try:
            return code.read(getpass.getpass("Code that the primary shows: "))
        except EOFError:
            raise EngineError(
                "mistyped-code", "no code was typed", "nothing was changed"
            ) from None
        except EngineError as error:
            print(error.sentence)
            if not sys.stdin.isatty():
                raise


def _told(party: Backup, primary: str, control: Path) -> int:
    from lvsengine.pairing import telling

    own, peer = party.identities
    print(f"Paired with the primary {peer.name} at {primary}; its lvs.cf is in place.")
    if party.replaced:
        print(f"The lvs.cf that was here is kept as its earlier revision {party.replaced}.")
    show(telling.met(peer, own))
    show(party.notes)
    show(telling.without_users(pair_options.missing_users()))
    with contextlib.suppress(
        EngineError
    ):  # without it a later comparison has two sides, not three
        party.confirmed()
    show(telling.next_on_backup(runs=pair_options.pulse_runs(control)))
    return OK
