"""Load the rules of `rules.py` into the kernel, by nft or else by iptables.

No shell, a deadline for each program. Where neither program can do it the director goes on
without, and says so: then some clients are reset in a planned handover.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from lvsengine.errors import EngineError
from lvsengine.hush.rules import (
    HOOKS,
    NFT_REMOVAL,
    OFF,
    ON,
    Hush,
    iptables_removal,
    iptables_rules,
    nft_rules,
)

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
LOCK = Path("/run/xtables.lock")  # of all who use iptables
LOCK_NAME = LOCK.name
KNOCKED_AT = {4: (socket.AF_INET, "127.0.0.1"), 6: (socket.AF_INET6, "::1")}
DISCARD = 9  # the port; nothing arrives there
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
Switch = Callable[[int, int], None]


async def run(words: Sequence[str], text: str, lock: Path | None = None) -> Ended:
    """Run a program with this on its standard input, for at most 2 s.

    Args:
        lock: What iptables locks instead of `LOCK`.
    """
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
            env={
                "PATH": PATH,
                "LANG": "C.UTF-8",
                **({"XTABLES_LOCKFILE": str(lock)} if lock is not None else {}),
            },
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


def lock_in(folder: Path) -> Path | None:
    """Choose what iptables locks: what all others lock, if we may, else a file in `folder`."""
    is_ours = os.access(LOCK, os.R_OK) if LOCK.exists() else os.access(LOCK.parent, os.W_OK)
    return None if is_ours else folder / LOCK_NAME


def switch(version: int, mark: int) -> None:
    """Let a marked packet knock at the rules of this version, or raise OSError.

    They drop it, which the sender is told: so it is known that they are there.
    """
    family, address = KNOCKED_AT[version]
    with socket.socket(family, socket.SOCK_DGRAM) as knocking:
        knocking.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        try:
            knocking.sendto(b"", (address, DISCARD))
        except PermissionError:
            return
    raise FileNotFoundError(0, "the rules are not there any more")


class Tool(Protocol):
    """One way to keep quiet."""

    name: str

    async def prepare(self, hush: Hush, seconds: int) -> Ended:
        """Take out what an earlier process left, and make `begin` as quick as can be."""

    async def begin(self) -> Ended:
        """Keep quiet from now on; that ends by itself after the seconds of `prepare`."""

    async def end(self) -> Ended:
        """Be as usual again."""

    async def remove(self) -> Ended:
        """Undo `prepare`."""


class Nft:
    name = "nft"

    def __init__(self, run: Run = run) -> None:
        self._run = run
        self._rules = ""

    async def prepare(self, hush: Hush, seconds: int) -> Ended:
        self._rules = nft_rules(hush, seconds)
        return await self.remove()

    async def begin(self) -> Ended:
        return await self._run(("nft", "-f", "-"), self._rules)

    async def end(self) -> Ended:
        return await self.remove()

    async def remove(self) -> Ended:
        return await self._run(("nft", "-f", "-"), NFT_REMOVAL)


class Iptables:
    """Either `iptables` of `IPTABLES`; both families, IPv6 only where it is asked for."""

    def __init__(self, name: str, run: Run = run, switch: Switch = switch) -> None:
        self.name = name
        self._programs = IPTABLES[name]
        self._run = run
        self._switch = switch
        self._loaded: list[int] = []  # versions

    async def prepare(self, hush: Hush, seconds: int) -> Ended:
        tried = await self._run((self._programs[4], "--test"), "*filter\nCOMMIT\n")
        if not tried.ok:
            return Ended(ok=False, said=tried.said or f"{self.name} does not work here")
        await self._remove_leftovers()
        for version in sorted({address.version for address in hush.virtual}):
            words = (self._programs[version], "--noflush")
            ended = await self._run(words, iptables_rules(hush, version, seconds))
            if not ended.ok:
                await self._remove_leftovers()
                return ended
            self._loaded.append(version)
        return Ended(ok=True)

    async def begin(self) -> Ended:
        return self._switched(ON)

    async def end(self) -> Ended:
        return self._switched(OFF)

    async def remove(self) -> Ended:
        while self._loaded:
            words = (self._programs[self._loaded.pop()], "--noflush")
            await self._run(words, iptables_removal(*HOOKS))
        return Ended(ok=True)

    def _switched(self, mark: int) -> Ended:
        for version in self._loaded:
            try:
                self._switch(version, mark)
            except OSError as error:
                return Ended(ok=False, said=f"IPv{version}: {error.strerror}")
        return Ended(ok=True)

    async def _remove_leftovers(self) -> None:
        self._loaded = []
        for program in self._programs.values():
            for table in HOOKS:
                for _ in range(LEFT_AT_MOST):
                    if not (await self._run((program, "--noflush"), iptables_removal(table))).ok:
                        break


def installed(lock: Path | None = None) -> tuple[Tool, ...]:
    """List the tools in the order in which they are tried; `lock` as `lock_in` says."""
    locking: Run = partial(run, lock=lock)
    return Nft(), Iptables("iptables-legacy", locking), Iptables("iptables", locking)


class Hushing:
    """Keeps quiet for a while, with the first tool that works here.

    Attributes:
        tool: Its name; empty where none works, or none was needed yet.
    """

    def __init__(self, tools: Sequence[Tool] | None = None) -> None:
        self._tools = installed() if tools is None else tools
        self._chosen: Tool | None = None
        self._prepared: tuple[Hush, int] | None = None
        self._turn = asyncio.Lock()

    @property
    def tool(self) -> str:
        return self._chosen.name if self._chosen is not None else ""

    async def prepare(self, hush: Hush, seconds: int) -> None:
        """Choose a tool, and let it make `begin` as quick as can be.

        Args:
            seconds: For how long to keep quiet at most.

        Raises:
            EngineError: `no-firewall`: none works here.
        """
        async with self._turn:
            await self._prepare(hush, seconds)

    async def _prepare(self, hush: Hush, seconds: int) -> None:
        if self._prepared == (hush, seconds) and self._chosen is not None:
            return
        self._chosen, self._prepared = None, (hush, seconds)
        said = []
        for tool in self._tools:
            ended = await tool.prepare(hush, seconds)
            if ended.ok:
                self._chosen = tool
                return
            said.append(ended.said)
        raise EngineError(
            "no-firewall",
            "in a planned handover some clients will be reset, for neither nft nor iptables "
            f"works here ({'; '.join(said)})",
            "install nftables, or let the kernel load ip_tables and ip6_tables when it starts",
        )

    async def begin(self, hush: Hush, seconds: int) -> None:
        """Keep quiet from now on; slower where this was not prepared.

        Raises:
            EngineError: `no-firewall`: that could not be brought about.
        """
        async with self._turn:
            if self._prepared != (hush, seconds):
                await self._prepare(hush, seconds)
            ended = await self._chosen.begin() if self._chosen is not None else Ended(ok=True)
        if not ended.ok:
            raise EngineError(
                "no-firewall",
                "clients may be reset in this handover, for the rules against it could not be "
                f"put in force by {self.tool}: {ended.said}",
            )

    async def end(self) -> None:
        """Be as usual again. What cannot be ended ends by itself."""
        async with self._turn:
            if self._chosen is not None:
                await self._chosen.end()

    async def remove(self) -> None:
        """Leave nothing behind."""
        async with self._turn:
            if self._prepared is not None and self._chosen is not None:
                await self._chosen.remove()
            self._prepared = None
