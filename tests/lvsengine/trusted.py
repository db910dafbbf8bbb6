"""A folder that only we may write, on all the way from /: where a program must lie to be run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def a_trusted_folder() -> Iterator[Path]:
    """Make one that everybody may enter, and remove it."""
    above = Path("/var/lib") if os.geteuid() == 0 else Path.home()
    folder = Path(tempfile.mkdtemp(prefix="piranha-test-", dir=above))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
