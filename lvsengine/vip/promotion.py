"""Keep the neighbours of an address while it is removed.

Removing the first IPv4 address of a network from an interface (its primary) removes all others
of that network with it, unless the interface promotes secondaries. Those others may be anyone's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONF = Path("/proc/sys/net/ipv4/conf")


@contextmanager
def promoting(interface: str, conf: Path = CONF) -> Iterator[bool]:
    """Let an interface promote secondaries for a while; answer whether it does.

    What the admin had set is set again at the end. The answer is no where /proc/sys may not be
    written, as in most containers.
    """
    setting = conf / interface / "promote_secondaries"
    if _is_on(conf / "all" / "promote_secondaries") or _is_on(setting):
        yield True
        return
    changed = _write(setting, "1")
    try:
        yield changed
    finally:
        if changed:
            _write(setting, "0")


def _is_on(setting: Path) -> bool:
    try:
        return setting.read_text(encoding="ascii").strip() != "0"
    except OSError:
        return False


def _write(setting: Path, value: str) -> bool:
    try:
        with setting.open("r+", encoding="ascii") as file:
            file.write(value)
    except OSError:
        return False
    return True
