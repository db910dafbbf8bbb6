"""Read and set the kernel's values for IPVS, in /proc/sys/net/ipv4/vs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lvsengine.ipvs.syncd_policy import PREFIX, WANTED, Finding, findings

FOLDER = Path("/proc/sys/net/ipv4/vs")


def check(folder: Path = FOLDER) -> tuple[Finding, ...]:
    """List the values that connection sync needs otherwise."""
    return findings({one.name: _read(folder / one.name) for one in WANTED})


def mend(found: Iterable[Finding], folder: Path = FOLDER) -> tuple[str, ...]:
    """Set the values that were found otherwise, in order; answer a sentence for each failure."""
    refused = []
    for one in found:
        try:
            # r+: what the kernel does not have is not made.
            with (folder / one.wanted.name).open("r+", encoding="ascii") as file:
                file.write(f"{one.wanted.value}\n")
        except OSError as error:
            refused.append(
                f"cannot set {PREFIX}{one.wanted.name} to {one.wanted.value}: {error.strerror}"
            )
    return tuple(refused)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None
