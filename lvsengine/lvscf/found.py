"""What reading has found and where, for `sense` and `advice` to judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lvsengine.lvscf.model import Config, RealServer, VirtualServer

Advice = tuple[str, str, dict[str, object]]  # key that it is about, template, values


class FoundReal(NamedTuple):
    """A real server; `head` is its block's line, `lines` its keys' lines."""

    server: RealServer
    head: int
    lines: Mapping[str, int]

    def line(self, key: str) -> int:
        """Return the line that a problem with this key is about."""
        return self.lines.get(key, self.head)

    def moved(self, by: int) -> FoundReal:
        """Give the same, so many lines further down."""
        return FoundReal(self.server, self.head + by, _moved(self.lines, by))


class FoundVirtual(NamedTuple):
    """A virtual server, with those of its real servers that could be read."""

    server: VirtualServer
    head: int
    lines: Mapping[str, int]
    reals: tuple[FoundReal, ...]
    unread: int  # real servers that could not be read

    def line(self, key: str) -> int:
        """Return the line that a problem with this key is about."""
        return self.lines.get(key, self.head)

    def moved(self, by: int) -> FoundVirtual:
        """Give the same, so many lines further down."""
        if not by:
            return self
        reals = tuple(real.moved(by) for real in self.reals)
        lines = _moved(self.lines, by)
        return FoundVirtual(self.server, self.head + by, lines, reals, self.unread)


def _moved(lines: Mapping[str, int], by: int) -> Mapping[str, int]:
    return {key: line + by for key, line in lines.items()}


# Virtual servers without any problem of their own, by the text of their lines.
Known = Mapping[tuple[str, ...], FoundVirtual]


class Found(NamedTuple):
    """All that could be read of a file.

    Attributes:
        lines: Lines of the global keys.
        bad: Global keys whose value could not be read; their defaults stand in `config`.
        virtuals: Virtual servers without an error of their own.
    """

    config: Config
    lines: Mapping[str, int]
    bad: frozenset[str]
    virtuals: tuple[FoundVirtual, ...]

    def line(self, key: str) -> int:
        """Return the line of a global key; 0, the whole file, where it is not given."""
        return self.lines.get(key, 0)
