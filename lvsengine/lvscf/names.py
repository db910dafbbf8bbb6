"""Host names -> addresses by the system's resolver, with one deadline for a whole file."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address

from lvsengine.lvscf.problems import Reason
from lvsengine.lvscf.refused import Refused
from lvsengine.net import Address

DEADLINE_S = 5.0

Lookup = Callable[[str], list[str]]


def system_lookup(name: str) -> list[str]:
    """Ask the system's resolver: addresses as text, IPv4 first, for the original knew no other.

    Raises:
        OSError: There is no such name, or the resolver did not answer.
    """
    answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    ordered = sorted(answers, key=lambda answer: answer[0] is not socket.AF_INET)
    return [str(answer[4][0]).partition("%")[0] for answer in ordered]


class Resolver:
    """Resolves the names of one file; all together may take `deadline_s` seconds.

    A lookup that outlasts the deadline cannot be stopped; its thread ends by itself and its
    answer is dropped. No further name is looked up then, so there is at most one such thread.
    """

    def __init__(self, deadline_s: float = DEADLINE_S, lookup: Lookup = system_lookup) -> None:
        self._deadline_s = deadline_s
        self._lookup = lookup
        self._ends_at: float | None = None

    def __call__(self, name: str) -> Address:
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self._deadline_s
        answers: list[str] | OSError | None = None

        def look_up() -> None:
            nonlocal answers
            try:
                answers = self._lookup(name)
            except (OSError, UnicodeError) as error:
                answers = OSError(str(error))

        remaining = self._ends_at - time.monotonic()
        if remaining > 0:
            thread = threading.Thread(target=look_up, name=f"look up {name}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # this machine has no thread left
                answers = OSError(str(error))
            else:
                thread.join(remaining)
        return _first(name, answers, self._deadline_s)


def _first(name: str, answers: list[str] | OSError | None, deadline_s: float) -> Address:
    if answers is None:
        raise Refused(
            Reason.HOST,
            "must be an address; {name!r} could not be looked up within {seconds:g} s",
            name=name,
            seconds=deadline_s,
        )
    if isinstance(answers, OSError) or not answers:
        raise Refused(
            Reason.HOST,
            "must be an address; the name {name!r} has none ({why})",
            name=name,
            why=str(answers) if answers else "empty answer",
        )
    return ip_address(answers[0])
