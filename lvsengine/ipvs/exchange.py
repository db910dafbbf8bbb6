"""Questions to the kernel over one netlink socket, and its answers. Blocking, one at a time.

Every wait has a deadline. Where an answer was lost (deadline, or a full receive buffer) the socket
is closed, so that no late answer is taken for another's, and `NoAnswer` is raised; the next
question opens a new one. What to make of it is for the caller, who knows what was asked.

A generic family has another number after its module was loaded again. A message to the old number
is refused with ENOENT, as may be one to the right number: then the number is asked for, and where
it is another, what was refused is sent again.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from lvsengine.ipvs import netlink
from lvsengine.ipvs.netlink import ACKNOWLEDGE, DONE, DUMP, ERROR, REQUEST, Message

T = TypeVar("T")

DEADLINE_S = 5.0  # a scheduler's module may have to be loaded first
MOST_AT_ONCE = 200  # even the answers to that many refused messages fit a default buffer
LARGEST_DATAGRAM = 65536  # the kernel's dumps come in 32 KiB at most
RECEIVE_BUFFER = 4 * 1024 * 1024

NETLINK_GENERIC = 16  # linux/netlink.h
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
SO_RCVBUFFORCE = 33  # asm-generic/socket.h

Request = tuple[int, bytes]  # a command and its attributes


class NoAnswer(Exception):
    """The kernel's answer did not come, or was lost."""


class NoFamily(Exception):
    """The kernel has no such generic family, nor a module for it that it could load."""


class Link(Protocol):
    """Datagrams to and from the kernel."""

    def send(self, data: bytes) -> None:
        """Send; the kernel has dealt with it when this returns."""

    def receive(self) -> bytes:
        """Wait for the kernel's next datagram.

        Raises:
            TimeoutError: None came within the deadline.
            OSError: ENOBUFS: at least one was lost.
        """

    def close(self) -> None: ...


class SocketLink:
    """A netlink socket in the namespace of the thread that makes it."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC
        )
        self._buffer = bytearray(LARGEST_DATAGRAM)
        try:
            self._prepare(deadline_s)
        except OSError:
            self._socket.close()
            raise

    def _prepare(self, deadline_s: float) -> None:
        seconds, part = divmod(deadline_s, 1)
        timeval = struct.pack("ll", int(seconds), int(part * 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
        with suppress(OSError):  # without it, refusals are longer by what they refuse
            self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.bind((0, 0))

    def send(self, data: bytes) -> None:
        self._socket.send(data)

    def receive(self) -> bytes:
        while True:
            try:
                length, _, flags, sender = self._socket.recvmsg_into([self._buffer])
            except BlockingIOError:
                raise TimeoutError from None
            if flags & socket.MSG_TRUNC:
                raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
            if sender[0] == 0:  # port 0 is the kernel; anyone may send to a netlink socket
                return bytes(memoryview(self._buffer)[:length])

    def close(self) -> None:
        self._socket.close()


@dataclass(slots=True)
class Answers:
    """What came back: messages, and the errno (0: done) of each request that has ended."""

    messages: list[Message] = field(default_factory=list)
    ended: dict[int, int] = field(default_factory=dict)


class Exchange:
    """Asks one generic family.

    Args:
        connect: Opens a link. Called again after an answer was lost.
        family: The family's name. Its number is asked for with the first question.
        deadline_s: How long all answers to one datagram may take together.
    """

    def __init__(
        self,
        connect: Callable[[], Link],
        family: str,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._family = family
        self._deadline_s = deadline_s
        self._clock = clock
        self._link: Link | None = None
        self._number = 0
        self._sequence = 0

    def ask(self, command: int, body: bytes = b"") -> list[Message]:
        """Ask, and return the answers that came before the acknowledgement.

        Raises:
            OSError: The kernel refused.
            NoAnswer: It may or may not have been done.
        """
        return self._once_more_if_reloaded(lambda: self._one(command, ACKNOWLEDGE, body))

    def dump(self, command: int, body: bytes = b"") -> list[Message]:
        """Ask for a list. Raises as `ask`."""
        return self._once_more_if_reloaded(lambda: self._one(command, DUMP, body))

    def ask_and_dump(self, request: Request, dump: Request) -> tuple[int | None, list[Message]]:
        """Ask for a change and for a list after it, in one datagram.

        Returns:
            The change's errno, or None where the kernel said nothing of it, and the list.

        Raises:
            OSError: The list was refused.
            NoAnswer: The list did not come.
        """
        return self._once_more_if_reloaded(lambda: self._two(request, dump))

    def many(self, requests: Sequence[Request]) -> dict[int, int]:
        """Send up to `MOST_AT_ONCE` requests in one datagram.

        Returns:
            The errno of each that was refused, by its place in `requests`.

        Raises:
            NoAnswer: Nothing is known of any of them.
        """
        refused = self._batch(requests)
        again = [place for place, number in refused.items() if number == errno.ENOENT]
        if again and self._has_new_number():
            second = self._batch([requests[place] for place in again])
            for place in again:
                del refused[place]
            refused.update({again[place]: number for place, number in second.items()})
        return refused

    def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _one(self, command: int, flag: int, body: bytes) -> list[Message]:
        sequence = self._next_sequence()
        answers = self._converse(self._message((command, body), flag, sequence), sequence)
        _raise(answers.ended[sequence])
        return [reply for reply in answers.messages if reply.sequence == sequence]

    def _two(self, request: Request, dump: Request) -> tuple[int | None, list[Message]]:
        first = self._next_sequence()
        second = self._next_sequence()
        data = self._message(request, ACKNOWLEDGE, first) + self._message(dump, DUMP, second)
        answers = self._converse(data, second)
        _raise(answers.ended[second])
        listed = [reply for reply in answers.messages if reply.sequence == second]
        return answers.ended.get(first), listed

    def _batch(self, requests: Sequence[Request]) -> dict[int, int]:
        """Only the last asks for an acknowledgement; refusals come unasked."""
        places = {self._next_sequence(): place for place in range(len(requests))}
        last = self._sequence
        data = b"".join(
            self._message(requests[place], ACKNOWLEDGE if sequence == last else 0, sequence)
            for sequence, place in places.items()
        )
        ended = self._converse(data, last).ended
        return {places[sequence]: number for sequence, number in ended.items() if number}

    def _message(self, request: Request, flags: int, sequence: int) -> bytes:
        if not self._number:
            self._number = self._ask_number()
        command, body = request
        return netlink.message(self._number, REQUEST | flags, sequence, command, body)

    def _converse(self, data: bytes, last: int) -> Answers:
        """Send, and gather answers until the request of sequence number `last` has ended."""
        link = self._link
        try:
            if link is None:
                link = self._link = self._connect()
            link.send(data)
            return self._answers(link, last)
        except (TimeoutError, netlink.Malformed) as error:
            self.close()
            raise NoAnswer(str(error)) from error
        except OSError as error:
            self.close()
            if error.errno == errno.ENOBUFS:
                raise NoAnswer(str(error)) from error
            raise

    def _answers(self, link: Link, last: int) -> Answers:
        answers = Answers()
        until = self._clock() + self._deadline_s
        while last not in answers.ended:
            if self._clock() > until:
                raise TimeoutError
            for reply in netlink.messages(link.receive()):
                if reply.kind in (ERROR, DONE):
                    answers.ended[reply.sequence] = netlink.errno_of(reply)
                else:
                    answers.messages.append(reply)
        return answers

    def _once_more_if_reloaded(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except OSError as error:
            if error.errno != errno.ENOENT or not self._has_new_number():
                raise
            return question()

    def _has_new_number(self) -> bool:
        before, self._number = self._number, self._ask_number()
        return self._number != before

    def _ask_number(self) -> int:
        sequence = self._next_sequence()
        answers = self._converse(netlink.family_request(sequence, self._family), sequence)
        if answers.ended[sequence] == errno.ENOENT:
            raise NoFamily(self._family)
        _raise(answers.ended[sequence])
        [reply] = answers.messages
        return netlink.number(netlink.body_of(reply)[netlink.FAMILY_ID])

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % 0xFFFFFFFF + 1
        return self._sequence


def patiently(question: Callable[[], T]) -> T:
    """Ask; where the answer was lost, ask once more. For what may be asked twice."""
    try:
        return question()
    except NoAnswer:
        return question()


def _raise(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))
