"""Whether a program that lvs.cf names can be trusted, by who may write it or its folders."""

from __future__ import annotations

import stat
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

ADVICE = "keep it where only root may write, such as /usr/local/libexec"
ROOT_GROUP = 0

Name = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Seen:
    """The program, or a folder or link on the way to it.

    Attributes:
        mode: As stat(2) has it, with the kind of file.
        has_acl: Others than owner and group may have been given rights, which the group's
            bits then show the most of.
    """

    path: str
    uid: int
    gid: int
    mode: int
    has_acl: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """How users and groups are called, by number."""

    user: Name
    group: Name


def refusal(way: Iterable[Seen], trusted: Collection[int], names: Names) -> str:
    """Say who else could change what is run, and where; empty if nobody could.

    Args:
        way: All folders and links from / on, and the program.
        trusted: The users that may write there: root, and the one that runs it.
    """
    for seen in way:
        writer = _writer(seen, trusted, names)
        if writer:
            where = f"the folder {seen.path}" if stat.S_ISDIR(seen.mode) else seen.path
            return f"{writer} may write {where}; {ADVICE}"
    return ""


def _writer(seen: Seen, trusted: Collection[int], names: Names) -> str:
    """Name who may write there. A link is changed by who may write its folder, no one else."""
    if stat.S_ISLNK(seen.mode):
        return ""
    if seen.mode & stat.S_IWOTH:
        return "everybody"
    if seen.mode & stat.S_IWGRP and (seen.gid != ROOT_GROUP or seen.has_acl):
        group = names.group(seen.gid)
        return f"group {group} or one in its access list" if seen.has_acl else f"group {group}"
    return "" if seen.uid in trusted else f"user {names.user(seen.uid)}"
