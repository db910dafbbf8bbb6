from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.pairing import files
from lvsengine.pairing.files import Batch, Wanted
from lvsengine.pairing.paths import Paths

ME = os.getuid(), os.getgid()


def nobody(_user: str) -> None:
    return None


def wanted(paths: Paths, data: bytes = b"new", mode: int = 0o600) -> Wanted:
    return Wanted(paths.sync_key, data, "piranha", mode)


def names(paths: Paths) -> list[str]:
    return sorted(entry.name for entry in paths.sync_key.parent.iterdir())


def test_a_file_is_beside_until_it_is_put_and_then_whole(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    batch = Batch(paths, [wanted(paths, mode=0o640)], nobody)
    assert names(paths) == [".id_ed25519.pairing"]
    batch.put(paths.sync_key)
    assert names(paths) == ["id_ed25519"]
    assert paths.sync_key.read_bytes() == b"new"
    assert stat.S_IMODE(paths.sync_key.stat().st_mode) == 0o640


def test_what_was_not_put_is_taken_away(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    Batch(paths, [wanted(paths)], nobody).drop()
    assert names(paths) == []


def test_what_a_killed_process_left_is_swept_up(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    Batch(paths, [wanted(paths, b"left")], nobody)
    batch = Batch(paths, [wanted(paths)], nobody)
    batch.put(paths.sync_key)
    assert names(paths) == ["id_ed25519"]
    assert paths.sync_key.read_bytes() == b"new"


def test_folders_are_made_as_the_installation_makes_them(tmp_path: Path) -> None:
    Batch(Paths(tmp_path), [], nobody)
    modes = {
        name: stat.S_IMODE((tmp_path / name).stat().st_mode)
        for name in (
            "etc/sysconfig/ha",
            "etc/piranha",
            "var/lib/piranha/.ssh",
            "var/lib/piranha/sync",
        )
    }
    assert modes == {
        "etc/sysconfig/ha": 0o2770,
        "etc/piranha": 0o755,
        "var/lib/piranha/.ssh": 0o755,
        "var/lib/piranha/sync": 0o750,
    }


def test_files_and_folders_are_handed_over_where_the_users_are(tmp_path: Path) -> None:
    asked = []
    other = (12345, 12346) if os.geteuid() == 0 else ME

    def ids(user: str) -> tuple[int, int] | None:
        asked.append(user)
        return other if user != "root" else ME

    paths = Paths(tmp_path)
    Batch(paths, [wanted(paths)], ids).put(paths.sync_key)
    for path in (paths.sync_key, paths.sync_key.parent):
        assert (path.stat().st_uid, path.stat().st_gid) == other
    assert paths.state.stat().st_uid == ME[0]
    assert set(asked) == {"root", "piranha"}


def test_one_file_that_cannot_be_written_leaves_none_beside(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    nowhere = Wanted(tmp_path / "none/key", b"", "pulse", 0o600)
    with pytest.raises(EngineError, match="none/key cannot be written: No such file"):
        Batch(paths, [wanted(paths), nowhere], nobody)
    assert names(paths) == []


def test_a_name_that_cannot_be_replaced_says_so(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.sync_key.mkdir(parents=True)
    batch = Batch(paths, [wanted(paths)], nobody)
    with pytest.raises(EngineError, match="Is a directory"):
        batch.put(paths.sync_key)
    batch.drop()
    assert names(paths) == ["id_ed25519"]


def test_a_link_put_in_the_way_is_replaced_and_not_followed(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    victim = tmp_path / "shadow"
    victim.write_text("secret")
    paths.sync_key.parent.mkdir(parents=True)
    paths.sync_key.symlink_to(victim)
    paths.sync_key.with_name(".id_ed25519.pairing").symlink_to(victim)
    Batch(paths, [wanted(paths)], nobody).put(paths.sync_key)
    assert victim.read_text() == "secret"
    assert not paths.sync_key.is_symlink()
    assert paths.sync_key.read_bytes() == b"new"


def test_reading_follows_no_link_unless_told_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert files.read(tmp_path / "file") == b"content"
    assert files.read(tmp_path / "link", follow=True) == b"content"
    with pytest.raises(EngineError) as caught:
        files.read(tmp_path / "link")
    assert caught.value.code == "not-readable"


def test_reading_takes_a_small_file_or_says_why_not(tmp_path: Path) -> None:
    assert files.read(tmp_path / "none") is None
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b"x" * 65537)
    for name, why in (
        ("fifo", "it is no file"),
        (".", "irectory"),
        ("large", "longer than 64 KiB"),
    ):
        with pytest.raises(EngineError, match=why):
            files.read(tmp_path / name)
