"""The primary's end: wait for the backup, serve one connection at a time, and give up in time."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from lvsengine.errors import EngineError
from lvsengine.net import Address
from lvsengine.pairing import talk
from lvsengine.pairing.code import Code
from lvsengine.pairing.messages import Breach, Reason
from lvsengine.pairing.own import Home
from lvsengine.pairing.primary import Primary
from lvsengine.pairing.sealing import Side
from lvsengine.pairing.talk import Channel, Lost, PeerRefused, Unconfirmed
from lvsengine.pairing.terms import Terms

MOST_SENTENCES = 20  # then strangers are only counted
_BACKLOG = 4
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Met:
    """The backup that joined; `there` is where it came from."""

    party: Primary
    there: Address


def open_port(bind: str, port: int) -> socket.socket:
    """Listen at an address of this machine, or at all where `bind` is empty.

    Raises:
        EngineError: `no-port`.
    """
    try:
        if bind:
            family = socket.AF_INET6 if ":" in bind else socket.AF_INET
            return socket.create_server((bind, port), family=family, backlog=_BACKLOG)
        return _everywhere(port)
    except OSError as error:
        raise EngineError(
            "no-port",
            f"TCP port {port} of {bind or 'this machine'} cannot be opened: {error.strerror}",
            "does another `lvsctl pair invite` wait? Name another port by --port, on both",
        ) from error


def _everywhere(port: int) -> socket.socket:
    with contextlib.suppress(OSError):  # no IPv6 here
        return socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
        )
    return socket.create_server(("", port), backlog=_BACKLOG)


def wait(
    listener: socket.socket, code: Code, home: Home, say: Say, terms: Terms | None = None
) -> Met:
    """Serve until one backup has joined.

    Args:
        say: Is told of everybody who was refused, and why.

    Raises:
        EngineError: `invitation-expired`, `too-many-wrong-codes`.
    """
    return _Invitation(code, home, say, terms or Terms()).serve(listener)


class _Invitation:
    def __init__(self, code: Code, home: Home, say: Say, terms: Terms) -> None:
        self._code = code
        self._home = home
        self._say = say
        self._terms = terms
        self._ends_at = time.monotonic() + terms.lasts_s
        self._refused: Counter[str] = Counter()
        self._wrong_codes = 0

    def serve(self, listener: socket.socket) -> Met:
        while self._wrong_codes < self._terms.wrong_codes:
            connection = self._accept(listener)
            with connection:
                met = self._met(connection)
            if met is not None:
                return met
        raise EngineError(
            "too-many-wrong-codes",
            f"{self._wrong_codes} wrong codes: this invitation is over, its code worthless;"
            f" nothing was given away{self._counted()}",
            "who else can reach this port? Then run `lvsctl pair invite` again, for a new code",
        )

    def _accept(self, listener: socket.socket) -> socket.socket:
        while True:
            left_s = self._ends_at - time.monotonic()
            if left_s <= 0:
                raise self._expired()
            listener.settimeout(left_s)
            try:
                return listener.accept()[0]
            except TimeoutError:
                continue
            except OSError as error:  # such as: gone again before it was accepted
                self._refuse("somebody", f"the connection was cut: {error.strerror}")
                time.sleep(0.05)

    def _expired(self) -> EngineError:
        return EngineError(
            "invitation-expired",
            f"nobody joined within {self._terms.lasts_s / 60:g} minutes: this invitation is over,"
            f" its code worthless{self._counted()}",
            "run `lvsctl pair invite` again, for a new code",
        )

    def _met(self, connection: socket.socket) -> Met | None:
        try:
            here, there = map(_address, (connection.getsockname(), connection.getpeername()))
        except OSError as error:
            self._refuse("somebody", f"the connection was cut: {error.strerror}")
            return None
        try:
            party = Primary(self._home, here, there)
            with contextlib.closing(party):
                channel = Channel(connection, self._terms.message_s)
                talk.converse(channel, Side.INVITE, self._code, party)
                return Met(party, there)
        except Breach as breach:
            self._wrong_codes += breach.reason is Reason.WRONG_CODE
            self._refuse(str(there), talk.SENTENCES[breach.reason])
        except Lost as lost:
            self._refuse(str(there), lost.why)
        except PeerRefused as refused:
            self._refuse(str(there), talk.sentence_of(refused.reason))
        except EngineError as error:
            self._say(f"{there}: {error}")
        except Unconfirmed as unconfirmed:
            self._say(
                f"{there}: all is written here, but the backup has not confirmed:"
                f" {unconfirmed.why}. If it says that it is paired, press Ctrl-C; else join there"
                " again: this code is still good."
            )
        return None

    def _refuse(self, who: str, why: str) -> None:
        self._refused[why] += 1
        if self._refused.total() <= MOST_SENTENCES:
            self._say(f"refused {who}: {why}")
        if self._refused.total() == MOST_SENTENCES:
            self._say("more of these are only counted")

    def _counted(self) -> str:
        if not self._refused:
            return ""
        return "; refused: " + ", ".join(
            f"{count} times: {why}" for why, count in self._refused.most_common(5)
        )


def _address(name: tuple[str, int]) -> Address:
    address = ip_address(name[0].partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
