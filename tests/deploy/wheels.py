"""What an installation without internet needs, gathered once for each set of versions."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tests.deploy.unit import PATH

CHECKOUT = Path(__file__).resolve().parent.parent.parent
FOLDER = CHECKOUT / ".build" / "wheels"
PYTHON = "/usr/bin/python3"  # one that every user may run; a developer's own may not be
WANTED = ("pyproject.toml", "deploy/constraints.txt")
NOTHING: Mapping[str, str] = MappingProxyType({})


def make(*words: str, before: Sequence[str] = (), environ: Mapping[str, str] = NOTHING) -> str:
    """Run make in the checkout as an admin would, and answer what it said."""
    done = subprocess.run(
        [*before, "make", "-s", *words, f"PYTHON={PYTHON}"],
        cwd=CHECKOUT,
        env={**environ, "PATH": PATH, "HOME": os.environ.get("HOME", "/root")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def gathered() -> Path:
    """Give the folder of wheels; made where it is missing or of other versions."""
    versions = b"".join((CHECKOUT / name).read_bytes() for name in WANTED)
    stamp = FOLDER / f"of-{hashlib.sha256(versions).hexdigest()[:12]}"
    if not stamp.exists():
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        make("install-wheels", f"WHEELS={FOLDER}", environ=pip)
        stamp.touch()
    return FOLDER
