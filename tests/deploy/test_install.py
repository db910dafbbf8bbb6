"""`make install` into a fresh root, without internet; again over itself; and away again."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import install
from tests.deploy.machine import UNITS, Machine, owner_and_mode
from tests.deploy.unit import PATH
from tests.deploy.wheels import CHECKOUT, make

COMMANDS = (
    "pulse", "lvsctl", "nanny", "send_arp", "piranha-gui", "piranha_gui", "piranha-passwd",
)  # fmt: skip
FOLDERS = {
    "etc/sysconfig/ha": "root:piranha 2770",
    "etc/sysconfig/ha/lvs.cf": "root:piranha 0660",
    "etc/sysconfig/ha/web": "root:piranha 0750",
    "etc/piranha": "root:root 0755",
    "var/lib/piranha": "root:root 0755",
    "var/lib/piranha/.ssh": "root:root 0755",
    "var/lib/piranha/engine": "pulse:pulse 0750",
    "var/lib/piranha/web": "piranha:piranha 0700",
    "var/lib/piranha/sync": "piranha:piranha 0750",
    "var/lib/piranha/sync/incoming": "piranha:piranha 0750",
    "run/piranha": "pulse:piranha 2750",
}


def run_setup(machine: Machine, **environ: str) -> str:
    """Run the installed setup.sh again, with a DESTDIR: it must not change this machine."""
    done = subprocess.run(
        ["sh", machine.root / "opt/piranha/current/share/piranha/deploy/setup.sh"],
        env={"PATH": PATH, "DESTDIR": str(machine.root)} | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def release(machine: Machine) -> str:
    return (machine.root / "opt/piranha/current").readlink().name


@pytest.mark.parametrize(("path", "whose"), FOLDERS.items())
def test_each_folder_belongs_to_whom_it_must(installed: Machine, path: str, whose: str) -> None:
    assert owner_and_mode(installed, path) == whose


def test_pulse_is_a_member_of_the_web_s_group_and_nobody_has_a_password(
    installed: Machine,
) -> None:
    groups = (installed.root / "etc/group").read_text().splitlines()
    assert next(row for row in groups if row.startswith("piranha:")).endswith(":pulse")
    users = (installed.root / "etc/passwd").read_text()
    assert re.search(r"^piranha:.*:/var/lib/piranha:/bin/sh$", users, re.MULTILINE)
    for row in (installed.root / "etc/shadow").read_text().splitlines():
        assert row.split(":")[1] in ("!*", "*")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_on_the_path_and_says_its_help(installed: Machine, command: str) -> None:
    link = installed.root / "usr/local/sbin" / command
    assert str(link.readlink()) == f"/opt/piranha/current/bin/{command}"
    helped = installed.as_user("piranha", command, "--help")
    assert helped.returncode == 0, helped.stderr
    assert "usage" in helped.stdout.lower()


def test_nothing_names_the_folder_that_it_was_installed_into(installed: Machine) -> None:
    found = subprocess.run(
        [
            "grep",
            "-rlF",
            str(installed.root),
            installed.root / "opt",
            installed.root / "usr/local",
        ],
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
    first = (installed.root / "opt/piranha/current/bin/pulse").read_text().splitlines()[0]
    assert first == f"#!/opt/piranha/{release(installed)}/bin/python"


def test_all_is_root_s_and_compiled_so_that_no_user_need_write_there(installed: Machine) -> None:
    folder = installed.root / "opt/piranha"
    writable = [
        "find",
        str(folder),
        "!",
        "-type",
        "l",
        "(",
        "!",
        "-uid",
        "0",
        "-o",
        "-perm",
        "/022",
        ")",
    ]
    assert subprocess.run(writable, capture_output=True, text=True).stdout == ""
    assert list(folder.glob("*/lib/python3*/site-packages/lvsengine/__pycache__/engine.*.pyc"))


def test_the_first_lvs_cf_is_the_example_which_does_nothing(installed: Machine) -> None:
    text = (installed.root / "etc/sysconfig/ha/lvs.cf").read_text()
    assert text == (CHECKOUT / "deploy/lvs.cf.example").read_text()
    judged = installed.run("lvsctl", "check")
    assert "sound" in judged.stdout
    refused = installed.as_user("pulse", "pulse", "--plane", "memory")
    assert refused.returncode == 1
    assert "no active lvs services defined" in refused.stderr


def test_forwarding_is_shown_and_made_only_for_who_says_yes(machine: Machine) -> None:
    file = machine.root / "etc/sysctl.d/90-piranha.conf"
    shown = run_setup(machine)
    assert "net.ipv4.ip_forward = 1" in shown
    assert "FORWARD=yes" in shown
    assert not file.exists()
    run_setup(machine, FORWARD="yes")
    assert "net.ipv4.ip_forward = 1" in file.read_text()


def test_again_it_is_an_upgrade_that_overwrites_nothing_of_the_admin_s(
    machine: Machine, wheels: Path
) -> None:
    before = release(machine)
    mine = {"etc/sysconfig/ha/lvs.cf": "serial_no = 9\n", "etc/sysconfig/pulse": 'OPTIONS="-v"\n'}
    for path, text in mine.items():
        (machine.root / path).write_text(text)
    (machine.root / "var/lib/piranha/engine/engine.json").write_text("{}")
    said = install(machine, wheels)
    assert "lvs.cf is there and stays as it is" in said
    for path, text in mine.items():
        assert (machine.root / path).read_text() == text
    assert release(machine) != before
    assert (machine.root / "opt/piranha" / before / "bin/pulse").exists()  # it may run still
    assert (machine.root / "var/lib/piranha/engine/engine.json").read_text() == "{}"


def test_what_an_older_version_kept_goes_to_the_new_folders(machine: Machine) -> None:
    old = machine.root / "var/lib/piranha"
    for name in ("engine.json", "history.json", "web.sqlite3", "secret-key"):
        (old / name).write_text(name)
    (old / "tls").symlink_to("/etc")  # user piranha could write here then
    run_setup(machine)
    assert (old / "engine/history.json").read_text() == "history.json"
    assert owner_and_mode(machine, "var/lib/piranha/engine/engine.json").startswith("pulse:pulse")
    assert owner_and_mode(machine, "var/lib/piranha/web/secret-key").startswith("piranha:piranha")
    assert not (old / "web/tls").exists()


def test_uninstalled_the_admin_s_files_and_data_are_left(machine: Machine) -> None:
    said = make("uninstall", f"DESTDIR={machine.root}")
    assert f"{machine.root}/etc/sysconfig/ha" in said
    assert (machine.root / "etc/sysconfig/ha/lvs.cf").exists()
    assert (machine.root / "var/lib/piranha/web").is_dir()
    assert not (machine.root / "opt/piranha").exists()
    left = [path for path in (machine.root / "usr/local").rglob("*") if not path.is_dir()]
    assert left == []
    assert list((machine.root / UNITS).iterdir()) == []


def test_without_systemd_users_and_folders_are_the_same(
    installed: Machine, tmp_path: Path
) -> None:
    bare = Machine.made(tmp_path / "root")
    subprocess.run(["cp", "-a", installed.root / "opt", bare.root], check=True)
    (bare.root / "etc/shadow").touch(0o600)  # where there is none, useradd makes none
    tools = tmp_path / "tools"
    tools.mkdir()
    for program in (one for folder in ("/usr/sbin", "/usr/bin") for one in Path(folder).iterdir()):
        if not program.name.startswith("systemd") and not (tools / program.name).is_symlink():
            (tools / program.name).symlink_to(program)
    run_setup(bare, PATH=str(tools))
    for path, whose in FOLDERS.items():
        assert owner_and_mode(bare, path) == whose, path
    users = (bare.root / "etc/passwd").read_text()
    assert re.search(r"^piranha:.*:/var/lib/piranha:/bin/sh$", users, re.MULTILINE)
    groups = (bare.root / "etc/group").read_text()
    assert re.search(r"^piranha:.*:pulse$", groups, re.MULTILINE)
    for row in (bare.root / "etc/shadow").read_text().splitlines():
        assert row.split(":")[1] in ("!", "*")
