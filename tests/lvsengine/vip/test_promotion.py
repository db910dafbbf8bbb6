from __future__ import annotations

from pathlib import Path

import pytest

from lvsengine.vip.promotion import promoting


def conf(folder: Path, **values: str) -> Path:
    for interface, value in values.items():
        (folder / interface).mkdir()
        (folder / interface / "promote_secondaries").write_text(f"{value}\n")
    return folder


def setting(folder: Path, interface: str) -> str:
    return (folder / interface / "promote_secondaries").read_text().strip()


def test_it_is_on_for_as_long_as_needed_and_then_as_the_admin_had_it(tmp_path: Path) -> None:
    folder = conf(tmp_path, all="0", eth0="0")
    with promoting("eth0", folder) as promotes:
        assert promotes
        assert setting(folder, "eth0")[0] == "1"
    assert setting(folder, "eth0")[0] == "0"


@pytest.mark.parametrize(("everywhere", "here"), [("1", "0"), ("0", "1")])
def test_where_it_is_on_already_nothing_is_written(
    tmp_path: Path, everywhere: str, here: str
) -> None:
    folder = conf(tmp_path, all=everywhere, eth0=here)
    with promoting("eth0", folder) as promotes:
        assert promotes
        assert setting(folder, "eth0") == here
    assert setting(folder, "eth0") == here


def test_it_is_off_again_after_an_error(tmp_path: Path) -> None:
    folder = conf(tmp_path, all="0", eth0="0")
    with pytest.raises(ZeroDivisionError), promoting("eth0", folder):
        _ = 1 / 0
    assert setting(folder, "eth0")[0] == "0"


def test_where_it_cannot_be_set_the_answer_is_no(tmp_path: Path) -> None:
    with promoting("eth0", conf(tmp_path, all="0")) as promotes:
        assert not promotes
