"""Look at a program that lvs.cf names, and at every folder and link on the way to it.

What was seen is kept with the verdict: the next look only compares, at some ten microseconds.
"""

from __future__ import annotations

import errno
import grp
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from lvsengine.lvscf.model import Config
from lvsengine.privileges import USER, name_of
from lvsengine.scripts.judgement import Names, Seen, refusal

MOST_LINKS = 40  # as the kernel's own limit, path_resolution(7)
MOST_KEPT = 1024  # programs
ACL = "system.posix_acl_access"

Identity = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be run, or why it is not.

    Attributes:
        program: The whole path.
        refusal: Who else may write where; empty if it may be run.
        seen: By which it is known again.
    """

    program: str
    refusal: str
    seen: tuple[tuple[str, Identity], ...]


class Look:
    """Judges programs, and remembers.

    Args:
        trusted: The users who may write them; by default root and the one that we are.
    """

    def __init__(self, trusted: Collection[int] | None = None) -> None:
        self._trusted = trusted
        self._kept: dict[tuple[str, str | None], Verdict] = {}

    def at(self, word: str, path: str | None = None) -> Verdict:
        """Judge the first word of a command, by our PATH or by another.

        Raises:
            OSError: There is no such program, or it cannot be run.
        """
        known = self._kept.get((word, path))
        if known is not None and _is_unchanged(known):
            return known
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        verdict = self._kept[word, path] = self._judged(word, path)
        return verdict

    def _judged(self, word: str, path: str | None) -> Verdict:
        program = _found(word, path)
        way = tuple(_way(program))
        trusted = {0, os.geteuid()} if self._trusted is None else self._trusted
        why = refusal(way, trusted, Names(name_of, _group_name))
        return Verdict(program, why, tuple((one.path, _identity(one.path)) for one in way))

    def warnings(self, config: Config) -> tuple[str, ...]:
        """Say which programs of lvs.cf will not be run, and why."""
        return tuple(self._warnings(config))

    def _warnings(self, config: Config) -> Iterator[str]:
        said = set()
        for key, command in _commands(config):
            word = command.split()[0]
            if (key, word) not in said:
                said.add((key, word))
                try:
                    why = self.at(word).refusal
                except OSError:
                    continue  # it may come yet; the check, or the log, says so when it is tried
                if why:
                    yield f"{key} = {word} will not be run: {why}"


LOOK = Look()


def warnings(config: Config) -> tuple[str, ...]:
    """Say which programs of lvs.cf this process will not run, and why."""
    return LOOK.warnings(config)


def of_the_engine() -> Look:
    """Look as the engine will, whoever asks."""
    import pwd

    try:
        return Look({0, pwd.getpwnam(USER).pw_uid})
    except KeyError:
        return Look({0})


def _commands(config: Config) -> Iterator[tuple[str, str]]:
    commands = [
        ("active_cmd", config.active_cmd),
        ("inactive_cmd", config.inactive_cmd),
        *(("send_program", one.send_program) for one in config.enabled_virtual_servers),
    ]
    return ((key, command) for key, command in commands if command and command.strip())


def _found(word: str, path: str | None) -> str:
    """Find a program by its path or by PATH, as execvp(3) would."""
    if "/" in word:
        named = os.path.join(os.getcwd(), word)  # not put in order: a link may stand before ..
        if not os.path.isfile(named):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), named)
        if not os.access(named, os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), named)
        return named
    by_path = shutil.which(word, path=path)
    if by_path is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), word)
    return os.path.join(os.getcwd(), by_path)


def _way(program: str) -> Iterator[Seen]:
    """Walk from / to the program, by the links on the way too."""
    parts = list(reversed(PurePosixPath(program).parts[1:]))
    at, links = "/", 0
    yield _seen(at)
    while parts:
        part = parts.pop()
        if part == "..":
            at = os.path.dirname(at)
            continue
        here = os.path.join(at, part)
        seen = _seen(here)
        yield seen
        if not stat.S_ISLNK(seen.mode):
            at = here
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), program)
        target = PurePosixPath(os.readlink(here))
        if target.is_absolute():
            at = "/"
        parts += reversed([one for one in target.parts if one != "/"])


def _seen(path: str) -> Seen:
    found = os.lstat(path)
    has_acl = bool(found.st_mode & stat.S_IWGRP) and _has_acl(path, found.st_mode)
    return Seen(path, found.st_uid, found.st_gid, found.st_mode, has_acl)


def _has_acl(path: str, mode: int) -> bool:
    if stat.S_ISLNK(mode):
        return False
    try:
        return bool(os.getxattr(path, ACL))
    except OSError:
        return False


def _identity(path: str) -> Identity:
    found = os.lstat(path)
    return found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_gid


def _is_unchanged(verdict: Verdict) -> bool:
    try:
        return all(_identity(path) == identity for path, identity in verdict.seen)
    except OSError:
        return False


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
