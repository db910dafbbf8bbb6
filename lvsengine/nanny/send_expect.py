"""The check that asks: connect, send, and compare what comes back. TCP and UDP.

A plain `expect` is compared with the beginning of the answer, which may come in pieces; a
regular expression is searched for in the first 4096 bytes. Over TCP, `send` alone is enough
when it could be sent; over UDP something must come back. One deadline holds for all of it.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from functools import partial

from lvsengine.nanny import escapes, matching, wording
from lvsengine.nanny.check import Definition, Result
from lvsengine.nanny.matching import Wanted
from lvsengine.nanny.patience import TooLongError, bounded
from lvsengine.nanny.tcp_connect import connect, opened
from lvsengine.net import Protocol

READ_BYTES = 4096  # an answer that has not said it by then does not say it


@dataclass(slots=True)
class _Talk:
    """What has been said so far; it tells a hung real server from one that never answered."""

    connected: bool = False
    sent: bytes = b""
    received: bytes = b""


async def check(definition: Definition) -> Result:
    started = time.monotonic()
    talk = _Talk()
    try:
        ok, reason = await _tried(definition, talk)
    except matching.PatternError as error:
        ok, reason = False, str(error)
    except TimeoutError:
        ok, reason = False, _late(definition, talk)
    except OSError as error:
        ok, reason = False, _broken_off(definition, talk, error)
    return Result(
        ok,
        reason,
        time.monotonic() - started,
        wording.printable(talk.sent),
        wording.printable(talk.received),
    )


async def _tried(definition: Definition, talk: _Talk) -> tuple[bool, str]:
    wanted = _wanted(definition)
    with opened(definition) as sock:
        async with asyncio.timeout(definition.timeout_s):
            await connect(sock, definition)
            talk.connected = definition.protocol is not Protocol.UDP
            await _send(sock, definition, talk)
            if wanted is None:
                return True, f"{wording.place(definition)} took what was sent"
            return await _listen(sock, definition, wanted, talk)


def _wanted(definition: Definition) -> Wanted | None:
    if definition.expect:
        return matching.wanted(definition.expect, use_regex=definition.use_regex)
    # A datagram that was sent proves nothing until an answer comes.
    return matching.Anything() if definition.protocol is Protocol.UDP else None


async def _send(sock: socket.socket, definition: Definition, talk: _Talk) -> None:
    if definition.send:
        data = escapes.decode(definition.send)
        await asyncio.get_running_loop().sock_sendall(sock, data)
        talk.sent = data


async def _listen(
    sock: socket.socket, definition: Definition, wanted: Wanted, talk: _Talk
) -> tuple[bool, str]:
    loop = asyncio.get_running_loop()
    enough = len(wanted.data) if isinstance(wanted, matching.Exactly) else READ_BYTES
    verdict: bool | None = None
    ended = ""
    while verdict is None and not ended:
        piece = await loop.sock_recv(sock, READ_BYTES)
        talk.received += piece
        try:
            verdict = _verdict(wanted, talk.received)
        except TooLongError:
            return False, _overlong(definition, wanted, talk)
        if not piece and talk.connected:
            ended = " and closed the connection"
        elif len(talk.received) >= enough:
            break
    if verdict:
        return True, f"{wording.place(definition)} answered {wording.headline(talk.received)}"
    return False, _answered(definition, wanted, talk, ended)


def _verdict(wanted: Wanted, received: bytes) -> bool | None:
    if isinstance(wanted, matching.Pattern):
        return bounded(partial(wanted.starts, received))
    return wanted.starts(received)


def _overlong(definition: Definition, wanted: Wanted, talk: _Talk) -> str:
    said = wording.quoted(talk.received)
    return f"{wording.place(definition)} answered {said}; {wording.endless_search(wanted)}"


def _answered(definition: Definition, wanted: Wanted, talk: _Talk, ended: str) -> str:
    """Say what came instead of what was wanted."""
    place = wording.place(definition)
    if not talk.received:
        return f"{place} closed the connection without an answer where {wanted} was expected"
    said = wording.quoted(talk.received)
    return f"{place} answered {said}{ended} where {wanted} was expected"


def _late(definition: Definition, talk: _Talk) -> str:
    limit = f"within {definition.timeout_s:g} s"
    place = wording.place(definition)
    if talk.received:
        wanted = _wanted(definition)
        said = wording.quoted(talk.received)
        return f"{place} answered {said} and nothing more {limit} where {wanted} was expected"
    if talk.connected:
        return f"{place} took the connection and said nothing {limit}"
    return wording.no_answer(definition)


def _broken_off(definition: Definition, talk: _Talk, error: OSError) -> str:
    if not talk.connected:
        return wording.failed(definition, error)
    return f"{wording.place(definition)} broke the connection off: {error.strerror or error}"
