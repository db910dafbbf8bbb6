from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sync.directors import Director, a_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Director, Director]]:
    """The primary and the backup, in step; the backup's sshd runs."""
    with a_pair(tmp_path) as directors:
        yield directors
