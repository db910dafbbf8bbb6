"""The state folder attacked: by what lies in it, and by whose it is."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from lvsengine import folder
from lvsengine.errors import EngineError


@dataclass(frozen=True, slots=True)
class Something:
    value: int = 7


def code_of(path: Path) -> str:
    with pytest.raises(EngineError) as caught, folder.locked(path):
        pass
    assert str(path) in caught.value.sentence
    assert caught.value.hint
    return caught.value.code


def test_a_folder_that_everybody_may_write_is_not_believed(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert code_of(tmp_path) == "unsafe-state"
    tmp_path.chmod(0o770)
    with folder.locked(tmp_path):
        pass


def test_the_folder_is_made_for_its_owner_and_group(tmp_path: Path) -> None:
    with folder.locked(tmp_path / "new" / "state"):
        pass
    assert not stat.S_IMODE((tmp_path / "new" / "state").stat().st_mode) & stat.S_IRWXO


def test_a_link_in_the_place_of_the_lock_leads_to_no_other_file(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    state = tmp_path / "state"
    state.mkdir()
    (state / folder.LOCK).symlink_to(precious)
    assert code_of(state) == "no-state"
    assert precious.read_text() == "precious"


def test_a_fifo_in_the_place_of_the_lock_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / folder.LOCK)
    assert code_of(tmp_path) == "unsafe-state"


def test_a_link_in_the_place_of_a_file_to_be_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for name in ("engine.json", ".engine.json.new"):
        (tmp_path / name).symlink_to(precious)
    folder.replace_file(tmp_path / "engine.json", Something())
    assert precious.read_text() == "precious"
    assert not (tmp_path / "engine.json").is_symlink()


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "large"])
def test_what_is_no_file_of_ours_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "engine.json"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(4 << 30)
    with pytest.raises(ValueError, match="it is"):
        folder.read_bounded(path, 1000)


def test_a_folder_that_vanished_is_made_again(tmp_path: Path) -> None:
    folder.replace_file(tmp_path / "gone" / "engine.json", Something())
    assert '"value": 7' in (tmp_path / "gone" / "engine.json").read_text()
