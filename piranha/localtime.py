"""The machine's own time zone: a page shows times as the wall clock beside it does."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo

ZONES = "zoneinfo/"


def zone_name(local: Path = Path("/etc/localtime")) -> str:
    """Name the zone that TZ or /etc/localtime stands for; UTC where neither tells.

    Source: localtime(5): the link's target names the zone.
    """
    target = os.path.realpath(local)
    candidates = (os.environ.get("TZ", "").removeprefix(":"), target.rpartition(ZONES)[2])
    for name in candidates:
        if name and _is_zone(name):
            return name
    return "UTC"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError):
        return False
    return True
