"""lvsctl: ask the running engine, order it about, and judge an lvs.cf before it runs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lvsengine import __version__
from lvsengine.cli import pair, sync
from lvsengine.control import client, messages
from lvsengine.errors import EngineError
from lvsengine.health import Override
from lvsengine.printing import printable, printable_lines
from lvsengine.sync.places import DEFAULT_CONFIG, DEFAULT_FOLDER

OK, BAD, USAGE, NOT_RUNNING = 0, 1, 2, 3
NOT_THERE = ("not-running", "not-permitted", "no-answer")
RELOAD_TIMEOUT_S = 60.0  # a large file, a slow DNS answer

EPILOG = """\
examples:
  lvsctl check new.cf          is this file sound? Every problem with its line
  lvsctl plan new.cf           what would it change, and how many connections live there?
  lvsctl status --watch        the director at a glance, every second
  lvsctl drain web/one         take real server `one` of virtual server `web` out gently
  lvsctl standby               hand over to the peer, before maintenance
  lvsctl sync                  copy lvs.cf to the peer now, and say how the two stand
  lvsctl explain web/one       why is it up or down? Its last results

exit status: 0 done, 1 refused or not sound, 2 wrong usage, 3 pulse is not there
"""

Arguments = argparse.Namespace
ORDERS = {
    "drain": Override.DRAIN,
    "undrain": Override.AUTO,
    "force-up": Override.UP,
    "force-down": Override.DOWN,
    "auto": Override.AUTO,
}


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    help: str
    add: Callable[[argparse.ArgumentParser], object]
    run: Callable[[Arguments], int]


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    run: Callable[[Arguments], int] = arguments.run
    try:
        status = run(arguments)
        sys.stdout.flush()
    except EngineError as error:
        print(f"lvsctl: {printable(error.sentence)}", file=sys.stderr)
        if error.hint:
            print(printable_lines(error.hint), file=sys.stderr)
        return NOT_RUNNING if error.code in NOT_THERE else BAD
    except KeyboardInterrupt:
        return OK
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has seen enough: end without a word
        return OK
    except OSError as error:
        print(f"lvsctl: what was found cannot be written: {error.strerror}", file=sys.stderr)
        _give_up_output()
        return BAD
    return status


def _give_up_output() -> None:
    """Let what is left of it go: Python would try once more at its end, and complain."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lvsctl",
        description="Ask the running pulse, order it about, and judge an lvs.cf before it runs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lvsctl {__version__}")
    parser.add_argument(
        "--socket",
        type=Path,
        default=client.DEFAULT_SOCKET,
        metavar="PATH",
        help="pulse's control socket (default: %(default)s)",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        one = commands.add_parser(command.name, help=command.help, description=command.help)
        command.add(one)
        one.set_defaults(run=command.run, command=command.name)
    return parser


# --- a file, before it runs ---------------------------------------------------------------


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE")


def _check(arguments: Arguments) -> int:
    from lvsengine import limits
    from lvsengine.lvscf import store
    from lvsengine.scripts.look import of_the_engine

    path: Path = arguments.file or DEFAULT_CONFIG
    loaded = store.load(path)
    _print(map(str, loaded.problems))
    if loaded.config is None:
        return BAD
    refused = limits.refusal(loaded.config)
    if refused is not None:
        _print([f"{path}: sound, but pulse refuses to run it: {refused}"])
        return BAD
    warnings = limits.warnings(loaded.config) + of_the_engine().warnings(loaded.config)
    _print(f"{path}: warning: {warning}" for warning in warnings)
    count = len(loaded.config.enabled_virtual_servers)
    _print([f"{path}: sound, revision {loaded.revision}, {count} virtual servers enabled"])
    return OK


def _plan(arguments: Arguments) -> int:
    from lvsengine.cli import display

    request = messages.Plan()
    if arguments.file is not None:
        from lvsengine.lvscf import store

        request = messages.Plan(store.load(arguments.file).text, str(arguments.file))
    reply = client.ask(arguments.socket, request, messages.Planned, RELOAD_TIMEOUT_S)
    _print(display.planned(reply))
    return OK


def _reload(arguments: Arguments) -> int:
    from lvsengine.cli import display

    reply = client.ask(arguments.socket, messages.Reload(), messages.Reloaded, RELOAD_TIMEOUT_S)
    _print(display.reloaded(reply))
    return BAD if reply.failures else OK


# --- what is --------------------------------------------------------------------------------


def _add_nothing(_parser: argparse.ArgumentParser) -> None:
    pass


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the whole snapshot, for programs")
    parser.add_argument("--schema", action="store_true", help="what --json says, field by field")
    parser.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")
    parser.add_argument(
        "--folder", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER", help="of the sync"
    )


def _status(arguments: Arguments) -> int:
    if arguments.schema:
        from lvsengine.plain import outline
        from lvsengine.snapshot import Snapshot

        print("\n".join(outline(Snapshot)))
        return OK
    while True:
        text = _status_text(arguments)
        if not arguments.watch:
            print(text)
            return OK
        clear = "\x1b[H\x1b[2J" if sys.stdout.isatty() and not arguments.json else ""
        print(f"{clear}{text}", flush=True)
        time.sleep(1)


def _status_text(arguments: Arguments) -> str:
    from lvsengine.cli import display
    from lvsengine.plain import to_plain
    from lvsengine.snapshot import Snapshot

    snapshot = client.ask(arguments.socket, messages.Status(), Snapshot)
    if arguments.json:
        return json.dumps(to_plain(snapshot), indent=None if arguments.watch else 1)
    told: Iterable[str] = ()
    if snapshot.peer:
        told = sync.status_lines(Path(snapshot.path), arguments.folder, snapshot.peer.revision)
    return "\n".join(map(printable, display.status(snapshot, told)))


def _table(arguments: Arguments) -> int:
    print(printable_lines(client.ask(arguments.socket, messages.ShowTable(), messages.Text).text))
    return OK


def _processes(arguments: Arguments) -> int:
    from lvsengine.cli import display

    reply = client.ask(arguments.socket, messages.ShowProcesses(), messages.Processes)
    _print(display.processes(reply))
    return OK


def _add_events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", action="store_true", help="wait for more, until Ctrl-C")


def _events(arguments: Arguments) -> int:
    from lvsengine.cli import display

    for event in client.follow(arguments.socket, messages.Events(follow=arguments.follow)):
        print(printable(display.event(event, time.time())), flush=True)
    return OK


# --- the pair --------------------------------------------------------------------------------


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="though the other is not ready")


def _stand_by(arguments: Arguments) -> int:
    return _say(arguments, messages.StandBy(arguments.force))


def _take_over(arguments: Arguments) -> int:
    return _say(arguments, messages.TakeOver(arguments.force))


def _say(arguments: Arguments, request: messages.Request) -> int:
    reply = client.ask(arguments.socket, request, messages.Text, RELOAD_TIMEOUT_S)
    print(printable_lines(reply.text))
    return OK


def _history(arguments: Arguments) -> int:
    from lvsengine.cli import display

    reply = client.ask(arguments.socket, messages.ShowHistory(), messages.History)
    _print(display.history(reply, time.time()))
    return OK


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("new",), help="make a new key")
    parser.add_argument("file", type=Path, metavar="FILE", help="must not be there yet")


def _heartbeat_key(arguments: Arguments) -> int:
    from lvsengine import accounts
    from lvsengine.heartbeat import keys

    owner = accounts.ids_of(accounts.PULSE)
    keys.create(arguments.file, owner)
    if owner is not None:
        print(f"{arguments.file} belongs to user {accounts.PULSE}, who must read it.")
    print(f"{arguments.file} holds a new key. Copy it to the peer, the same way you copy secrets,")
    print(f"and set on both directors: heartbeat_key_file = {arguments.file}")
    return OK


# --- one real server --------------------------------------------------------------------------


def _add_real_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("real_server", type=_real_server, metavar="VIRTUAL/REAL")


def _real_server(text: str) -> tuple[str, str]:
    virtual, slash, real = text.rpartition("/")
    if not (virtual and slash and real):
        raise argparse.ArgumentTypeError(f"write VIRTUAL/REAL, such as web/one, not {text!r}")
    return virtual, real


def _explain(arguments: Arguments) -> int:
    return _show(arguments, messages.Explain(*arguments.real_server))


def _order(arguments: Arguments) -> int:
    import getpass

    virtual, real = arguments.real_server
    override = ORDERS[arguments.command]
    return _show(arguments, messages.SetOverride(virtual, real, override, by=getpass.getuser()))


def _show(arguments: Arguments, request: messages.Request) -> int:
    from lvsengine.cli import display

    reply = client.ask(arguments.socket, request, messages.Explained)
    _print(display.explained(reply, time.time()))
    return OK


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(printable(line))


COMMANDS = (
    Command("check", "Judge FILE: every problem with its line.", _add_file, _check),
    Command("plan", "Say what a reload (of FILE) would do, and to whom.", _add_file, _plan),
    Command("reload", "Read lvs.cf again and make the kernel follow.", _add_nothing, _reload),
    Command("status", "Show the director and its servers.", _add_status, _status),
    Command("table", "Show the table in the look of ipvsadm -Ln.", _add_nothing, _table),
    Command("processes", "Show the engine's parts and checks.", _add_nothing, _processes),
    Command("events", "Show what happened lately.", _add_events, _events),
    Command("standby", "Hand over to the peer.", _add_force, _stand_by),
    Command("takeover", "Take over from the peer.", _add_force, _take_over),
    Command("sync", "Copy lvs.cf to the peer.", sync.add, sync.run),
    Command("history", "Show the last takeovers and step-downs.", _add_nothing, _history),
    Command("heartbeat-key", "Make a key for signed heartbeats.", _add_key, _heartbeat_key),
    Command("pair", "Make two machines a pair of directors.", pair.add, pair.run),
    Command("explain", "Say why a real server is up or down.", _add_real_server, _explain),
    Command("drain", "Give it no new connections; open ones go on.", _add_real_server, _order),
    Command("undrain", "End the drain: its checks decide again.", _add_real_server, _order),
    Command("force-up", "Send it clients whatever its checks say.", _add_real_server, _order),
    Command("force-down", "Take it out whatever its checks say.", _add_real_server, _order),
    Command("auto", "Let its checks decide again.", _add_real_server, _order),
)

if __name__ == "__main__":
    sys.exit(main())
