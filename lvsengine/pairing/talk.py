"""Carry the exchange over one connection: frames with a deadline, and what either end must do."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lvsengine.errors import EngineError
from lvsengine.pairing import exchange, messages
from lvsengine.pairing.code import Code
from lvsengine.pairing.exchange import Action
from lvsengine.pairing.messages import HEADER_SIZE, Breach, Frame, Reason
from lvsengine.pairing.sealing import PRIVATE_SIZE, Side
from lvsengine.pairing.terms import MESSAGE_S

SENTENCES = {
    Reason.GARBAGE: "it does not speak this protocol",
    Reason.TOO_LONG: "it announced a message longer than 64 KiB",
    Reason.OUT_OF_TURN: "it said something out of turn",
    Reason.VERSION: "it speaks another version of this protocol",
    Reason.REFLECTED: "it sent back the words that it was sent",
    Reason.WRONG_CODE: "it does not know the code",
    Reason.TAMPERED: "a sealed message was changed on its way, or repeated",
    Reason.TOO_MUCH: "it sent more than a director has to tell",
}


class Party(Protocol):
    """What an end does with its disk.

    `judge` and `write` may raise an `EngineError`, which the peer is told. The primary is asked
    for its offer once it has judged the backup's, the backup at once.
    """

    def offer(self) -> bytes: ...
    def judge(self, data: bytes) -> None: ...
    def write(self) -> None: ...


class Lost(Exception):
    """The connection ended, or a deadline passed."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Unconfirmed(Exception):
    """All is written here, but whether the other end has written all is not known."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class PeerRefused(Exception):
    """The other end refuses to talk; `reason` is a word of `Reason`, or anything."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Channel:
    """Frames over a connected socket; each must be through within `message_s` seconds."""

    def __init__(self, connection: socket.socket, message_s: float = MESSAGE_S) -> None:
        self._connection = connection
        self._message_s = message_s

    def send(self, frame: Frame) -> None:
        """Raises `Lost`."""
        self._connection.settimeout(self._message_s)
        try:
            self._connection.sendall(messages.encode(frame))
        except TimeoutError:
            raise Lost(f"it took nothing for {self._message_s:g} s") from None
        except OSError as error:
            raise Lost(f"the connection was cut: {error.strerror}") from error

    def receive(self) -> Frame:
        """Raises `Lost`, or `Breach` for what is no frame."""
        ends_at = time.monotonic() + self._message_s
        kind, length = messages.read_header(self._exactly(HEADER_SIZE, ends_at))
        return Frame(kind, self._exactly(length, ends_at))

    def _exactly(self, size: int, ends_at: float) -> bytes:
        data = b""
        while len(data) < size:
            left_s = ends_at - time.monotonic()
            if left_s <= 0:
                raise Lost(f"no whole message came within {self._message_s:g} s")
            self._connection.settimeout(left_s)
            try:
                more = self._connection.recv(size - len(data))
            except TimeoutError:
                continue
            except OSError as error:
                raise Lost(f"the connection was cut: {error.strerror}") from error
            if not more:
                raise Lost("the connection was cut")
            data += more
        return data


def converse(channel: Channel, side: Side, code: Code, party: Party) -> None:
    """Meet the other end, until both have written all.

    Raises:
        Lost, Breach, PeerRefused: Nothing is written here.
        Unconfirmed: All is written here.
        EngineError: One of the ends cannot; the sentence says which. Nothing is written here,
            but for what it names.
    """
    conversation = _Conversation(channel, side, code, party)
    try:
        conversation.run()
    except Breach as breach:
        with contextlib.suppress(Lost):
            channel.send(exchange.refusal(breach.reason))
        if conversation.has_written:
            raise Unconfirmed(SENTENCES[breach.reason]) from breach
        raise
    except (Lost, PeerRefused, EngineError) as error:
        if conversation.has_written:
            raise Unconfirmed(str(error)) from error
        raise


class _Conversation:
    """A machine, and the hands that do what it asks for."""

    def __init__(self, channel: Channel, side: Side, code: Code, party: Party) -> None:
        self.has_written = False
        self._channel = channel
        self._party = party
        private = os.urandom(PRIVATE_SIZE)
        self._machine, actions = (
            exchange.join(code, private, party.offer())
            if side is Side.JOIN
            else exchange.invite(code, private)
        )
        self._pending = deque(actions)

    def run(self) -> None:
        while True:
            while self._pending:
                action = self._pending.popleft()
                if isinstance(action, exchange.Finished):
                    return
                self._do(action)
            self._go_on(exchange.step(self._machine, self._channel.receive()))

    def _do(self, action: Action) -> None:
        match action:
            case exchange.Send(frame):
                self._channel.send(frame)
            case exchange.Offered(data):
                self._or_tell(lambda: self._party.judge(data))
                is_primary = self._machine.side is Side.INVITE
                offer = self._party.offer() if is_primary else b""
                self._go_on(exchange.agree(self._machine, offer))
            case exchange.Write():
                self._or_tell(self._party.write)
                self.has_written = True
                self._go_on(exchange.done(self._machine))
            case exchange.PeerFailed(sentence, hint):
                raise EngineError("peer-failed", f"the other director says: {sentence}", hint)
            case exchange.PeerRefused(reason):
                raise PeerRefused(reason)

    def _go_on(self, taken: exchange.Step) -> None:
        self._machine, actions = taken
        self._pending.extend(actions)

    def _or_tell(self, act: Callable[[], None]) -> None:
        """Act, or tell the peer why not."""
        try:
            act()
        except EngineError as error:
            with contextlib.suppress(Lost):
                self._channel.send(exchange.fail(self._machine, error))
            raise


def sentence_of(reason: str) -> str:
    """Say why the other end refuses us, called `it`; a stranger's own words are not repeated."""
    sentences = {known.value: sentence for known, sentence in SENTENCES.items()}
    return sentences.get(reason, "it gives no reason that is known")
