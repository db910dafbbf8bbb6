"""Load the rules of `rules.py` into the kernel, by nft or else by iptables.

No shell, a deadline for each program. Where neither program can do it the director goes on
without, and says so: then some clients are reset in a planned handover.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Protocol

from lvsengine.errors import EngineError
from lvsengine.hush.rules import (
    HOOKS,
    NFT_REMOVAL,
    Hush,
    iptables_removal,
    iptables_rules,
    nft_rules,
)

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
DEADLINE_S = 2.0
LEFT_AT_MOST = 8  # times an earlier process may have left its rules behind
SAID_AT_MOST = 200  # characters of what a program says
IPTABLES = {
    "iptables-legacy": {4: "iptables-legacy-restore", 6: "ip6tables-legacy-restore"},
    "iptables": {4: "iptables-restore", 6: "ip6tables-restore"},
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended; `said` is what it wrote to its standard error."""

    ok: bool
    said: str = ""


Run = Callable[[Sequence[str], str], Awaitable[Ended]]


async def run(words: Sequence[str], text: str) -> Ended:
    """Run a program with this on its standard input, for at most 2 s."""
    path = shutil.which(words[0], path=PATH)
    if path is None:
        return Ended(ok=False, said=f"{words[0]} is not installed")
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            *words[1:],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": PATH, "LANG": "C.UTF-8"},
        )
    except OSError as error:
        return Ended(ok=False, said=f"{words[0]}: {error.strerror}")
    try:
        async with asyncio.timeout(DEADLINE_S):
            _, said = await process.communicate(text.encode())
    except TimeoutError:
        return Ended(ok=False, said=f"{words[0]} did not end within {DEADLINE_S:g} s")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    first_line = said.decode(errors="replace").strip().partition("\n")[0]
    return Ended(process.returncode == 0, first_line[:SAID_AT_MOST])


class Tool(Protocol):
    """One way to load the rules."""

    name: str

    async def load(self, hush: Hush, seconds: float) -> Ended:
        """Put the rules in force; they end by themselves after so many seconds."""

    async def remove(self) -> Ended:
        """Take the rules out, those of an earlier process too; ok if none are left."""


class Nft:
    name = "nft"

    def __init__(self, run: Run = run) -> None:
        self._run = run

    async def load(self, hush: Hush, seconds: float) -> Ended:
        return await self._run(("nft", "-f", "-"), nft_rules(hush, ceil(seconds)))

    async def remove(self) -> Ended:
        return await self._run(("nft", "-f", "-"), NFT_REMOVAL)


class Iptables:
    """Either `iptables` of `IPTABLES`; both families, IPv6 only where it is asked for."""

    def __init__(
        self,
        name: str,
        run: Run = run,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self._programs = IPTABLES[name]
        self._run = run
        self._now = now

    async def load(self, hush: Hush, seconds: float) -> Ended:
        until = (self._now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        for version in sorted({address.version for address in hush.virtual}):
            words = (self._programs[version], "--noflush")
            ended = await self._run(words, iptables_rules(hush, version, until))
            if not ended.ok:
                await self.remove()
                return ended
        return Ended(ok=True)

    async def remove(self) -> Ended:
        if not (await self._run((self._programs[4], "--test"), "*filter\nCOMMIT\n")).ok:
            return Ended(ok=False, said=f"{self.name} does not work here")
        for program in self._programs.values():
            for table in HOOKS:
                for _ in range(LEFT_AT_MOST):
                    if not (await self._run((program, "--noflush"), iptables_removal(table))).ok:
                        break
        return Ended(ok=True)


def _installed() -> tuple[Tool, ...]:
    return Nft(), Iptables("iptables-legacy"), Iptables("iptables")


class Hushing:
    """Keeps quiet for a while, with the first tool that works here.

    Attributes:
        tool: Its name; empty where none works, or before `prepare`.
    """

    def __init__(self, tools: Sequence[Tool] | None = None) -> None:
        self._tools = _installed() if tools is None else tools
        self._chosen: Tool | None = None

    @property
    def tool(self) -> str:
        return self._chosen.name if self._chosen is not None else ""

    async def prepare(self) -> None:
        """Choose a tool, and take out what an earlier process left.

        Raises:
            EngineError: `no-firewall`: none works here.
        """
        said = []
        for tool in self._tools:
            ended = await tool.remove()
            if ended.ok:
                self._chosen = tool
                return
            said.append(ended.said)
        raise EngineError(
            "no-firewall",
            "in a planned handover some clients will be reset, for neither nft nor iptables "
            f"works here ({'; '.join(said)})",
            "apt-get install nftables",
        )

    async def begin(self, hush: Hush, seconds: float) -> None:
        """Keep quiet for at most so many seconds.

        Raises:
            EngineError: `no-firewall`: the rules could not be loaded.
        """
        if self._chosen is None:
            return
        ended = await self._chosen.load(hush, seconds)
        if not ended.ok:
            raise EngineError(
                "no-firewall",
                "clients may be reset in this handover, for the rules against it could not be "
                f"loaded by {self._chosen.name}: {ended.said}",
            )

    async def end(self) -> None:
        """Be as usual again. What cannot be removed ends by itself."""
        if self._chosen is not None:
            await self._chosen.remove()
