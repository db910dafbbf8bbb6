"""`send_arp`: put one gratuitous ARP reply on the wire, with the original's arguments."""

from __future__ import annotations

import argparse
import re
import socket
import sys
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from typing import NoReturn

from lvsengine.vip.frames import gratuitous_reply
from lvsengine.vip.wire import PacketWire, Wire, why

LookUp = Callable[[str], str]
HARDWARE_ADDRESS = re.compile(r"[0-9a-f]{2}(?::?[0-9a-f]{2}){5}", re.IGNORECASE)
DESCRIPTION = """\
Send one Ethernet frame, an ARP reply, that tells who hears it: src_ip is at src_hw.
Neighbours then send packets for src_ip to that card. Neighbours that have never heard of
src_ip learn nothing from it."""
EPILOG = """\
example, after moving 192.168.26.10 here (broadcast to the whole wire):
  send_arp -i eth0 192.168.26.10 00:16:3e:01:02:03 192.168.26.255 ffffffffffff

pulse announces its virtual IPs by itself. Needs root, or CAP_NET_RAW. Exit status: 0 sent,
1 not sent."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"send_arp: {message}\n")


def main(
    argv: Sequence[str] | None = None,
    open_wire: Callable[[str], Wire] = PacketWire,
    look_up: LookUp = socket.gethostbyname,
) -> int:
    arguments = _parser().parse_args(argv)
    try:
        frame = _frame(arguments, look_up)
    except ValueError as error:
        return _failed(str(error))
    try:
        _send(arguments.dev, frame, open_wire)
    except OSError as error:
        return _failed(f"send_arp: {why(arguments.dev, error)}")
    return 0


def _frame(arguments: argparse.Namespace, look_up: LookUp) -> bytes:
    source = _address(arguments.src_ip, look_up)
    mac = _hardware_address(arguments.src_hw)
    # Looked up only because the original refuses a name that does not exist here too.
    _address(arguments.targ_ip, look_up)
    return gratuitous_reply(_hardware_address(arguments.targ_hw), mac, source)


def _send(interface: str, frame: bytes, open_wire: Callable[[str], Wire]) -> None:
    wire = open_wire(interface)
    try:
        wire.send(frame)
    finally:
        wire.close()


def _address(name: str, look_up: LookUp) -> IPv4Address:
    try:
        return IPv4Address(look_up(name))
    except (OSError, UnicodeError):
        raise ValueError(f"send_arp: unknown host {name}") from None


def _hardware_address(text: str) -> bytes:
    if not HARDWARE_ADDRESS.fullmatch(text):
        raise ValueError(f"Invalid hardware address {text}: 12 hex digits, with or without colons")
    return bytes.fromhex(text.replace(":", ""))


def _failed(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="send_arp",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-i", dest="dev", metavar="dev", default="eth0", help="interface to send on (eth0)"
    )
    parser.add_argument("src_ip", help="the address to announce, or its name")
    parser.add_argument("src_hw", help="the hardware address it is at; colons may be left out")
    parser.add_argument("targ_ip", help="not used in the frame; must be an address or a name")
    parser.add_argument("targ_hw", help="who shall hear it: ffffffffffff for all")
    return parser


if __name__ == "__main__":
    sys.exit(main())
