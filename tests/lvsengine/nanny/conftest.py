from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.lvsengine.trusted import a_trusted_folder


@pytest.fixture
def script() -> Iterator[Callable[[str], str]]:
    """Writes a shell script where nobody else could have, and gives its path."""
    with a_trusted_folder() as folder:

        def write(text: str) -> str:
            path = folder / "check"
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
            return str(path)

        yield write
