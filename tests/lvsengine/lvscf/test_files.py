from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.lvscf import files


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as caught:
        attempt()
    return caught.value.code


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "lvs.cf"
    path.write_bytes(b"serial_no = 1\n")
    assert files.read_whole(path) == b"serial_no = 1\n"


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    listener.close()

    assert code_of(lambda: files.read_whole(tmp_path)) == "not-a-file"
    assert code_of(lambda: files.read_whole(tmp_path / "fifo")) == "not-a-file"
    assert code_of(lambda: files.read_whole(tmp_path / "socket")) == "not-a-file"
    assert code_of(lambda: files.read_whole(Path("/dev/zero"))) == "not-a-file"
    assert code_of(lambda: files.read_whole(tmp_path / "none")) == "no-file"
    assert code_of(lambda: files.read_whole(tmp_path / "none" / "lvs.cf")) == "no-file"
    (tmp_path / "loop").symlink_to("loop")
    assert code_of(lambda: files.read_whole(tmp_path / "loop")) == "not-readable"
    # A file that opens and then fails to be read.
    assert code_of(lambda: files.read_whole(Path("/proc/self/mem"))) == "not-readable"


def test_a_file_of_more_than_16_mib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(files.MAX_BYTES)
    assert len(files.read_whole(path)) == files.MAX_BYTES
    with path.open("ab") as file:
        file.write(b"x")
    assert code_of(lambda: files.read_whole(path)) == "too-large"


def test_a_lock_is_held_by_one_and_the_other_waits_no_longer_than_told(tmp_path: Path) -> None:
    def lock_too() -> None:
        with files.locked(tmp_path, wait_s=0.05):
            pytest.fail("two hold one lock")

    with files.locked(tmp_path):
        assert code_of(lock_too) == "busy"
    with files.locked(tmp_path, wait_s=0):
        pass


def test_a_lock_is_had_as_soon_as_the_other_gives_it_back(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        os.close(handle)

    with files.locked(tmp_path, wait_s=5, nap=nap):
        assert len(naps) == 1


def test_the_folder_of_a_lock_must_be_there(tmp_path: Path) -> None:
    def lock() -> None:
        with files.locked(tmp_path / "none"):
            pytest.fail("locked what is not there")

    assert code_of(lock) == "no-file"


def test_a_replaced_file_keeps_mode_owner_and_extended_attributes(tmp_path: Path) -> None:
    path = tmp_path / "lvs.cf"
    path.write_text("old")
    path.chmod(0o664)
    has_attributes = give_attribute(path)

    files.replace(path, b"new", like=path)

    after = path.stat()
    assert path.read_text() == "new"
    assert stat.S_IMODE(after.st_mode) == 0o664
    assert (after.st_uid, after.st_gid) == (os.getuid(), os.getgid())
    assert not has_attributes or os.getxattr(path, "user.origin") == b"web"


def give_attribute(path: Path) -> bool:
    """Set an extended attribute; say whether this disk can."""
    try:
        os.setxattr(path, "user.origin", b"web")
    except OSError:
        return False
    return True


def test_a_disk_that_cannot_be_flushed_is_said_though_the_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def failing_fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(5, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", failing_fsync)
    path = tmp_path / "lvs.cf"
    assert code_of(lambda: files.replace(path, b"new", like=path)) == "not-flushed"
    assert path.read_bytes() == b"new"


def test_a_new_file_is_for_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "lvs.cf"
    files.replace(path, b"new", like=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_where_a_group_may_make_files_it_may_change_a_new_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    path = tmp_path / "lvs.cf"
    files.replace(path, b"new", like=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".lvs.cf.new").write_text("half")
    files.replace(tmp_path / "lvs.cf", b"new", like=tmp_path / "lvs.cf")
    assert [entry.name for entry in tmp_path.iterdir()] == ["lvs.cf"]


def test_data_reach_the_disk_before_the_name_and_the_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        size = path.stat().st_size if path.is_file() else 0
        done.append(f"fsync {path.name} {size}")
        fsync(handle)

    def noted_rename(source: Path, target: Path) -> None:
        done.append(f"rename {Path(source).name} {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)
    files.replace(tmp_path / "lvs.cf", b"12345", like=tmp_path / "lvs.cf")

    assert done == [
        "fsync .lvs.cf.new 5",
        "rename .lvs.cf.new lvs.cf",
        f"fsync {tmp_path.name} 0",
    ]


def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left_beside_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "lvs.cf").mkdir()
    path = tmp_path / "lvs.cf"
    assert code_of(lambda: files.replace(path, b"new", like=tmp_path / "none")) == "not-saved"
    assert [entry.name for entry in tmp_path.iterdir()] == ["lvs.cf"]


def test_a_file_of_4_gb_and_one_of_ten_million_lines_are_refused_at_once(tmp_path: Path) -> None:
    sparse, lines = tmp_path / "sparse", tmp_path / "lines"
    with sparse.open("wb") as file:
        file.truncate(4 << 30)
    lines.write_bytes(b"\n" * 10_000_000)
    assert code_of(lambda: files.read_whole(sparse)) == "too-large"
    assert code_of(lambda: files.read_whole(lines)) == "too-large"


def test_a_file_that_is_being_written_is_read_when_it_is_at_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lvs.cf"
    path.write_bytes(b"half")
    naps: list[float] = []
    real_fstat, looks = os.fstat, iter([False, True])

    def fstat(handle: int) -> os.stat_result:
        status = real_fstat(handle)
        if stat.S_ISREG(status.st_mode) and next(looks, False):
            path.write_bytes(b"half and half")  # right after it was read
            status = real_fstat(handle)
        return status

    monkeypatch.setattr(os, "fstat", fstat)
    assert files.read_whole(path, nap=naps.append) == b"half and half"
    assert len(naps) == 1


def test_a_file_that_never_rests_is_said_to_be_changing(tmp_path: Path) -> None:
    assert code_of(lambda: files.read_whole(Path("/proc/self/status"), nap=lambda _: None)) == (
        "changing"  # its size is said to be 0
    )


def test_ones_own_link_to_ones_own_file_goes_on_working(tmp_path: Path) -> None:
    (tmp_path / "real.cf").write_bytes(b"serial_no = 1\n")
    (tmp_path / "real.cf").chmod(0o600)
    link = tmp_path / "lvs.cf"
    link.symlink_to("real.cf")
    assert files.read_whole(link) == b"serial_no = 1\n"
    assert files.resolved(link) == tmp_path / "real.cf"
