"""Files and links of other users: only root can make such, and the guest is root's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lvsengine import folder
from lvsengine.errors import EngineError
from lvsengine.lvscf import files


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as caught:
        attempt()
    assert "root:secret" not in str(caught.value)
    return caught.value.code


def hold(state: Path) -> None:
    with folder.locked(state):
        pass


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    """Somebody else's secret, readable for whoever is root."""
    path = tmp_path / "elsewhere" / "shadow"
    path.parent.mkdir()
    path.write_bytes(b"root:secret:1\n")
    path.chmod(0o640)
    os.chown(path, 0, 42)
    return path


@pytest.mark.parametrize("owner", [0, 12345])
def test_a_link_to_a_secret_is_not_followed_whoever_made_it(
    tmp_path: Path, shadow: Path, owner: int
) -> None:
    link = tmp_path / "lvs.cf"
    link.symlink_to(shadow)
    os.lchown(link, owner, 0)
    assert code_of(lambda: files.read_whole(link)) == "foreign-link"
    assert code_of(lambda: files.resolved(link)) == "foreign-link"


def test_a_link_of_another_user_leads_only_to_what_is_that_users(tmp_path: Path) -> None:
    roots, theirs = tmp_path / "roots", tmp_path / "theirs"
    for path, owner in ((roots, 0), (theirs, 12345)):
        path.write_bytes(b"x")
        path.chmod(0o644)
        os.chown(path, owner, -1)
    link = tmp_path / "lvs.cf"
    for target, other in ((roots, theirs), (theirs, roots)):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        os.lchown(link, 12345, -1)
        if target is theirs:
            assert files.read_whole(link) == b"x"
        else:
            assert code_of(lambda: files.read_whole(link)) == "foreign-link"
        assert other.read_bytes() == b"x"


def test_a_link_by_way_of_another_users_link_is_judged_by_both(
    tmp_path: Path, shadow: Path
) -> None:
    shadow.chmod(0o644)
    middle, link = tmp_path / "middle", tmp_path / "lvs.cf"
    middle.symlink_to(shadow)
    os.lchown(middle, 12345, -1)
    link.symlink_to("middle")
    assert code_of(lambda: files.read_whole(link)) == "foreign-link"


def test_a_link_into_nothing_makes_no_file_in_a_folder_of_others(tmp_path: Path) -> None:
    cron = tmp_path / "cron.d"
    cron.mkdir()
    link = tmp_path / "lvs.cf"
    link.symlink_to(cron / "evil")
    os.lchown(link, 12345, -1)
    assert code_of(lambda: files.resolved(link)) == "foreign-link"


def test_a_folder_or_link_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    theirs, link = tmp_path / "theirs", tmp_path / "link"
    theirs.mkdir()
    os.chown(theirs, 12345, 0)
    assert code_of(lambda: hold(theirs)) == "unsafe-state"
    ours = tmp_path / "ours"
    ours.mkdir()
    link.symlink_to(ours)
    hold(link)  # one of ours to one of ours
    os.lchown(link, 12345, 0)
    assert code_of(lambda: hold(link)) == "unsafe-state"
