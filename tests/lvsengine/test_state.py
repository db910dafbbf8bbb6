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


SHOP = AddressKey(Protocol.TCP, ip_address("192.0.2.1"), 80)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"services": [{"protocol": "quic", "address": "192.0.2.1", "port": 80}]}',
        b'{"overrides": [{"virtual": "web", "real": "one", "override": "as-of-version-9"}]}',
        b'{"addresses": ["192.0.2.1"',
        b" " * (state.LONGEST + 1),
    ],
    ids=["empty", "no text", "deep", "unknown protocol", "of another version", "cut", "large"],
)
def test_what_cannot_be_read_is_set_aside_and_the_director_starts(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / state.NAME).write_bytes(content)
    keeper = state.Keeper(tmp_path)
    keeper.load()
    assert keeper.kept == state.Kept()
    assert (tmp_path / "engine.json.broken").read_bytes() == content
    (told,) = keeper.warnings
    assert f"{tmp_path}/engine.json cannot be read" in told
    assert "drained" in told
    assert told in caplog.text


def test_a_disk_that_takes_nothing_stops_no_change_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("")
    keeper = state.Keeper(in_the_way)
    for port in (80, 81):
        keeper.change(services=frozenset({AddressKey(Protocol.TCP, SHOP.address, port)}))
    keeper.mend()
    assert {key.port for key in keeper.kept.services if isinstance(key, AddressKey)} == {81}
    assert caplog.text.count("cannot be written") == 1
    assert "not kept over a restart" in keeper.warnings[0]

    in_the_way.unlink()
    keeper.mend()
    assert keeper.warnings == ()
    assert state.load(in_the_way) == keeper.kept


def test_what_has_vanished_is_written_again(tmp_path: Path) -> None:
    folder_ = tmp_path / "state"
    keeper = state.Keeper(folder_)
    keeper.mend()
    assert not folder_.exists()  # nothing is kept yet
    keeper.change(services=frozenset({SHOP}))
    (folder_ / state.NAME).unlink()
    folder_.rmdir()
    keeper.mend()
    assert state.load(folder_).services == {SHOP}
