"""`Config` -> text, in the layout of the original's web tool, which the original reads.

Keys that have their default and that the web tool does not always write are left out; so are
keys of ours, unless they say something. Does not keep comments: to change a file that is there,
see `edits`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from lvsengine.lvscf.keys import KEYS, Form, Key, Section
from lvsengine.lvscf.lines import unquoted, words_of
from lvsengine.lvscf.model import Config, Failover, FloatingAddress, RealServer, VirtualServer
from lvsengine.lvscf.problems import Reason
from lvsengine.lvscf.rules import Refused, dotted, name

IPV4_BITS = 32
INDENT = " " * 5  # of a block's settings
INDENT_MORE = " " * 4  # of a server's settings, beyond its header


def write(config: Config) -> str:
    """Write a whole file. The same `Config` is read from it again.

    Raises:
        Refused: A value cannot be written in this format, such as a quote inside a text that
            has blanks.
    """
    lines = [*_settings(Section.GLOBAL, config, _family(config.nat_router))]
    for failover in config.failovers:
        lines += failover_lines(failover)
    for virtual in config.virtual_servers:
        lines += virtual_lines(virtual)
    return "".join(f"{line}\n" for line in lines)


def virtual_lines(server: VirtualServer, indent: str = INDENT) -> list[str]:
    """Write a virtual block; `indent` is that of its settings and server headers."""
    settings = _settings(Section.VIRTUAL, server, _family(server.floating))
    lines = [f"virtual {name_text(server.name)} {{", *(indent + text for text in settings)]
    for real in server.real_servers:
        lines += real_lines(real, indent, indent + INDENT_MORE)
    return [*lines, "}"]


def real_lines(
    server: RealServer, indent: str = INDENT, inner: str = INDENT + INDENT_MORE
) -> list[str]:
    """Write a server block; `indent` is that of its header, `inner` that of its settings."""
    settings = _settings(Section.SERVER, server, 4)
    return [
        f"{indent}server {name_text(server.name)} {{",
        *(inner + text for text in settings),
        f"{indent}}}",
    ]


def failover_lines(failover: Failover) -> list[str]:
    """Write a failover block."""
    settings = _settings(Section.FAILOVER, failover, _family(failover.floating))
    return [
        f"failover {name_text(failover.name)} {{",
        *(INDENT + text for text in settings),
        "}",
    ]


def _family(floating: FloatingAddress | None) -> int:
    return floating.address.version if floating is not None else 4


def _settings(section: Section, said: object, family: int) -> Iterator[str]:
    """Write what a dataclass says, in the canonical order."""
    for key in KEYS[section].values():
        value = getattr(said, key.field)
        if key.is_kept:
            yield from (f"{key.name} = {text}" for kept, text in value if kept == key.name)
        elif value is not None and (key.always or value != key.default):
            yield f"{key.name} = {text_of(key, value, family)}"


def text_of(key: Key, value: object, family: int = 4) -> str:
    """Write one value as it stands after the `=`.

    Args:
        value: As the model holds it; not None.
        family: 4 or 6, of the address that a mask belongs to.

    Raises:
        Refused: The value cannot be written, or is against its key's rule.
    """
    plain = plain_text(key, value, family)
    key.rule(plain)  # what is written must be read again
    if key.form is Form.RAW:
        return _raw(plain)
    if key.form is Form.LIST:
        return plain or '""'
    return _quoted_if_needed(plain) if key.form is Form.TEXT else plain


def plain_text(key: Key, value: object, family: int = 4) -> str:
    """Write a value without quotes; `family` as in `text_of`."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    if isinstance(value, FloatingAddress):
        return f"{value.address} {value.device}"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if key.form is Form.MASK and isinstance(value, int):
        return dotted(value) if family == 4 and value <= IPV4_BITS else str(value)
    return str(value)


def _raw(text: str) -> str:
    if '"' not in text:
        return f'"{text}"'
    if not text.startswith('"') and words_of(text) == ((text,), ()):
        return text
    raise _cannot_be_quoted(text)


def _quoted_if_needed(text: str) -> str:
    if words_of(text) == ((text,), ()) and unquoted(text) == text:
        return text
    for quote in "\"'":
        if quote not in text:
            return f"{quote}{text}{quote}"
    raise _cannot_be_quoted(text)


def _cannot_be_quoted(text: str) -> Refused:
    return Refused(
        Reason.QUOTES,
        "must not hold both blanks and this kind of quote, for lvs.cf has no way to write it:"
        " {text!r}",
        text=text,
    )


_BARE_NAME = re.compile(r"[^\s\"'#={}]+")


def name_text(block: str) -> str:
    """Write a block's name, in quotes where it needs them."""
    name(block)
    return block if _BARE_NAME.fullmatch(block) else f'"{block}"'
