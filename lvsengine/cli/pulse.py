"""pulse: the daemon. Runs one director in the foreground, until it is told to stop."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lvsengine import __version__
from lvsengine.control.client import DEFAULT_SOCKET
from lvsengine.errors import EngineError
from lvsengine.printing import printable, printable_lines

if TYPE_CHECKING:
    from lvsengine.engine import Engine
    from lvsengine.ipvs.plane import Plane
    from lvsengine.parts import Parts
    from lvsengine.vip.addresses import AddressPlane
    from lvsengine.vip.release import Released

OK, FAILED = 0, 1
LEAST = 19  # nice(2): a process that anybody else goes before
DEFAULT_CONFIG = Path("/etc/sysconfig/ha/lvs.cf")
DEFAULT_STATE = Path("/var/lib/piranha/engine")

EPILOG = """\
examples:
  pulse -t -c lvs.cf                        judge the file and end
  pulse -c lvs.cf --plane userspace --socket /tmp/p.sock --state /tmp/p
                                            try it without root and without IPVS

Started as root it becomes user pulse where there is one, and keeps three capabilities.

signals: HUP reads lvs.cf again; TERM and INT stop, and take services and addresses away;
USR1 stops and leaves them to the kernel, for the next pulse to adopt: for an upgrade.
In a pair each of the three hands over first.
Ask the running pulse by lvsctl.
"""


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        if arguments.test_start:
            return _judge(arguments.configfile)
        if arguments.release:
            return _release(arguments)
        return _run(arguments)
    except EngineError as error:
        print(f"pulse: {printable(error.sentence)}", file=sys.stderr)
        if error.hint:
            print(printable_lines(error.hint), file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pulse",
        description="Run this director: check the real servers, program IPVS, hold virtual IPs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    add = parser.add_argument
    add("-c", "--configfile", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    add("--socket", type=Path, default=DEFAULT_SOCKET, metavar="PATH", help="for lvsctl")
    add("--state", type=Path, default=DEFAULT_STATE, metavar="DIR", help="kept over restarts")
    add("--user", metavar="NAME", help="as whom root runs (default: pulse if there; else root)")
    add(
        "--plane",
        choices=("auto", "kernel", "userspace", "memory"),
        default="auto",
        help="what forwards: the kernel's IPVS; a userspace proxy, for trial; nothing at all "
        "(default: the kernel where it can, else userspace)",
    )
    add("--leave-running", action="store_true", help="when stopped, leave the kernel forwarding")
    add("--forceactive", action="store_true", help="run alone, whatever lvs.cf says of a pair")
    add("-t", "--test-start", "--norun", action="store_true", help="judge FILE and end")
    add("--release", action="store_true", help="let go of virtual IPs that a crash left, and end")
    add(
        "--unless-alone",
        action="store_true",
        help="with --release: but not where lvs.cf names no peer, so that the kernel goes on",
    )
    add("-n", "--nodaemon", action="store_true", help="accepted: pulse stays in the foreground")
    add("--lvsd", "--lvs", "--fos", metavar="PATH", help="accepted: the engine has them built in")
    add("-v", "--verbose", action="store_true", help="log each change of the table too")
    add("-?", "-h", "--help", "--usage", action="help", help="show this and end")
    add("--version", action="version", version=f"Program Version: pulse {__version__}")
    return parser


def _judge(path: Path) -> int:
    from lvsengine.cli import lvsctl

    return lvsctl.main(["check", str(path)])


def _release(arguments: argparse.Namespace) -> int:
    import asyncio

    from lvsengine import folder

    _narrow(arguments)
    with folder.locked(arguments.state):
        released = asyncio.run(_let_go(arguments))
    for change in released.removed:
        print(f"released {change.address}")
    for sentence in released.sentences:
        print(f"pulse: {sentence}", file=sys.stderr)
    return FAILED if released.failures else OK


async def _let_go(arguments: argparse.Namespace) -> Released:
    from lvsengine import state
    from lvsengine.lvscf import store
    from lvsengine.lvscf.model import Config
    from lvsengine.vip.netlink import NetlinkAddresses
    from lvsengine.vip.release import Released, release

    loaded = store.load(arguments.configfile).config
    # A file that is not sound might name a peer, which has these addresses by now.
    if arguments.unless_alone and loaded is not None and not loaded.backup_active:
        return Released()
    config = loaded or Config()
    keeper = state.Keeper(arguments.state)
    keeper.load()
    plane = NetlinkAddresses()
    try:
        released = await release(config, plane, keeper.kept.addresses)
    finally:
        await plane.close()
    if not released.failures:
        keeper.change(addresses=frozenset())
    return released


def _run(arguments: argparse.Namespace) -> int:
    import asyncio
    import os

    from lvsengine import journal

    _ignore_hangup()
    journal.set_up(verbose=arguments.verbose, environ=os.environ, stream=sys.stderr)
    _narrow(arguments)
    _allow_many_files()
    _collect_seldom()
    asyncio.run(_serve(arguments))
    return OK


def _ignore_hangup() -> None:
    """Until it can be obeyed: who asks for a reload this early must not end the director."""
    import signal

    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _narrow(arguments: argparse.Namespace) -> None:
    """Stop being root where we should, before anything is opened and any thread started.

    Raises:
        EngineError: as `privileges.become`.
    """
    import logging

    from lvsengine import folder, history, privileges, state
    from lvsengine.hush.apply import LOCK_NAME

    choice = privileges.choose(arguments.user)
    logging.getLogger("pulse").info("%s", choice.said)
    if not choice.user:
        privileges.narrow()
        return
    kept = (state.NAME, folder.LOCK, history.NAME)
    beside = tuple(f".{name}.new" for name in kept)
    socket: Path = arguments.socket
    folders = {
        arguments.state.absolute(): (*kept, *beside, LOCK_NAME),
        socket.absolute().parent: (socket.name,),
    }
    privileges.become(choice.user, folders)


def _allow_many_files() -> None:
    """Each check at work is an open file, and 1 024 is a common soft limit."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _collect_seldom() -> None:
    """Our values make no cycles, and looking for some took a third of a large reload."""
    import gc

    gc.set_threshold(100_000, 50, 100)


async def _serve(arguments: argparse.Namespace) -> None:
    import asyncio
    import logging
    import os
    import signal
    from dataclasses import replace
    from functools import partial

    from lvsengine import watchdog
    from lvsengine.engine import Engine
    from lvsengine.notify import notify
    from lvsengine.parts import Settings
    from lvsengine.scarcity import LoopTrouble, workers

    settings = Settings(
        path=arguments.configfile.absolute(),
        socket=arguments.socket,
        state_dir=arguments.state,
        leave_running=arguments.leave_running,
        force_active=arguments.forceactive,
    )
    asked = watchdog.asked(os.environ, os.getpid())
    parts = await _parts(arguments.plane, arguments.state)
    parts = replace(parts, watchdog=asked, stand_back=partial(os.nice, LEAST))
    engine = Engine(settings, parts, ready=partial(notify, os.environ, READY="1"))
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(LoopTrouble())
    loop.set_default_executor(workers())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        loop.add_signal_handler(number, _stop, engine, number)
    loop.add_signal_handler(signal.SIGHUP, engine.reload_soon)
    await engine.run()
    logging.getLogger("pulse").info("pulse has stopped")


def _stop(engine: Engine, number: int) -> None:
    import logging
    import os
    import signal

    from lvsengine.notify import notify

    logging.getLogger("pulse").info("Terminating due to signal %d", number)
    notify(os.environ, STOPPING="1")
    engine.stop(leave_running=number == signal.SIGUSR1)


async def _parts(plane: str, folder: Path) -> Parts:
    import logging

    from lvsengine import privileges
    from lvsengine.crossing import Crossing
    from lvsengine.hush.apply import Hushing, installed, lock_in
    from lvsengine.ipvs.kernel import KernelPlane
    from lvsengine.local import is_local
    from lvsengine.parts import Parts
    from lvsengine.vip.announce import announce

    if plane == "memory":
        from lvsengine.ipvs.memory import MemoryPlane
        from lvsengine.vip.memory import MemoryAddresses

        return Parts(
            MemoryPlane(), MemoryAddresses(), _say_nothing, is_local, conflicts=_no_conflicts
        )
    chosen = await _plane(plane)
    by_kernel = chosen if isinstance(chosen, KernelPlane) else None
    crossing = Crossing(by_kernel, Hushing(installed(lock_in(folder))))
    # What only tries things out needs none of the capabilities.
    warnings = privileges.warnings() if by_kernel else ()
    for warning in warnings:
        logging.getLogger("pulse").warning("%s", warning)
    return Parts(chosen, _addresses(), announce, is_local, crossing=crossing, warnings=warnings)


async def _plane(plane: str) -> Plane:
    import logging

    if plane in ("auto", "kernel"):
        from lvsengine.ipvs.kernel import KernelPlane

        try:
            return await KernelPlane.open()
        except EngineError as error:
            if plane == "kernel":
                raise
            logging.getLogger("pulse").warning(
                "forwarding in userspace, for trial only reason=%s", error.sentence
            )
    from lvsengine.ipvs.userspace import UserspacePlane

    return UserspacePlane()


def _addresses() -> AddressPlane:
    from lvsengine.vip.kernel import KernelAddresses

    return KernelAddresses()


async def _say_nothing(_addresses: object, *, times: int) -> tuple[str, ...]:
    return ()


async def _no_conflicts(_addresses: object) -> tuple[str, ...]:
    return ()


if __name__ == "__main__":
    sys.exit(main())
