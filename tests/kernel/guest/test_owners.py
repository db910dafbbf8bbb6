"""Who may replace lvs.cf, and whose it is afterwards: only root can act as several users."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.lvscf import files, store


def as_user(user: int, group: int, do: Callable[[], str]) -> str:
    """Run `do` in a child process as someone else; return what it returns."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = "died"
        try:
            os.setgroups([group])
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
            said = do()
        finally:
            os.write(writer, said.encode())
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that group 34 may write, reachable for everyone."""
    for folder in [tmp_path, *tmp_path.parents]:
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    os.chown(tmp_path, 0, 34)
    tmp_path.chmod(0o775)
    return tmp_path


def replaced(path: Path) -> str:
    try:
        files.replace(path, b"new", like=path)
    except EngineError as error:
        return error.code
    return "saved"


def test_root_leaves_a_file_its_owner_and_group(shared: Path) -> None:
    path = shared / "lvs.cf"
    path.write_text("old")
    os.chown(path, 12, 34)
    assert replaced(path) == "saved"
    after = path.stat()
    assert (path.read_text(), after.st_uid, after.st_gid) == ("new", 12, 34)


def test_who_shares_the_group_keeps_the_group_though_not_the_owner(shared: Path) -> None:
    path = shared / "lvs.cf"
    path.write_text("old")
    os.chown(path, 0, 34)
    path.chmod(0o660)

    assert as_user(4321, 34, lambda: replaced(path)) == "saved"

    after = path.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (4321, 34, 0o660)


def test_who_cannot_keep_the_group_changes_nothing(shared: Path) -> None:
    path = shared / "lvs.cf"
    path.write_text("old")
    path.chmod(0o664)
    shared.chmod(0o777)

    assert as_user(4321, 4321, lambda: replaced(path)) == "not-permitted"

    assert path.read_text() == "old"
    assert [entry.name for entry in shared.iterdir()] == ["lvs.cf"]


def test_who_may_not_read_is_told_so(shared: Path) -> None:
    path = shared / "lvs.cf"
    path.write_text("old")
    path.chmod(0o600)

    def read() -> str:
        try:
            files.read_whole(path)
        except EngineError as error:
            return error.code
        return "read"

    assert as_user(4321, 4321, read) == "not-permitted"


def test_a_file_that_is_read_only_is_respected(shared: Path) -> None:
    path = shared / "lvs.cf"
    path.write_text("serial_no = 1\n")
    shared.chmod(0o777)
    path.chmod(0o444)

    def save() -> str:
        try:
            store.save(path, "serial_no = 2\n", expected=store.revision_of(path.read_bytes()))
        except EngineError as error:
            return error.code
        return "saved"

    assert as_user(4321, 4321, save) == "not-permitted"
    assert path.read_text() == "serial_no = 1\n"
