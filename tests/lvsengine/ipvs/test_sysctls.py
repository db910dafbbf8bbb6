from __future__ import annotations

from pathlib import Path

from lvsengine.ipvs.syncd_policy import WANTED
from lvsengine.ipvs.sysctls import check, mend


def a_kernel(folder: Path, **values: str) -> Path:
    for one in WANTED:
        (folder / one.name).write_text(values.get(one.name, one.value) + "\n")
    return folder


def test_a_kernel_that_is_set_right_is_left_alone(tmp_path: Path) -> None:
    assert check(a_kernel(tmp_path)) == ()


def test_what_is_otherwise_is_found_and_mended(tmp_path: Path) -> None:
    kernel = a_kernel(tmp_path, sync_threshold="3\t50", backup_only="1")
    found = check(kernel)
    assert [one.wanted.name for one in found] == ["sync_threshold", "backup_only"]
    assert mend(found, kernel) == ()
    assert check(kernel) == ()
    assert (kernel / "sync_threshold").read_text().split() == ["0", "0"]


def test_what_the_kernel_does_not_have_is_said_and_not_made(tmp_path: Path) -> None:
    kernel = a_kernel(tmp_path)
    (kernel / "sync_retries").unlink()
    assert mend(check(kernel), kernel) == (
        "cannot set net.ipv4.vs.sync_retries to 1: No such file or directory",
    )
    assert not (kernel / "sync_retries").exists()
