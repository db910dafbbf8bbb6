"""The key that signs sessions: made once, kept in a file that only the web's user may read."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

BYTES = 48


def secret_key(path: Path) -> str:
    """Read the key, or make it.

    Raises:
        ImproperlyConfigured: It can be neither read nor made; the sentence says what to do.
    """
    try:
        return path.read_text(encoding="ascii").strip() or _made(path)
    except FileNotFoundError:
        return _made(path)
    except (OSError, UnicodeDecodeError) as error:
        raise _cannot(path, "read", error) from error


def _made(path: Path) -> str:
    """Make the key beside the path and link it there, so that of two makers one wins."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(BYTES))
        if path.exists() and not path.stat().st_size:
            path.unlink()
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
        beside.unlink()
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise _cannot(path, "made", error) from error


def _cannot(path: Path, what: str, error: Exception) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"the web's secret key {path} cannot be {what}: {error}."
        " Run as root or as the web's user, or name another folder by PIRANHA_STATE."
    )
