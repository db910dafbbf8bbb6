from __future__ import annotations

import os
import pwd
from dataclasses import replace
from pathlib import Path

import pytest

from lvsengine.cli import display, lvsctl, sync
from lvsengine.errors import EngineError
from lvsengine.sync import plan
from lvsengine.sync.threeway import chunks
from lvsengine.sync.values import FileState, Record, Revisions, Standing, State, Trouble
from tests.lvsengine.sync.peers import Side, text
from tests.piranha.fake_engine import a_snapshot

A, B = "a" * 12, "b" * 12
NOW = 1_780_000_000.0
CUT = Trouble("cut", "the connection was cut", "it is tried again")
IN_STEP = replace(plan.in_step(Record(), A, NOW - 60, runs=A), peer="192.0.2.12")


def told(record: Record, *, automatic: bool = True) -> list[str]:
    return list(sync.lines(State(automatic, "backup", record, NOW)))


def test_in_step_says_since_when_with_whom_and_what_runs_there() -> None:
    since = display.moment(NOW - 60, NOW)
    line = (
        f"sync       in step with the backup (192.0.2.12) since {since}, which runs revision {A}"
    )
    assert told(IN_STEP) == [line]
    assert told(IN_STEP, automatic=False) == [f"{line} (by hand only: sync = 0)"]
    warned = replace(IN_STEP, warning=Trouble("not-running", "pulse is not running"))
    assert told(warned)[1] == (
        "warning    copied, but the peer did not run it then: pulse is not running"
    )


def test_a_peer_that_is_heard_to_run_our_revision_takes_the_warning_back() -> None:
    record = replace(IN_STEP, runs="", warning=Trouble("not-running", "pulse is not running"))
    state = State(True, "backup", record, NOW)
    assert state.heard("") is state
    assert state.heard(B) is state
    (line,) = sync.lines(state.heard(A))
    assert line.endswith(f"which runs revision {A}")


def test_waiting_says_why_and_when_it_is_tried_again() -> None:
    record = plan.waiting(plan.waiting(IN_STEP, CUT, NOW - 10), CUT, NOW - 4)
    (line,) = told(record)
    since = display.moment(NOW - 10, NOW)
    assert line == (
        f"sync       WAITING since {since}: the connection was cut; tried 2 times, again in 6 s"
    )
    assert "again in" not in told(record, automatic=False)[0]


def test_every_other_standing_has_its_line() -> None:
    stopped = plan.stopped(IN_STEP, Revisions(A, B), Trouble("own-edits", "edited there"), NOW)
    assert told(stopped)[0].startswith("sync       STOPPED since ")
    assert "to be copied to the backup" in told(replace(IN_STEP, standing=Standing.DUE))[0]
    assert "copying to the backup" in told(replace(IN_STEP, standing=Standing.COPYING))[0]
    assert told(Record(Standing.ALONE)) == []
    assert told(Record(Standing.NOT_PAIRED)) == ["sync       NOT PAIRED: not tried yet"]


def test_files_beside_lvs_cf_have_lines_of_their_own() -> None:
    good = FileState("/etc/sysctl.conf", A, A, 1.0, "sysctl -p /etc/sysctl.conf")
    bad = FileState("/etc/nftables.conf", trouble=CUT)
    assert told(replace(IN_STEP, files=(good, bad)))[1:] == [
        f"sync       /etc/sysctl.conf is in step, revision {A}",
        "sync       NOT COPIED /etc/nftables.conf: the connection was cut",
    ]


def test_the_difference_shows_the_three_sides_of_what_differs() -> None:
    base, ours, theirs = "a = 1\nb = 1\nc = 1\n", "a = 2\nb = 1\nc = 1\n", "a = 1\nb = 1\nc = 3\n"
    assert list(sync.difference(chunks(base, ours, theirs))) == [
        "global, line 1: changed here",
        "  - a = 1",
        "  < a = 2",
        "  > a = 1",
        "global, line 3: changed at the peer",
        "  - c = 1",
        "  < c = 1",
        "  > c = 3",
    ]


def test_lvsctl_status_says_it_after_lvs_cf(tmp_path: Path) -> None:
    side = Side(tmp_path, "192.0.2.11")
    side.write(text(1).replace("192.0.2.11", "127.0.0.1"))
    lines = list(display.status(a_snapshot(), sync.status_lines(side.config, side.folder, "")))
    at = next(index for index, line in enumerate(lines) if line.startswith("lvs.cf"))
    assert lines[at + 1] == f"sync       revision {side.revision} is to be copied to the backup"


def test_root_reads_what_only_root_may_then_becomes_the_folders_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    side = Side(tmp_path, "192.0.2.11")
    side.write(text(1, "sync_sysctl_file = /etc/sysctl.d/none-such.conf"))
    became: list[object] = []
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: nobody)
    for name in ("initgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda *what, name=name: became.append((name, *what)))
    monkeypatch.setattr(sync, "_owner", lambda _: nobody.pw_uid)
    places = ["--config", str(side.config), "--folder", str(side.folder)]
    assert lvsctl.main(["sync", *places]) == 1
    assert became == [
        ("initgroups", "nobody", nobody.pw_gid),
        ("setgid", nobody.pw_gid),
        ("setuid", nobody.pw_uid),
    ]
    assert "neither primary = 192.0.2.11" in capsys.readouterr().out


def test_without_its_folder_sync_says_how_to_pair(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="lvsctl pair invite"):
        sync._owner(tmp_path / "none")
