"""lvsctl pair install-received: root installs what the peer's sync handed over."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lvsengine.sync.places import DEFAULT_FOLDER


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")


def run(arguments: argparse.Namespace) -> int:
    from lvsengine.errors import EngineError
    from lvsengine.sync.received import Installer

    if os.geteuid() != 0:
        raise EngineError("not-root", "only root may install these files", "run it as root")
    states = Installer(arguments.folder).run()
    for state in states:
        if state.trouble is not None:
            print(state.trouble.sentence)
        else:
            print(f"{state.path} installed, revision {state.installed}; not active yet.")
            print(f"  {state.note}")
    return 1 if any(state.trouble is not None for state in states) else 0
