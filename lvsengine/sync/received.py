"""Root's part: install the sysctl file and the packet-filter rules that the peer handed over.

They lie in `incoming/`, which user piranha writes; nothing there is trusted. A file goes in its
place only where that is one of few, what it says is harmless, the tools take it, and what it
replaces was installed by the sync before (or a person chose otherwise). It is not activated.
What became of it is in `received.json`, in the folder above, where only root writes.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.lvscf import files, store
from lvsengine.plain import PlainError, from_plain, to_plain
from lvsengine.sync import host, orders, received_rules
from lvsengine.sync.host import MAX_FILE, ORDER, RECEIVED, Received
from lvsengine.sync.orders import Install
from lvsengine.sync.record import INCOMING
from lvsengine.sync.values import FileState, Trouble

KEPT = ".before-sync"
JUDGE_S = 20.0
LONGEST_ORDER = 4096
MOST_ORDERS = 16
TOOLS = "/usr/sbin:/usr/bin:/sbin:/bin"

Judge = Callable[[tuple[str, ...], bytes], str]  # a command, its input -> what is wrong, or ""


def by_tool(command: tuple[str, ...], data: bytes) -> str:
    """Let a tool judge rules that it reads; tell what it says against them."""
    try:
        done = subprocess.run(  # noqa: S603 - one of three fixed commands
            command,
            input=data,
            capture_output=True,
            timeout=JUDGE_S,
            env={"PATH": TOOLS, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} cannot judge it: {error}"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"{command[0]} refuses it: {said[0][:200] if said else 'without a reason'}"


@dataclass(frozen=True, slots=True)
class Installer:
    """Installs what lies in `folder/incoming`.

    Attributes:
        root: Before each destination; another one than `/` is for tests.
    """

    folder: Path
    judge: Judge = by_tool
    clock: Callable[[], float] = time.time
    root: Path = Path("/")

    def run(self) -> tuple[FileState, ...]:
        """Carry out every order and take it away; tell what became of each.

        Raises:
            EngineError: The folders cannot be used at all.
        """
        done = []
        for name in self._names():
            state = self._carry_out(name)
            if state is not None:
                self._note(state)
                done.append(state)
        return tuple(done)

    def _names(self) -> Iterator[str]:
        try:
            found = sorted(os.listdir(self.folder / INCOMING))
        except OSError as error:
            raise EngineError(
                "no-sync-folder", f"{self.folder / INCOMING} cannot be read: {error.strerror}"
            ) from error
        orders_found = [name for name in found if name.endswith(ORDER)]
        yield from (name.removesuffix(ORDER) for name in orders_found[:MOST_ORDERS])

    def _carry_out(self, name: str) -> FileState | None:
        """Install one; None where there is nothing to be said of, for it is no order."""
        path = orders.destination(name)
        try:
            order = self._order(name)
            if path is None or order.path != path or not orders.is_sound(order):
                return None
            earlier = self._earlier(path)
            try:
                data = self._read(name, MAX_FILE)
                self._install(order, data, earlier)
            except EngineError as error:
                revision = order.sha256[:12]
                return replace(
                    earlier, revision=revision, at=self.clock(), trouble=Trouble.of(error)
                )
            revision = store.revision_of(data)
            note = received_rules.activation(path)
            return FileState(path, revision, revision, self.clock(), note)
        except (EngineError, PlainError, ValueError, RecursionError):
            return None
        finally:
            self._take_away(name)

    def _order(self, name: str) -> Install:
        return from_plain(
            Install, json.loads(self._read(f"{name}{ORDER}", LONGEST_ORDER)), "order"
        )

    def _earlier(self, path: str) -> FileState:
        states = {state.path: state for state in host.received(self.folder).files}
        return states.get(path, FileState(path))

    def _read(self, name: str, most: int) -> bytes:
        """Read a file of user piranha's: no link, no device, nobody else's, not too long."""
        folder = os.open(self.folder / INCOMING, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            owner = os.fstat(folder).st_uid
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(name, flags, dir_fd=folder)
        except OSError as error:
            raise EngineError("not-staged", f"{name} cannot be read: {error.strerror}") from error
        finally:
            os.close(folder)
        with open(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != owner or found.st_nlink != 1:
                raise EngineError("not-staged", f"{name} is no plain file of the sync's user")
            data = file.read(most + 1)
        if len(data) > most:
            raise EngineError("too-large", f"{name} is larger than {most} bytes")
        return data

    def _install(self, order: Install, data: bytes, earlier: FileState) -> None:
        if hashlib.sha256(data).hexdigest() != order.sha256:
            raise EngineError("not-staged", f"{order.path} is not what was handed over")
        received_rules.need_harmless(order.path, data)
        command = received_rules.judge_of(order.path)
        why = self.judge(command, data) if command else ""
        if why:
            raise EngineError("not-accepted", f"{order.path} is not installed: {why}")
        target = self.root / order.path.lstrip("/")
        with files.locked(target.parent):
            present = _present(target)
            if present == data:
                return
            if present is not None:
                _need_ours(order, present, earlier)
                files.replace(target.with_name(target.name + KEPT), present, like=target)
            files.replace(target, data, like=target)

    def _take_away(self, name: str) -> None:
        for one in (f"{name}{ORDER}", name):
            try:
                os.unlink(self.folder / INCOMING / one)
            except OSError:
                continue

    def _note(self, state: FileState) -> None:
        others = [one for one in host.received(self.folder).files if one.path != state.path]
        told = json.dumps(to_plain(Received((*others, state))), indent=1).encode()
        path = self.folder.parent / RECEIVED
        with files.locked(path.parent):
            files.replace(path, told, like=path)
        path.chmod(0o644)


def _present(target: Path) -> bytes | None:
    try:
        if not stat.S_ISREG(os.lstat(target).st_mode):
            raise EngineError("not-a-file", f"{target} is no plain file there", "remove the link")
    except FileNotFoundError:
        return None
    return files.read_whole(target)


def _need_ours(order: Install, present: bytes, earlier: FileState) -> None:
    """Keep what somebody wrote there, unless a person said to replace it."""
    if order.expected == orders.ANY or store.revision_of(present) == earlier.installed:
        return
    raise EngineError(
        "own-file",
        f"{order.path} at the peer is not one that the sync installed",
        "lvsctl sync --take-ours replaces it there, and keeps it beside as .before-sync",
    )
