"""One set of wheels and one installation for all tests here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.machine import Machine
from tests.deploy.wheels import CHECKOUT, gathered, make

WITHOUT_INTERNET = ("unshare", "--net")


def install(machine: Machine, wheels: Path) -> str:
    asked = (f"DESTDIR={machine.root}", f"WHEELS={wheels}")
    return make("install", *asked, before=WITHOUT_INTERNET)


@pytest.fixture(scope="session")
def wheels() -> Path:
    return gathered()


@pytest.fixture(scope="session")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine after `make install`; tests only look, and start what is there."""
    machine = Machine.made(tmp_path_factory.mktemp("installed") / "root")
    install(machine, wheels)
    return machine


@pytest.fixture
def machine(installed: Machine, tmp_path: Path) -> Machine:
    """A copy of it, to change."""
    return installed.copy(tmp_path / "root")


@pytest.fixture(scope="session")
def dist(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` makes, and beside it in `straight` the wheel without the sdist between."""
    folder = tmp_path_factory.mktemp("dist")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    build = [str(CHECKOUT / ".venv/bin/python"), "-m", "build", "--outdir"]
    copy = _copy_of_checkout(tmp_path_factory.mktemp("checkout"))
    for words in ([*build, str(folder)], [*build, str(folder / "straight"), "--wheel"]):
        done = subprocess.run(
            words, cwd=copy, env=os.environ | offline, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _copy_of_checkout(folder: Path) -> Path:
    """What git has: setuptools would leave a folder `build` in the checkout, and use it again."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, folder / name)
    return folder
