from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from lvsengine import folder, state
from lvsengine.errors import EngineError
from lvsengine.health import Override, RealServerKey
from lvsengine.ipvs.table import AddressKey, MarkKey
from lvsengine.net import Protocol

KEPT = state.Kept(
    frozenset(
        {
            AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80),
            AddressKey(Protocol.UDP, ip_address("2001:db8::1"), 53),
            MarkKey(80),
            MarkKey(7, 6),
        }
    ),
    frozenset({ip_address("192.0.2.1"), ip_address("2001:db8::1")}),
    {RealServerKey("web", "one"): Override.DRAIN},
)


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    state.save(tmp_path / "new" / "folder", KEPT)
    assert state.load(tmp_path / "new" / "folder") == KEPT


def test_nothing_kept_yet_is_empty(tmp_path: Path) -> None:
    assert state.load(tmp_path) == state.Kept()


@pytest.mark.parametrize("text", ["", "[]", '{"services": [{"address": "x", "protocol": "tcp"}]}'])
def test_a_spoilt_file_is_refused_and_not_taken_for_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / state.NAME).write_text(text)
    with pytest.raises(EngineError, match=r"engine.json cannot be read"):
        state.load(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="--state"):
        state.save(tmp_path / "file", KEPT)
    with pytest.raises(EngineError, match="--state"), folder.locked(tmp_path / "file"):
        pass


def test_a_folder_serves_one_engine_at_a_time(tmp_path: Path) -> None:
    with (
        folder.locked(tmp_path),
        pytest.raises(EngineError, match="another pulse keeps its state"),
        folder.locked(tmp_path),
    ):
        pass
    with folder.locked(tmp_path):
        pass
