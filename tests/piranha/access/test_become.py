from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from piranha.access import become

IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user can reach, too."""
    before = os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="piranha-become-") as path:
        os.chmod(path, 0o755)  # noqa: S103
        yield Path(path)
    os.umask(before)


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(become, "USER", "nobody")


def owner(path: Path) -> int:
    return path.lstat().st_uid


def ours() -> int:
    """Tell whose the files must be: only root can give them to the web's user."""
    return NOBODY.pw_uid if IS_ROOT else os.geteuid()


def test_the_state_folder_is_made_for_the_web_s_user_and_closed_to_others(folder: Path) -> None:
    state = folder / "a" / "state"
    become.prepare(state)
    assert owner(state) == ours()
    assert stat.S_IMODE(state.parent.stat().st_mode) == 0o755
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_what_root_left_there_becomes_the_web_s_but_for_the_engine_s_files(folder: Path) -> None:
    state = folder / "state"
    (state / "tls").mkdir(parents=True)
    for name in ("secret-key", "web.sqlite3", "web.sqlite3-wal", "tls/key.pem", "engine.json"):
        (state / name).write_text("x")
    become.prepare(state)
    assert owner(state / "secret-key") == owner(state / "web.sqlite3-wal") == ours()
    assert owner(state / "tls") == owner(state / "tls" / "key.pem") == ours()
    assert owner(state / "engine.json") == os.geteuid()


@pytest.mark.parametrize("make", [os.link, os.symlink])
def test_what_a_link_leads_to_is_never_given_away(folder: Path, make: object) -> None:
    state = folder / "state"
    state.mkdir()
    precious = folder / "shadow"
    precious.write_text("x")
    make(precious, state / "secret-key")  # type: ignore[operator]
    with suppress(become.CannotBecome):  # a symlink where a file should be
        become.prepare(state)
    assert owner(precious) == os.geteuid()


def test_a_folder_that_cannot_be_made_is_a_sentence(folder: Path) -> None:
    (folder / "file").write_text("x")
    with pytest.raises(become.CannotBecome, match="name a folder of your own by --state"):
        become.prepare(folder / "file" / "state")


def test_without_the_user_or_root_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(become, "USER", "no-such-user")
    assert become.web_user() is None
    become.drop()
    assert (os.geteuid() == 0) is IS_ROOT


PROGRAM = """
import os, sys
from pathlib import Path
from piranha.access import become
become.USER = "nobody"
become.prepare(Path(sys.argv[1]))
try:
    become.drop()
except become.CannotBecome as error:
    assert "install it where everybody may read it" in str(error), error
Path(sys.argv[1], "made").write_text("x")
try:
    os.setuid(0)
except PermissionError:
    print("for good")
"""


def test_root_is_given_up_for_good(folder: Path) -> None:
    state = folder / "state"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(state)],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert (done.stderr, done.stdout) == ("", "for good\n")
    assert owner(state / "made") == ours()
    assert stat.S_IMODE((state / "made").stat().st_mode) & 0o007 == 0
