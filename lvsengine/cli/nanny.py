"""`nanny`: make one check of one real server by hand, and show what was said.

It takes the original's options, so that a command line seen in an old process list can be
tried as it stands. It never touches the table: the engine makes the checks that count.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, NoReturn

from lvsengine import __version__

if TYPE_CHECKING:
    from lvsengine.nanny.check import Definition, Result

UP, DOWN, USAGE = 0, 1, 2

EXAMPLE = r"""
example:
  Does the mail server on 10.0.0.1 greet within 3 seconds?

    $ nanny -h 10.0.0.1 -p 25 -t 3 -x 220
    check     send_expect of 10.0.0.1:25 within 3 s
    sent      (nothing)
    received  220 mail.example.org ESMTP\r\n
    took      1.2 ms
    up        10.0.0.1:25 answered '220 mail.example.org ESMTP\r\n'

  Without --send_string, --expect_string and --send_program an open port is enough; on port 80
  a web server is asked for its front page. Exit status: 0 up, 1 down, 2 wrong usage.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"nanny: {message}. Use '--help' for help.\n")


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.server is None:
        parser.error("No address supplied")
    definition = _definition(parser, options)
    _announce(options, definition)
    if options.norun:
        return UP
    result = _checked(definition)
    _show(result)
    return UP if result.ok else DOWN


def _parser() -> _Parser:
    parser = _Parser(
        prog="nanny",
        usage="nanny --server ADDRESS [options]",
        description="Check one real server once, by hand, and show what was said.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,  # -h is the real server, as it always was
        allow_abbrev=False,
    )
    _add_the_check(parser)
    _add_what_has_no_effect(parser)
    return parser


def _add_the_check(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("the check").add_argument
    add("-h", "--server", metavar="ADDRESS", help="the real server's address")
    add("-p", "--port", type=_port, default=80, help="the virtual server's port (80)")
    add("-r", "--rport", type=_port, metavar="PORT", help="the real server's port (as --port)")
    add("-u", "--udp", action="store_true", help="ask by UDP (TCP)")
    add("-t", "--interval", type=_seconds, default=10, metavar="SECONDS", help="deadline (10)")
    add("-s", "--send_string", metavar="TEXT", help=r"what to send; \r \n \t \\ \' \" are known")
    add("-x", "--expect_string", metavar="TEXT", help="how the answer must begin; * is any")
    add("--regex", action="store_true", help="search for --expect_string as regular expression")
    add("-T", "--suppress", action="store_true", help="take backslashes as they are")
    add("-e", "--send_program", metavar="COMMAND", help="run this instead; %%h %%p: address, port")
    add("--norun", "--test-start", action="store_true", help="say what would be checked, no more")
    add("--version", action="version", version=f"nanny (piranha-lvs) {__version__}")
    add("--help", action="help", help="show this")


def _add_what_has_no_effect(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "accepted as in old command lines, without effect on a check by hand"
    )
    add = group.add_argument
    add("-V", "--virtaddress", metavar="ADDRESS")
    add("-f", "--fwmark", type=int, metavar="MARK")
    add("-w", "--weight", type=int, metavar="SHARES")
    add("-M", "--method", choices=["m", "g", "i"])
    add("-a", "--reentrytime", type=int, metavar="SECONDS")
    add("-q", "--quiesce_server", action="store_true")
    add("-U", "--loadcmd", metavar="COMMAND")
    add("-S", "--scale", type=int, metavar="TIMES")
    add("-I", "--ipvsadm", metavar="PATH")
    for names in (["-n", "--nodaemon"], ["-c", "--nofork"], ["-v", "--verbose"], ["--lvs"]):
        add(*names, action="store_true")
    add("--fos", action="store_true")


def _port(text: str) -> int:
    return _between(text, 1, 65535)


def _seconds(text: str) -> int:
    return _between(text, 1, 86400)


def _between(text: str, lowest: int, highest: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not lowest <= number <= highest:
        raise argparse.ArgumentTypeError(f"{number} is not between {lowest} and {highest}")
    return number


def _definition(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Definition:
    """Plan the check as the engine would for a virtual server with these keys."""
    from lvsengine.lvscf.model import FloatingAddress, RealServer, VirtualServer
    from lvsengine.nanny import escapes, plan
    from lvsengine.net import Protocol

    try:
        address = ip_address(options.server)
    except ValueError:
        parser.exit(USAGE, f"nanny: bad IP address -- {options.server}\n")
    send, expect = options.send_string, options.expect_string
    if options.suppress:
        send, expect = (text and escapes.literally(text) for text in (send, expect))
    virtual = VirtualServer(
        "by hand",
        FloatingAddress(address, ""),
        port=options.port,
        protocol=Protocol.UDP if options.udp else Protocol.TCP,
        send=send,
        expect=expect,
        use_regex=options.regex,
        send_program=options.send_program,
        timeout_s=options.interval,
    )
    return plan.definition(virtual, RealServer("by hand", address, port=options.rport))


def _announce(options: argparse.Namespace, definition: Definition) -> None:
    """Say what will be checked; what was chosen for the operator in the original's words."""
    from lvsengine.nanny import wording

    if options.send_program and options.send_string:
        print(
            f"External program use requested: ({options.send_program}), "
            f"IGNORING send string option ({options.send_string})"
        )
    if definition.kind == "send_expect" and not (options.send_string or options.expect_string):
        print("nanny: no monitor configured, assuming web service on port 80")
    limit = f"within {definition.timeout_s:g} s"
    print(f"check     {definition.kind} of {wording.place(definition)} {limit}", flush=True)


def _checked(definition: Definition) -> Result:
    import asyncio

    from lvsengine.nanny.check import NotTriedError, Result
    from lvsengine.nanny.kinds import CHECKS

    async def once() -> Result:
        return await CHECKS[definition.kind](definition)

    try:
        return asyncio.run(once())
    except NotTriedError as error:
        return Result(ok=False, reason=str(error))


def _show(result: Result) -> None:
    print(f"sent      {result.sent or '(nothing)'}")
    print(f"received  {result.received or '(nothing)'}")
    print(f"took      {result.seconds * 1000:.1f} ms")
    print(f"{'up' if result.ok else 'down':9} {result.reason}")


if __name__ == "__main__":
    sys.exit(main())
