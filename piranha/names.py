"""Names of virtual and real servers in addresses: any name, one path segment, and back.

A name may hold whatever can be printed. Percent-encoding alone would not carry it: servers
decode `%2F` before they look for slashes, and browsers walk up at `..`, however it is encoded.
So `~`, `/` and `\\` are written `~0`, `~1` and `~2`, and the first dot of a name of dots `~3`.
"""

from __future__ import annotations

import re

_ESCAPES = {"~": "~0", "/": "~1", "\\": "~2"}
_MEANINGS = {escape: sign for sign, escape in _ESCAPES.items()} | {"~3": "."}


def as_segment(name: str) -> str:
    """Write a name as a path segment, before percent-encoding."""
    if name and not name.strip("."):
        return "~3" + name[1:]
    return re.sub(r"[~/\\]", lambda found: _ESCAPES[found[0]], name)


def of_segment(segment: str) -> str:
    """Read a segment that `as_segment` wrote.

    Raises:
        ValueError: It would have written that name otherwise; one thing has one address.
    """
    name = re.sub(r"~[0-3]", lambda found: _MEANINGS[found[0]], segment)
    if as_segment(name) != segment:
        raise ValueError(segment)
    return name


class NameConverter:
    """`<name:virtual>` in a route."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return of_segment(value)

    def to_url(self, value: str) -> str:
        return as_segment(value)
