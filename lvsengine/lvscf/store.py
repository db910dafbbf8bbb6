"""lvs.cf on the disk: load it, save it against a known revision, keep the earlier ones.

The only writer of lvs.cf. A save holds an exclusive lock on the file's folder. What a save
replaces and what it writes is kept, so that an editor's hand takes nothing away: the last 20
earlier revisions, in the hidden folder `.lvs.cf.revisions` beside the file (after the file's
name), as `000017.1f2e3d4c5b6a`: a running number and the revision.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.lvscf import files, names, reading, syntax
from lvsengine.lvscf.found import Known
from lvsengine.lvscf.model import Config
from lvsengine.lvscf.problems import Problem
from lvsengine.lvscf.values import Resolve

KEPT_REVISIONS = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as it was on the disk, and what it means.

    Attributes:
        config: None where there is any error among the problems.
        revision: What `save` wants to see as `expected`.
        known: What the next `load` of nearly the same file need not read again.
    """

    path: Path
    text: str
    revision: str
    tree: syntax.Tree
    config: Config | None
    problems: tuple[Problem, ...]
    known: Known = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """An earlier revision; `kept_at`, when it was saved or first found, is in epoch seconds."""

    revision: str
    kept_at: float


def revision_of(data: bytes) -> str:
    """Name a file's content: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:12]


def load(
    path: Path,
    resolve: Resolve | None = None,
    known: Known = reading.NOTHING,
    earlier: syntax.Tree | None = None,
) -> Loaded:
    """Read, parse and judge a file.

    Args:
        resolve: How host names become addresses; the system's resolver where not given, with
            5 s for the whole file.
        known, earlier: What the `load` before has found, and its tree, to be quicker.

    Raises:
        EngineError: The file cannot be read at all, or is no text. What is wrong with its
            content is in `problems` instead.
    """
    text, revision = _read(path)
    tree = syntax.parse(text, str(path), earlier)
    result = reading.read(tree, resolve or names.Resolver(), known)
    return Loaded(path, text, revision, tree, result.config, result.problems, result.known)


def current_revision(path: Path) -> str:
    """Give the revision of the file as it is now, unread.

    Raises:
        EngineError: It cannot be read at all, or is no text.
    """
    return _read(path)[1]


def save(path: Path, text: str, expected: str, wait_s: float = files.LOCK_WAIT_S) -> str:
    """Replace the file and return its new revision.

    Args:
        expected: The revision that the change was made to; empty to create the file.
        wait_s: How long to wait for someone else who is saving.

    Raises:
        EngineError: `changed-meanwhile` when the file is not at `expected` any more, `busy`,
            `not-permitted`, `not-saved`, `not-text`. The file is as it was then.
    """
    target = files.resolved(path)
    data = _encode(path, text)
    with files.locked(target.parent, wait_s):
        before = _current(target)
        current = revision_of(before) if before is not None else ""
        if current != expected:
            raise EngineError(
                "changed-meanwhile",
                f"{path} is at revision {current or '(none)'} now, not at {expected or '(none)'}",
                "look at what has changed, then save again",
            )
        if before is not None and before != data:
            _need_write_access(target)
            _keep(target, before)
        if before != data:
            files.replace(target, data, like=target)
            with contextlib.suppress(EngineError):  # saved it is; the next save keeps it too
                _keep(target, data)
    return revision_of(data)


def revisions(path: Path) -> tuple[Kept, ...]:
    """List the earlier revisions, newest first; not the present one."""
    target = files.resolved(path)
    entries = _entries(_folder(target))
    present = _current(target) if entries else None
    if present is not None and entries[-1].name[7:] == revision_of(present):
        entries.pop()
    kept = []
    for entry in reversed(entries):
        with contextlib.suppress(FileNotFoundError):  # a save may drop the oldest meanwhile
            kept.append(Kept(entry.name[7:], entry.stat().st_mtime))
    return tuple(kept)


def revision_text(path: Path, revision: str) -> str:
    """Read an earlier revision, or the present one.

    Raises:
        EngineError: `no-revision` when it is not kept (any more).
    """
    target = files.resolved(path)
    wanted = [entry for entry in _entries(_folder(target)) if entry.name[7:] == revision]
    for candidate in (*reversed(wanted), target):
        text, found = _read(candidate)
        if found == revision:
            return text
    raise EngineError(
        "no-revision",
        f"revision {revision} of {path} is not kept",
        f"the last {KEPT_REVISIONS} are",
    )


def _read(path: Path) -> tuple[str, str]:
    data = files.read_whole(path)
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise EngineError(
            "not-text", f"{path} is no text: line {line} holds a NUL byte", "is it the right file?"
        )
    return data.decode("utf-8", "surrogateescape"), revision_of(data)


def _encode(path: Path, text: str) -> bytes:
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise EngineError("not-text", f"{path} was not saved: {error}") from error
    if b"\0" in data:
        raise EngineError("not-text", f"{path} was not saved: the new text holds a NUL byte")
    if len(data) > files.MAX_BYTES:
        raise EngineError("too-large", f"{path} was not saved: it would be larger than 16 MiB")
    if data.count(b"\n") > files.MAX_LINES:
        raise EngineError(
            "too-large", f"{path} was not saved: it would have more than a million lines"
        )
    return data


def _current(target: Path) -> bytes | None:
    try:
        return files.read_whole(target)
    except EngineError as error:
        if error.code == "no-file":
            return None
        raise


def _need_write_access(target: Path) -> None:
    """Respect a file that is read-only: a rename alone would not."""
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise EngineError(
            "not-permitted",
            f"{target} may not be written by this user",
            "run as root, or as a member of the file's group",
        )


def _folder(target: Path) -> Path:
    return target.with_name(f".{target.name}.revisions")


def _entries(folder: Path) -> list[Path]:
    """List the kept revisions, oldest first; anything else in the folder is not ours."""
    if folder.is_symlink():
        raise EngineError("not-readable", f"{folder} is a link, not a folder", "move it away")
    try:
        return sorted(entry for entry in folder.iterdir() if _is_revision(entry.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EngineError("not-readable", f"{folder} cannot be read: {error.strerror}") from error


def _is_revision(name: str) -> bool:
    number, _, revision = name.partition(".")
    return len(number) == 6 and number.isdigit() and len(revision) == 12


def _keep(target: Path, data: bytes) -> None:
    """Add a revision, and drop what is older than the last 20 and the present one."""
    folder = _folder(target)
    entries = _entries(folder)
    if not entries:
        _make(folder, target)
    elif entries[-1].name[7:] == revision_of(data):
        return  # the save before kept it already
    number = int(entries[-1].name[:6]) + 1 if entries else 1
    files.replace(folder / f"{number:06d}.{revision_of(data)}", data, like=target)
    half_written = list(folder.glob(".*.new"))
    for entry in (*half_written, *entries[: max(0, len(entries) - KEPT_REVISIONS)]):
        with contextlib.suppress(OSError):  # one too many does no harm
            entry.unlink()


def _make(folder: Path, target: Path) -> None:
    try:
        folder.mkdir(mode=0o770, exist_ok=True)
        owner = target.stat()
        if os.geteuid() == 0:
            os.chown(folder, owner.st_uid, owner.st_gid)
            folder.chmod(0o770)
    except OSError as error:
        raise EngineError(
            "not-permitted",
            f"{folder} cannot be made: {error.strerror}",
            f"earlier revisions are kept there; it needs write access to {folder.parent}",
        ) from error
