"""When this machine runs out of file descriptors or threads: who goes without, what is said.

The kernel gives the lowest number that is free, so a number near the limit says how few are left.
Checks leave some for everybody else, and the control socket some for heartbeats, the kernel's
sockets and the state folder.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lvsengine.errors import EngineError

log = logging.getLogger("pulse")

T = TypeVar("T")
WORKERS = 4
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


def workers() -> ThreadPoolExecutor:
    """Make threads to read and write files by, all of them now: later there may be no more."""
    made = ThreadPoolExecutor(WORKERS, "worker")
    all_there = threading.Barrier(WORKERS)
    for waiting in [made.submit(all_there.wait, 5.0) for _ in range(WORKERS)]:
        waiting.result()
    return made


async def in_thread(work: Callable[..., T], *arguments: object, **more: object) -> T:
    """Do `work` in a thread.

    Raises:
        EngineError: `no-thread`, where none can be started.
    """
    try:
        return await asyncio.to_thread(work, *arguments, **more)
    except RuntimeError as error:
        if "new thread" not in str(error):
            raise
        raise EngineError(
            "no-thread",
            "this machine lets pulse start no more threads",
            "raise TasksMax, or find who holds so many",
        ) from error
