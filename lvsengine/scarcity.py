"""When file descriptors run out: who goes without first, and what is said of it.

The kernel gives the lowest number that is free, so a number near the limit says how few are left.
Checks leave some for everybody else, and the control socket some for heartbeats, the kernel's
sockets and the state folder.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import time

log = logging.getLogger("pulse")

LEFT_BY_CHECKS = 64
LEFT_BY_CONTROL = 16
LARGEST_PART = 4  # of the limit, where that is small
EVERY_S = 60.0
SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def is_near_limit(descriptor: int, left: int) -> bool:
    """Whether fewer than `left` descriptors (or a quarter of a small limit) may be left."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return descriptor >= limit - min(left, limit // LARGEST_PART)


class LoopTrouble:
    """The event loop's handler of errors that belong to nobody.

    A listening socket that gets no descriptor is tried again each second by the loop itself; that
    is one line a minute, not a traceback each time.
    """

    def __init__(self) -> None:
        self._said_at = float("-inf")

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in SCARCE:
            loop.default_exception_handler(context)
            return
        now = time.monotonic()
        if now - self._said_at >= EVERY_S:
            self._said_at = now
            log.error(
                "connections are not accepted: %s; raise LimitNOFILE or find who holds so many",
                error.strerror,
            )
