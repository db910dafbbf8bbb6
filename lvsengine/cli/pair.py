"""lvsctl pair: the table of its subcommands, each a module that is loaded when asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

DESCRIPTION = "Make two machines a pair of directors. Run as root on both."
EPILOG = """\
  primary#  lvsctl pair invite               prints a code and waits for the backup
  backup#   lvsctl pair join 192.0.2.11      asks for the code; both get what a pair needs

What they exchange: ssh host keys, keys for copying lvs.cf, the heartbeat's key, and lvs.cf.
`lvsctl pair SUBCOMMAND --help` says more.
"""


USAGE = 2


@dataclass(frozen=True, slots=True)
class Subcommand:
    """`module` has `add(parser)` and `run(arguments) -> exit status`."""

    module: str
    help: str


SUBCOMMANDS = {
    "invite": Subcommand("lvsengine.cli.pair_invite", "On the primary: wait for the backup."),
    "join": Subcommand("lvsengine.cli.pair_join", "On the backup: go to the primary."),
    "answer": Subcommand("lvsengine.cli.answer", "Answer the peer's sync; run by sshd."),
    "install-received": Subcommand(
        "lvsengine.cli.received", "As root: install files that the peer handed over."
    ),
}


def add(parser: argparse.ArgumentParser) -> None:
    listed = "\n".join(f"  {name:<17} {one.help}" for name, one in SUBCOMMANDS.items())
    parser.description = DESCRIPTION
    parser.epilog = f"subcommands:\n{listed}\n\n{EPILOG}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("subcommand", choices=tuple(SUBCOMMANDS), metavar="SUBCOMMAND", nargs="?")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(usage=parser.print_help)


def run(arguments: argparse.Namespace) -> int:
    if arguments.subcommand is None:
        arguments.usage()
        return USAGE
    module = import_module(SUBCOMMANDS[arguments.subcommand].module)
    parser = argparse.ArgumentParser(
        prog=f"lvsctl pair {arguments.subcommand}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add(parser)
    answer: Callable[[argparse.Namespace], int] = module.run
    return answer(parser.parse_args(arguments.rest, argparse.Namespace(socket=arguments.socket)))
