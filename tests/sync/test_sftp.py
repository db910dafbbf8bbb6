from __future__ import annotations

from pathlib import Path

import pytest

from lvsengine.sync import sftp
from lvsengine.sync.plan import Peer
from lvsengine.sync.target import Target
from tests.lvsengine.sync.target_contract import TargetContract
from tests.sync.directors import USER, Director


class TestAPeerBySsh(TargetContract):
    @pytest.fixture
    def target(self, pair: tuple[Director, Director]) -> Target:
        primary, backup = pair
        peer = Peer("backup", (backup.address,), backup.port)
        return sftp.connect(peer, sftp.Login(primary.folder, USER))

    @pytest.fixture
    def config(self, pair: tuple[Director, Director]) -> Path:
        return pair[1].config

    @pytest.fixture
    def folder(self, pair: tuple[Director, Director]) -> Path:
        return pair[1].folder
