"""What an attack may ask for. These tests start the real pulse and treat it badly."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.victim import Victim, a_victim


@pytest.fixture
def victim() -> Iterator[Victim]:
    """A director that is not started yet, its paths short enough for a unix socket."""
    with tempfile.TemporaryDirectory(prefix="attack-") as folder, a_victim(Path(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def shared_victim() -> Iterator[Victim]:
    """A running director that several attacks share: none of them must leave a mark."""
    with tempfile.TemporaryDirectory(prefix="attack-") as folder, a_victim(Path(folder)) as made:
        made.start()
        yield made
