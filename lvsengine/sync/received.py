"""Root's part: install the sysctl file and the packet-filter rules that the peer handed over.

They lie in `incoming/ready/`, which user piranha writes; nothing there is trusted. A file goes
in its place only where that is one of few, what it says is harmless, the tools take it, and what
it replaces was installed by the sync before (or a person chose otherwise). It is not activated.
What became of it is in `received.json`. Everything in `ready/` is taken away, whatever it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.lvscf import files, store
from lvsengine.plain import PlainError, from_plain, to_plain
from lvsengine.sync import host, orders, received_rules
from lvsengine.sync.host import MAX_FILE, READY, RECEIVED, Received
from lvsengine.sync.orders import Install
from lvsengine.sync.places import INCOMING
from lvsengine.sync.values import LVS_CF, FileState, Trouble

KEPT = ".before-sync"
JUDGE_S = 20.0
LONGEST_ORDER = 4096  # bytes of the line before a file
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
    except FileNotFoundError:
        return f"{command[0]}, which would judge it, is not installed there"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} cannot judge it: {error}"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"{command[0]} refuses it: {said[0][:200] if said else 'without a reason'}"


@dataclass(frozen=True, slots=True)
class Installer:
    """Installs what lies in `folder/incoming/ready`.

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
        with self._ready() as ready:
            for name in sorted(os.listdir(ready)):
                try:
                    state = self._carry_out(ready, name)
                finally:
                    _take_away(ready, name)
                if state is not None:
                    self._note(state)
                    done.append(state)
        return tuple(done)

    @contextmanager
    def _ready(self) -> Iterator[int]:
        """Open the folder without following a link that stands in its place."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        opened: list[int] = []
        try:
            opened.append(os.open(self.folder, flags))
            for name in (INCOMING, READY):
                opened.append(os.open(name, flags, dir_fd=opened[-1]))
            yield opened[-1]
        except OSError as error:
            raise EngineError(
                "no-sync-folder",
                f"{self.folder / INCOMING / READY} cannot be used: {error.strerror}",
                "it belongs to user piranha, and is no link",
            ) from error
        finally:
            for handle in opened:
                os.close(handle)

    def _carry_out(self, ready: int, name: str) -> FileState | None:
        """Install one; None where it is no order, so that there is nobody to be told."""
        path = orders.destination(name)
        if path is None or path == LVS_CF:
            return None
        try:
            head, _, data = _read(ready, name).partition(b"\n")
            order = from_plain(Install, json.loads(head), "order")
        except (EngineError, PlainError, ValueError, RecursionError):
            return None
        if order.path != path or not orders.is_sound(order):
            return None
        earlier = self._earlier(path)
        try:
            self._install(order, data, earlier)
        except EngineError as error:
            trouble = Trouble.of(error)
            asked = order.sha256[:12]
            return replace(earlier, revision=asked, at=self.clock(), trouble=trouble)
        revision = store.revision_of(data)
        return FileState(path, revision, revision, self.clock(), received_rules.activation(path))

    def _earlier(self, path: str) -> FileState:
        states = {state.path: state for state in host.received(self.folder).files}
        return states.get(path, FileState(path))

    def _install(self, order: Install, data: bytes, earlier: FileState) -> None:
        if hashlib.sha256(data).hexdigest() != order.sha256:
            raise EngineError("not-staged", f"{order.path} is not what was handed over")
        received_rules.need_harmless(order.path, data)
        command = received_rules.judge_of(order.path)
        why = self.judge(command, data) if command else ""
        if why:
            raise EngineError("not-accepted", f"{order.path} is not installed: {why}")
        target = self.root / order.path.lstrip("/")
        if not target.parent.is_dir():
            raise EngineError(
                "no-folder",
                f"{order.path} is not installed: its folder is not there",
                "install there what makes it, such as iptables-persistent",
            )
        with files.locked(target.parent):
            present = _present(target)
            if present == data:
                return
            if present is not None:
                _need_ours(order, present, earlier)
                files.replace(target.with_name(target.name + KEPT), present, like=target)
            files.replace(target, data, like=target)

    def _note(self, state: FileState) -> None:
        """Keep it for the peer, in a folder that is not root's: no link there is followed."""
        others = [one for one in host.received(self.folder).files if one.path != state.path]
        told = json.dumps(to_plain(Received((*others, state))), indent=1).encode()
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(self.folder, flags)
        beside = f".{RECEIVED}.new"
        try:
            with suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=folder)
            new = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
            with open(new, "wb") as file:
                os.fchmod(new, 0o644)
                file.write(told)
            os.replace(beside, RECEIVED, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)


def _read(ready: int, name: str) -> bytes:
    """Read a file of user piranha's: no link, no device, nobody else's, not too long."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(name, flags, dir_fd=ready)
    except OSError as error:
        raise EngineError("not-staged", f"{name} cannot be read: {error.strerror}") from error
    with open(handle, "rb") as file:
        found, owner = os.fstat(handle), os.fstat(ready).st_uid
        if not stat.S_ISREG(found.st_mode) or found.st_uid != owner or found.st_nlink != 1:
            raise EngineError("not-staged", f"{name} is no plain file of the sync's user")
        data = file.read(MAX_FILE + LONGEST_ORDER + 1)
    if len(data) > MAX_FILE + LONGEST_ORDER:
        raise EngineError("too-large", f"{name} is larger than {MAX_FILE} bytes")
    return data


def _take_away(ready: int, name: str) -> None:
    """Empty the folder, or root's part would be started for ever."""
    try:
        os.unlink(name, dir_fd=ready)
    except IsADirectoryError:
        shutil.rmtree(name, dir_fd=ready, ignore_errors=True)
    except OSError:
        return


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
