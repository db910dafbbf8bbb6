from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from lvsengine.lvscf.model import Config, FloatingAddress, VirtualServer
from lvsengine.scripts.look import Look, of_the_engine
from tests.lvsengine.trusted import a_trusted_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_trusted_folder() as folder:
        yield folder


def a_program(folder: Path, name: str = "check") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_program_in_a_folder_of_ours_is_run_by_its_whole_path(folder: Path) -> None:
    path = a_program(folder)
    verdict = Look().at(str(path))
    assert (verdict.program, verdict.refusal) == (str(path), "")


def test_a_program_below_tmp_is_not_run(tmp_path: Path) -> None:
    assert (
        Look()
        .at(str(a_program(tmp_path)))
        .refusal.startswith("everybody may write the folder /tmp")
    )


def test_a_folder_that_is_opened_later_is_found_out_and_mended_again(folder: Path) -> None:
    path, look = a_program(folder / "in"), Look()
    assert look.at(str(path)).refusal == ""
    (folder / "in").chmod(0o777)
    assert look.at(str(path)).refusal.startswith(f"everybody may write the folder {folder}/in;")
    (folder / "in").chmod(0o755)
    assert look.at(str(path)).refusal == ""


def test_a_program_that_is_replaced_by_one_of_somebody_else_s_is_found_out(folder: Path) -> None:
    path, look = a_program(folder), Look()
    assert look.at(str(path)).refusal == ""
    a_program(folder, "new").chmod(0o777)
    (folder / "new").rename(path)
    assert look.at(str(path)).refusal.startswith(f"everybody may write {path};")


def test_a_link_is_followed_and_where_it_leads_is_judged(folder: Path, tmp_path: Path) -> None:
    (folder / "link").symlink_to(a_program(tmp_path))
    assert (
        Look().at(str(folder / "link")).refusal.startswith("everybody may write the folder /tmp")
    )
    (folder / "beside").symlink_to(Path("in") / ".." / "in" / "check")
    a_program(folder / "in")
    assert Look().at(str(folder / "beside")).refusal == ""


def test_a_link_on_the_way_whose_folder_others_may_write_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    a_program(folder)
    (tmp_path / "link").symlink_to(folder)
    assert "everybody may" in Look().at(str(tmp_path / "link" / "check")).refusal


def test_links_in_a_circle_are_an_error(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"No such file|Too many levels"):
        Look().at(str(folder / "a"))


def test_what_is_not_there_or_is_no_program_is_an_error(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Look().at(str(folder / "none"))
    with pytest.raises(FileNotFoundError):
        Look().at("no-such-program-anywhere")
    (folder / "notes").write_text("")
    with pytest.raises(PermissionError):
        Look().at(str(folder / "notes"))
    with pytest.raises(FileNotFoundError):
        Look().at(str(folder))


def test_a_bare_name_is_found_by_path(folder: Path) -> None:
    path = a_program(folder)
    assert Look().at("check", f"/nowhere:{folder}").program == str(path)


def test_nothing_is_asked_of_users_and_groups_while_nothing_changes(folder: Path) -> None:
    path, look = a_program(folder), Look()
    assert look.at(str(path)) is look.at(str(path))


def test_so_many_are_remembered_and_no_more(folder: Path) -> None:
    look = Look()
    path = a_program(folder)
    for number in range(2000):
        look.at(str(path), f"/nowhere/{number}")
    assert len(look._kept) <= 1024


def test_lvs_cf_s_programs_that_will_not_be_run_are_named_once(
    folder: Path, tmp_path: Path
) -> None:
    bad, good = a_program(tmp_path), a_program(folder)
    virtual = VirtualServer(
        "web", FloatingAddress(ip_address("192.0.2.1"), "eth0"), enabled=True,
        send_program=f"{bad} %h",
    )  # fmt: skip
    other = VirtualServer("b", virtual.floating, enabled=True, send_program=f"{bad} %h %p")
    missing = VirtualServer("c", virtual.floating, enabled=True, send_program="/no/such %h")
    config = Config(
        active_cmd=f"{bad} up", inactive_cmd=str(good), virtual_servers=(virtual, other, missing)
    )
    told = Look().warnings(config)
    assert [one.partition(" will not be run: everybody")[0] for one in told] == [
        f"active_cmd = {bad}",
        f"send_program = {bad}",
    ]


def test_whoever_judges_a_file_judges_as_the_engine_will(folder: Path) -> None:
    path = a_program(folder)
    if os.geteuid() == 0:
        os.chown(path, 64001, 64001)
    assert of_the_engine().at(str(path)).refusal.split()[0] == "user"
