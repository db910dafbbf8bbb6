from __future__ import annotations

from pathlib import Path

import pytest

from lvsengine.sync.local import LocalTarget
from lvsengine.sync.target import Target
from tests.lvsengine.sync.peers import Side, text
from tests.lvsengine.sync.target_contract import TargetContract


@pytest.fixture
def side(tmp_path: Path) -> Side:
    side = Side(tmp_path, "192.0.2.12")
    side.write(text(1))
    return side


class TestAFolder(TargetContract):
    @pytest.fixture
    def target(self, side: Side) -> Target:
        return LocalTarget(side.host)

    @pytest.fixture
    def config(self, side: Side) -> Path:
        return side.config

    @pytest.fixture
    def folder(self, side: Side) -> Path:
        return side.folder
