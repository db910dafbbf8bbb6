"""Tell systemd how we are: ready, reloading, stopping, alive (sd_notify(3))."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

DEADLINE_S = 0.5
LONGEST_VALUE = 1000  # characters; a status is for one line of `systemctl status`


def notify(environ: Mapping[str, str], **fields: str) -> bool:
    """Send fields such as `READY="1"` or `STATUS="active"` in one datagram.

    With `RELOADING` goes the time that systemd asks for. Never raises and takes half a second
    at most: a manager that does not listen is no reason to stop balancing.

    Returns:
        Whether it was sent; false where no systemd asked for it (NOTIFY_SOCKET is not set).
    """
    address = _address(environ.get("NOTIFY_SOCKET", ""))
    if address is None:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
            sending.settimeout(DEADLINE_S)
            sending.sendto(_message(fields), address)
    except (OSError, ValueError):
        return False
    return True


def _address(text: str) -> str | None:
    if text.startswith("/"):
        return text
    if text.startswith("@"):
        return "\0" + text[1:]  # unix(7): the abstract namespace
    return None


def _message(fields: Mapping[str, str]) -> bytes:
    extra: dict[str, str] = {}
    if "RELOADING" in fields:
        extra["MONOTONIC_USEC"] = str(time.monotonic_ns() // 1000)
    lines = (f"{key}={_value(value)}" for key, value in {**extra, **fields}.items())
    return "\n".join(lines).encode(errors="replace")


def _value(text: str) -> str:
    return " ".join(text[:LONGEST_VALUE].splitlines())
