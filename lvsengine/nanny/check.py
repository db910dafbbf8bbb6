"""One try of one check: what is asked, and what came of it. The promise of every check kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lvsengine.net import Address, Protocol


@dataclass(frozen=True, slots=True)
class Definition:
    """What to try. Two equal definitions are one check, so this is a check's identity.

    Attributes:
        kind: A name from `kinds.CHECKS`.
        send, expect: As in lvs.cf, escapes not yet translated; None is not given.
        program: The words of `send_program`, `%h` and `%p` not yet replaced.
        user: As whom root runs the program; empty is the usual one.
        timeout_s: Deadline of each try.
        interval_s: From the start of one try to the start of the next.
        fall: Consecutive failures until down.
        rise: Consecutive successes until up again; the first success ever admits at once.
    """

    kind: str
    address: Address
    port: int
    protocol: Protocol = Protocol.TCP
    send: str | None = None
    expect: str | None = None
    use_regex: bool = False
    program: str | None = None
    user: str = ""
    timeout_s: float = 10.0
    interval_s: float = 10.0
    fall: int = 1
    rise: int = 18


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one try.

    Attributes:
        reason: A sentence for people: "no answer on 10.0.0.1:80 within 6 s".
        seconds: How long it took.
        sent, received: What went over the wire, bounded, printable.
    """

    ok: bool
    reason: str
    seconds: float = 0.0
    sent: str = ""
    received: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """A result and when it ended, in seconds since the epoch."""

    at: float
    result: Result


Check = Callable[[Definition], Awaitable[Result]]
"""A try ends within the definition's `timeout_s`, whatever the real server does."""


class NotTriedError(Exception):
    """This machine lacks what the try needs (a file descriptor, a process).

    It says nothing about the real server, so health stays as it is.
    """
