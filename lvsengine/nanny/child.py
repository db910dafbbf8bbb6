"""Run one program, bounded in time and output, on the loop. It leaves no process behind.

The program has no input, no place for errors, PATH and LANG and no other environment, none of
our capabilities, and a session of its own, so that what it starts dies with it. What more keeps
it in bounds is in `confinement`. Needs Linux 5.3 (pidfd).
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import ExitStack, suppress
from typing import NamedTuple

from lvsengine.privileges import without_capabilities

PRINTED_BYTES = 4095
DYING_S = 1.0  # what was killed is waited for so long; after that its end is reaped when it comes
# Python ignores these; a program expects to find them as the system has them.
_RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)


class Ended(NamedTuple):
    """How a program ended.

    Attributes:
        code: Its exit status, or the signal that ended it as a negative number. None where it
            had to be killed: at its deadline, or because it had printed too much.
        printed: Its output, at most `PRINTED_BYTES` + 1 bytes; the last one tells of too much.
    """

    code: int | None
    printed: bytes


async def run(words: list[str], timeout_s: float) -> Ended:
    """Run a program that is found by PATH.

    Raises:
        OSError: It could not be started.
        ValueError: A word has a NUL byte.
    """
    with ExitStack() as stack:
        output, its_end = os.pipe()
        stack.callback(os.close, output)
        os.set_blocking(output, False)
        try:
            with without_capabilities():
                pid = _started(words, its_end)
        finally:
            os.close(its_end)
        child = _Child(pid, output)
        stack.callback(child.close)
        return await child.ended(timeout_s)


def _started(words: list[str], its_end: int) -> int:
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return os.posix_spawnp(
        words[0],
        words,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, its_end, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,
        setsigdef=_RESTORED,
    )


class _Child:
    """A running program, its output and its end."""

    def __init__(self, pid: int, output: int) -> None:
        self._pid = pid
        self._output = output
        self._printed = bytearray()
        self._code: int | None = None
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        try:
            self._handle = os.pidfd_open(pid)
        except OSError:
            self._kill()
            os.waitpid(pid, 0)
            raise

    async def ended(self, timeout_s: float) -> Ended:
        """Wait for its end, or bring it about at the deadline or when it prints too much."""
        self._loop.add_reader(self._output, self._on_output)
        code = None
        try:
            await self._exit(timeout_s)
            code = self._code
        finally:
            self._loop.remove_reader(self._output)
            if self._code is None:
                self._kill()
                await self._exit(DYING_S)
        self._read()
        too_much = len(self._printed) > PRINTED_BYTES
        return Ended(None if too_much else code, bytes(self._printed))

    def close(self) -> None:
        """Leave nothing behind; one that even SIGKILL does not end at once is reaped later."""
        if self._code is None:
            self._loop.add_reader(self._handle, self._reap)
        else:
            os.close(self._handle)

    async def _exit(self, timeout_s: float) -> None:
        """Wait until it has ended or something else settles the wait."""
        self._done = self._loop.create_future()
        self._loop.add_reader(self._handle, self._settle)
        deadline = self._loop.call_later(timeout_s, self._settle)
        try:
            await self._done
        finally:
            deadline.cancel()
            self._loop.remove_reader(self._handle)
        self._take_code()

    def _settle(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    def _on_output(self) -> None:
        if not self._read():
            self._loop.remove_reader(self._output)
        if len(self._printed) > PRINTED_BYTES:
            self._settle()

    def _read(self) -> bool:
        """Take what has been printed, up to the bound; False at its end."""
        try:
            piece = os.read(self._output, PRINTED_BYTES + 1 - len(self._printed))
        except BlockingIOError:
            return True
        self._printed += piece
        return bool(piece)

    def _kill(self) -> None:
        """End it and what it started; until it is reaped, its number means nobody else."""
        with suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)

    def _take_code(self) -> None:
        """Reap it if it has ended, and end what it may have left running."""
        ended = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return
        self._kill()
        _, status = os.waitpid(self._pid, 0)
        self._code = os.waitstatus_to_exitcode(status)

    def _reap(self) -> None:
        self._loop.remove_reader(self._handle)
        self._take_code()
        os.close(self._handle)
