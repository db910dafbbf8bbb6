"""Run a unit's own command lines as systemd would, where no systemd runs: setpriv gives the user,
the groups and the capabilities that the unit names.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit file; `settings` has each setting's values, all lines joined."""

    settings: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Unit:
        settings: dict[str, str] = {}
        for line in path.read_text().splitlines():
            if line and line[0] not in "#[":
                key, _, value = line.partition("=")
                settings[key] = f"{settings.get(key, '')} {value}".strip()
        return cls(settings)

    def words(self, setting: str, options: str = "") -> list[str]:
        """Give a command line such as `ExecStart`, `$OPTIONS` replaced."""
        words = shlex.split(self.settings[setting])
        return [
            one for word in words for one in (options.split() if word == "$OPTIONS" else [word])
        ]

    def privileges(self) -> list[str]:
        """Give the words of setpriv that make the process what the unit says."""
        one = self.settings
        groups = ",".join([one["Group"], *one.get("SupplementaryGroups", "").split()])
        return [
            "setpriv",
            f"--reuid={one['User']}",
            f"--regid={one['Group']}",
            f"--groups={groups}",
            f"--bounding-set={_capabilities(one['CapabilityBoundingSet'])}",
            f"--inh-caps={_capabilities(one['AmbientCapabilities'])}",
            f"--ambient-caps={_capabilities(one['AmbientCapabilities'])}",
            *(["--no-new-privs"] if one["NoNewPrivileges"] == "yes" else []),
            "--",
        ]

    def environment(self) -> dict[str, str]:
        given = dict(pair.split("=", 1) for pair in self.settings.get("Environment", "").split())
        return {"PATH": PATH, "LANG": "C.UTF-8", **given}


def _capabilities(names: str) -> str:
    return ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in names.split())])
