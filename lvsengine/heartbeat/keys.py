"""The heartbeat's key file: one or two lines `number hex`. The first signs, all verify.

Two keys are valid while a key is changed: add the new one as the second line on both
directors, then put it first, then take the old one away. A reload each time.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.heartbeat.packet import Key
from lvsengine.privileges import name_of

SECRET_SIZE = 32
SHORTEST_SECRET = 16  # 128 bits
LONGEST_SECRET = 64  # the block of SHA-256; more adds nothing
MAX_NUMBER = 65535
MOST_KEYS = 2
LONGEST_FILE = 4096


def load(path: Path) -> tuple[Key, ...]:
    """Read the key file.

    Raises:
        EngineError: `bad-key-file`: missing, open to others, or not of its form. The sentence
            never holds a key.
    """
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(LONGEST_FILE + 1)
    except PermissionError as error:
        user = name_of(os.geteuid())
        raise _bad(path, f"cannot be read by user {user}", f"chown {user} {path}") from error
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}", _MAKE_ONE) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _bad(
            path, f"has mode {stat.S_IMODE(mode):04o}: others may read it", f"chmod 600 {path}"
        )
    return parse(path, content)


def new() -> Key:
    """Make a key, without a file."""
    return Key(1 + secrets.randbelow(MAX_NUMBER), secrets.token_bytes(SECRET_SIZE))


def text_of(keys: Iterable[Key]) -> str:
    """Write what a key file holds."""
    return "".join(f"{key.number} {key.secret.hex()}\n" for key in keys)


def create(path: Path, owner: tuple[int, int] | None = None) -> Key:
    """Write a new file with one new key, mode 0600, whole or not at all.

    Args:
        owner: The user and group number that it is handed to; whoever runs this where not given.

    Raises:
        EngineError: `key-file-exists`; `no-key-file` when it cannot be written.
    """
    key = new()
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w") as stream:
                if owner is not None:
                    os.fchown(handle, *owner)
                stream.write(text_of([key]))
                stream.flush()
                os.fsync(stream.fileno())
            os.link(beside, path)  # unlike a rename, never over a key that is in use
        finally:
            beside.unlink()
    except FileExistsError:
        raise EngineError(
            "key-file-exists",
            f"{path} is there already, and a key in use must not be overwritten",
            "name another file",
        ) from None
    except OSError as error:
        raise EngineError(
            "no-key-file", f"{path} cannot be written: {error.strerror}", "name another file"
        ) from error
    return key


_MAKE_ONE = "make one by `lvsctl heartbeat-key new FILE`, and copy it to the peer"


def parse(path: Path, content: bytes) -> tuple[Key, ...]:
    """Read what stands, or shall stand, in the key file `path`.

    Raises:
        EngineError: `bad-key-file`.
    """
    if len(content) > LONGEST_FILE:
        raise _bad(path, f"is longer than {LONGEST_FILE} bytes", _MAKE_ONE)
    lines = [
        (number, line.split())
        for number, line in enumerate(content.decode("ascii", "replace").splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not 1 <= len(lines) <= MOST_KEYS:
        raise _bad(path, f"must hold one or two keys, not {len(lines)}", _MAKE_ONE)
    keys = tuple(_key(path, number, words) for number, words in lines)
    if len({key.number for key in keys}) != len(keys):
        raise _bad(path, f"has two keys of the number {keys[0].number}", "give one another number")
    return keys


def _key(path: Path, line: int, words: list[str]) -> Key:
    try:
        number, text = words
        key = Key(int(number), bytes.fromhex(text))
    except ValueError:
        raise _bad(path, f"line {line} is not `NUMBER HEX`", _MAKE_ONE) from None
    if not 0 <= key.number <= MAX_NUMBER:
        raise _bad(
            path, f"line {line}: the number must be between 0 and {MAX_NUMBER}", "choose another"
        )
    if not SHORTEST_SECRET <= len(key.secret) <= LONGEST_SECRET:
        raise _bad(
            path,
            f"line {line}: the key must have {SHORTEST_SECRET} to {LONGEST_SECRET} bytes in hex,"
            f" not {len(key.secret)}",
            _MAKE_ONE,
        )
    return key


def _bad(path: Path, what: str, hint: str) -> EngineError:
    return EngineError("bad-key-file", f"the heartbeat key file {path} {what}", hint)
