"""The check that a TCP port is open: connect, and close again.

The connection is closed in the ordinary way (FIN), as keepalived does it: servers log a reset
as an error. The price is one TIME_WAIT entry here for a minute per try.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time

from lvsengine.nanny import wording
from lvsengine.nanny.check import Definition, NotTriedError, Result
from lvsengine.net import Protocol
from lvsengine.scarcity import LEFT_BY_CHECKS, is_near_limit

TCP = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
UDP = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC

PENDING = frozenset({errno.EINPROGRESS, errno.EALREADY})
# The kernel of this machine has run out of something; the real server is not to blame.
OURS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN}
)
FULL = frozenset({errno.EMFILE, errno.ENFILE})
TOO_FEW = "not tried: too few file descriptors are left"


async def check(definition: Definition) -> Result:
    started = time.monotonic()
    ok, reason = await _tried(definition)
    return Result(ok, reason, time.monotonic() - started)


async def _tried(definition: Definition) -> tuple[bool, str]:
    try:
        with opened(definition) as sock:
            await connect(sock, definition)
    except OSError as error:
        return False, wording.failed(definition, error)
    return True, f"connected to {wording.place(definition)}"


def opened(definition: Definition) -> socket.socket:
    """Make a socket of the right family and protocol that never blocks.

    Raises:
        NotTriedError: No file descriptor or memory is left.
    """
    family = socket.AF_INET6 if definition.address.version == 6 else socket.AF_INET
    kind = UDP if definition.protocol is Protocol.UDP else TCP
    try:
        made = socket.socket(family, kind)
    except OSError as error:
        if error.errno in FULL:
            raise NotTriedError(TOO_FEW) from error
        raise NotTriedError(f"not tried: no socket ({error.strerror})") from error
    if is_near_limit(made.fileno(), LEFT_BY_CHECKS):
        made.close()
        raise NotTriedError(TOO_FEW)
    return made


async def connect(sock: socket.socket, definition: Definition) -> None:
    """Connect within the definition's deadline.

    Raises:
        OSError: What became of it instead; TimeoutError where nothing came.
        NotTriedError: This machine has no port or memory left for it.
    """
    there = (str(definition.address), definition.port)
    found = sock.connect_ex(there)
    if found in PENDING:
        # Near by, the answer is here before the first call returns; a second
        # call is then cheaper than waiting for it by the loop.
        found = sock.connect_ex(there)
    if found in PENDING:
        found = await settled(sock, definition.timeout_s)
    if found in OURS:
        raise NotTriedError(f"not tried: no connection could be begun ({os.strerror(found)})")
    if found:
        raise OSError(found, os.strerror(found))


async def settled(sock: socket.socket, timeout_s: float) -> int:
    """Wait until the connection stands or has failed; give the error's number, 0 for none."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[int] = loop.create_future()
    descriptor = sock.fileno()
    loop.add_writer(descriptor, _answered, outcome, sock)
    deadline = loop.call_later(timeout_s, _give_up, outcome)
    try:
        return await outcome
    finally:
        deadline.cancel()
        loop.remove_writer(descriptor)


def _answered(outcome: asyncio.Future[int], sock: socket.socket) -> None:
    if not outcome.done():
        outcome.set_result(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def _give_up(outcome: asyncio.Future[int]) -> None:
    if not outcome.done():
        outcome.set_result(errno.ETIMEDOUT)
