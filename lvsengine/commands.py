"""Run active_cmd and inactive_cmd: split on blanks, no shell, not waited for, bounded.

They run as the engine does, as its user and with its capabilities; so they are not run where
others may write them, or a folder on their path.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress

from lvsengine.privileges import name_of
from lvsengine.scripts.look import LOOK

log = logging.getLogger("pulse")

LIMIT_S = 60.0
AT_ONCE = 8  # more than that is a flapping role, and the commands would pile up
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class Commands:
    """Runs the commands that `start` was given, while `run` runs."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._waiting: asyncio.Queue[tuple[str, list[str]]] = asyncio.Queue(AT_ONCE)

    def start(self, name: str, command: str) -> None:
        try:
            self._waiting.put_nowait((name, command.split()))
        except asyncio.QueueFull:
            log.warning("%s is not run: %d others are waiting", name, AT_ONCE)

    async def run(self) -> None:
        while True:
            name, words = await self._waiting.get()
            await _run(name, words, self._limit_s)


async def _run(name: str, words: list[str], limit_s: float) -> None:
    log.info("running %s", name)
    try:
        verdict = LOOK.at(words[0], CLEAN_ENVIRONMENT["PATH"])
        if verdict.refusal:
            log.warning("%s = %s is not run: %s", name, words[0], verdict.refusal)
            return
        process = await asyncio.create_subprocess_exec(
            verdict.program,
            *words[1:],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=CLEAN_ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        why = f"{error.strerror}{_as_whom()}"
        log.warning("%s cannot be run: %s: %s", name, words[0], why)
        return
    try:
        async with asyncio.timeout(limit_s):
            status = await process.wait()
    except TimeoutError:
        log.warning("%s was ended: it took longer than %g s", name, limit_s)
        return
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if status:
        log.warning("%s ended with status %d%s", name, status, _as_whom())


def _as_whom() -> str:
    """Remind of whose rights it lacks perhaps."""
    return f" (it runs as user {name_of(os.geteuid())})" if os.geteuid() != 0 else ""
