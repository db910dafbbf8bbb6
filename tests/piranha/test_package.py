"""What an installation gets besides Python."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


# Of deploy/ what setup.sh needs; the rest is of the checkout.
OF_A_CHECKOUT = {
    "deploy/prepare.sh", "deploy/install.sh", "deploy/demo.py", "deploy/words.py",
    "deploy/engine_sentences.py", "deploy/control.png",
}  # fmt: skip


def test_every_page_static_file_and_unit_is_installed() -> None:
    there = {
        path.relative_to(ROOT).as_posix()
        for folder in ("templates", "static", "deploy")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    installed = {
        path.relative_to(ROOT).as_posix()
        for target, patterns in SETUPTOOLS["data-files"].items()
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if target == f"share/piranha/{path.relative_to(ROOT).parent.as_posix()}"
    }
    assert installed == there - OF_A_CHECKOUT


def test_the_translations_are_installed_compiled() -> None:
    folder = ROOT / "piranha"
    installed = {
        path.relative_to(folder).as_posix()
        for pattern in SETUPTOOLS["package-data"]["piranha"]
        for path in folder.glob(pattern)
    }
    assert installed == {"locale/engine.txt", "locale/zh_Hant/LC_MESSAGES/django.mo"}
