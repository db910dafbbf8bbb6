"""The wheel and the sdist of `make dist`, and what pip alone makes of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.deploy.machine import Machine, owner_and_mode
from tests.deploy.test_install import COMMANDS, FOLDERS
from tests.deploy.wheels import CHECKOUT, PYTHON

ENVIRONMENT = "/opt/piranha/current"


@pytest.fixture(scope="module")
def by_pip(dist: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A fresh machine after the three commands that `piranha-setup --help` tells."""
    machine = Machine.made(tmp_path_factory.mktemp("by-pip") / "root")
    shutil.copytree(wheels, machine.root / "wheels")
    for wheel in dist.glob("*.whl"):
        shutil.copy(wheel, machine.root / "wheels")
    for words in (
        [PYTHON, "-m", "venv", ENVIRONMENT],
        [f"{ENVIRONMENT}/bin/pip", "install", "--no-index", "-f", "/wheels", "piranha-lvs"],
        ["unshare", "--net", f"{ENVIRONMENT}/bin/piranha-setup"],
    ):
        done = machine.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    return machine


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_sdist_builds_the_wheel_that_the_checkout_builds(dist: Path) -> None:
    (from_sdist,) = dist.glob("*.whl")
    (straight,) = (dist / "straight").glob("*.whl")
    assert contents(from_sdist) == contents(straight)


def test_the_wheel_holds_all_that_is_not_python(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    held = {name.partition("/data/share/piranha/")[2] or name for name in contents(wheel)}
    for folder in ("templates", "static", "deploy/systemd"):
        for path in (CHECKOUT / folder).rglob("*"):
            assert path.is_dir() or path.relative_to(CHECKOUT).as_posix() in held
    for name in ("locale/zh_Hant/LC_MESSAGES/django.mo", "locale/engine.txt", "access/words.txt"):
        assert f"piranha/{name}" in held


def test_the_sdist_holds_nothing_that_git_does_not(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {
            name.partition("/")[2]
            for name in archive.getnames()
            if archive.getmember(name).isfile()
        }
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    made = {"PKG-INFO", "setup.cfg"}
    assert {name for name in names if ".egg-info/" not in name} - made <= set(tracked)


def test_by_pip_alone_the_result_is_that_of_make_install(
    by_pip: Machine, installed: Machine
) -> None:
    for path in FOLDERS:
        assert owner_and_mode(by_pip, path) == owner_and_mode(installed, path)
    for command in COMMANDS:
        link = Path("usr/local/sbin") / command
        assert (by_pip.root / link).readlink() == (installed.root / link).readlink()
    for folder in ("usr/local/lib", "etc/sysconfig"):
        assert files(by_pip, folder) == files(installed, folder)


def files(machine: Machine, folder: str) -> dict[str, str]:
    return {
        path.relative_to(machine.root).as_posix(): path.read_text()
        for path in (machine.root / folder).rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "words",
    [
        ["piranha-gui", "--help"],
        ["pulse", "--version"],
        ["send_arp", "--help"],
        [f"{ENVIRONMENT}/bin/django-admin", "check"],
    ],
    ids=" ".join,
)
def test_what_pip_installed_runs(by_pip: Machine, words: list[str]) -> None:
    asked = {"DJANGO_SETTINGS_MODULE": "piranha.settings", "PIRANHA_STATE": "/tmp/state"}  # noqa: S108
    done = by_pip.run(*words, **asked)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_pip_installed_finds_its_pages_and_translations(by_pip: Machine) -> None:
    look = (
        "import django; django.setup()\n"
        "from django.template.loader import get_template\n"
        "from django.contrib.staticfiles import finders\n"
        "from django.utils import translation\n"
        "get_template('login.html'), get_template('panels/control.html')\n"
        "assert finders.find('piranha.css')\n"
        "translation.activate('zh-hant')\n"
        "print(translation.gettext('VIRTUAL SERVERS'))\n"
    )
    asked = {"DJANGO_SETTINGS_MODULE": "piranha.settings", "PIRANHA_STATE": "/tmp/state"}  # noqa: S108
    done = by_pip.run(f"{ENVIRONMENT}/bin/python", "-c", look, **asked)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.isascii()


def test_piranha_setup_needs_root(by_pip: Machine) -> None:
    refused = by_pip.as_user("piranha", f"{ENVIRONMENT}/bin/piranha-setup")
    assert refused.returncode == 1
    assert "run it as root" in refused.stderr


def test_in_a_checkout_piranha_setup_finds_the_scripts_too() -> None:
    from piranha import setup

    assert os.access(setup.scripts() / "setup.sh", os.R_OK)
