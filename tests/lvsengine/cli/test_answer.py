from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from lvsengine.cli import lvsctl, pair
from tests.lvsengine.sync.peers import Side, text


@pytest.fixture(autouse=True)
def _nothing_of_a_process_of_its_own_is_left() -> Iterator[None]:
    mask = os.umask(0o022)
    os.umask(mask)
    yield
    os.umask(mask)
    signal.alarm(0)


@pytest.fixture
def side(tmp_path: Path) -> Side:
    side = Side(tmp_path, "192.0.2.12")
    side.write(text(1))
    return side


def answer(side: Side, said: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("SSH_ORIGINAL_COMMAND", said)
    places = ["--config", str(side.config), "--folder", str(side.folder)]
    return lvsctl.main(["--socket", str(side.home / "none"), "pair", "answer", *places])


def test_it_answers_status_by_one_line_of_json(
    side: Side, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(side, "status", monkeypatch) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)["result"]
    assert told["revision"] == side.revision
    assert told["trouble"]["code"] == "not-running"


@pytest.mark.parametrize("said", ["", "id", "/bin/sh", f"install lvs.cf {'0' * 64} -"])
def test_anything_else_or_what_cannot_be_done_is_an_error(
    side: Side,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert answer(side, said, monkeypatch) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] in ("not-allowed", "not-staged")
    assert side.config.read_text() == text(1)


def test_sftp_ends_with_its_input(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, (here, there) = os.dup(0), os.pipe()
    os.close(there)
    os.dup2(here, 0)
    try:
        assert answer(side, "internal-sftp", monkeypatch) == 0
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(here)


def test_only_root_installs_what_was_received(
    side: Side, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert lvsctl.main(["pair", "install-received", "--folder", str(side.folder)]) == 1
    assert "only root may install" in capsys.readouterr().err


def test_root_says_what_it_did_not_install_and_why(
    side: Side, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (side.folder / "incoming" / "ready").mkdir()
    data = b"kernel.panic = 1\n"
    order = {"path": "/etc/sysctl.d/zz-test.conf", "sha256": sha256(data).hexdigest()}
    head = json.dumps({**order, "expected": "-"}).encode()
    (side.folder / "incoming/ready/etc:sysctl.d:zz-test.conf").write_bytes(head + b"\n" + data)
    assert lvsctl.main(["pair", "install-received", "--folder", str(side.folder)]) == 1
    assert "is not installed: line 1" in capsys.readouterr().out
    assert lvsctl.main(["pair", "install-received", "--folder", str(side.folder)]) == 0


def test_pair_alone_says_what_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    assert lvsctl.main(["pair"]) == 2
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in pair.SUBCOMMANDS)
