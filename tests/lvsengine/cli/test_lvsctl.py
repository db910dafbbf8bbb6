"""lvsctl as an operator types it, against a real engine in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lvsengine.cli import lvsctl
from lvsengine.plain import from_plain
from lvsengine.snapshot import SCHEMA, Snapshot
from tests.journeys.director import LVS_CF, a_director, settle
from tests.journeys.virtual_time import run_virtually

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Run `lvsctl` words, one command after another, while an engine runs."""

    async def journey(commands: tuple[str, ...]) -> int:
        status = -1
        async with a_director(tmp_path) as director:
            await settle()
            for words in commands:
                argv = ["--socket", str(director.socket), *words.split()]
                status = await asyncio.to_thread(lvsctl.main, argv)
        return status

    def run(*commands: str) -> tuple[int, str, str]:
        status = run_virtually(journey(commands))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_status_shows_director_file_and_servers(typed: Typed) -> None:
    status, out, _ = typed("status")
    assert status == 0
    assert "director   primary, ACTIVE since" in out
    assert "address    192.0.2.100 on eth0:1: ours" in out
    assert "● one 10.9.9.21:80 up weight 1 0 active since" in out


def test_status_as_json_is_the_documented_schema(typed: Typed) -> None:
    _, out, _ = typed("status --json")
    snapshot = from_plain(Snapshot, json.loads(out))
    assert snapshot.schema == SCHEMA
    assert [virtual.name for virtual in snapshot.virtual_servers] == ["shop"]


def test_the_schema_is_told_without_an_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert lvsctl.main(["status", "--schema"]) == 0
    out = capsys.readouterr().out
    assert "    effective_weight: int or null" in out
    assert "As the table holds it; None when it is not in the table." in out


def test_the_table_looks_like_ipvsadms(typed: Typed) -> None:
    _, out, _ = typed("table")
    assert "TCP  192.0.2.100:80 wlc" in out
    assert "  -> 10.9.9.21:80                 Masq    1      0          0" in out


def test_drain_and_undrain(typed: Typed) -> None:
    status, out, _ = typed("drain shop/one", "status", "undrain shop/one", "status")
    assert status == 0
    assert "▲ one 10.9.9.21:80 up (drain) weight 1 now 0" in out
    assert "● one 10.9.9.21:80 up weight 1 0 active" in out


def test_forced_orders_show_in_shape_and_word(typed: Typed) -> None:
    _, out, _ = typed("force-down shop/one", "force-up shop/two", "status")
    assert "■ one 10.9.9.21:80 up (force-down) weight 1 now out" in out
    assert "● two 10.9.9.22:80 up (force-up)   weight 1" in out


def test_explain_shows_the_check_and_its_results(typed: Typed) -> None:
    status, out, _ = typed("explain shop/one")
    assert status == 0
    assert "shop/one at 10.9.9.21:80 is up: answered as expected" in out
    assert "check: send_expect tcp 10.9.9.21:80 every 6 s" in out
    assert " ok " in out


def test_a_real_server_that_nobody_knows_is_refused_with_what_to_do(typed: Typed) -> None:
    status, _, err = typed("explain shop/none")
    assert status == 1
    assert "no enabled real server is called shop/none" in err
    assert "lvsctl status lists them" in err


def test_plan_and_reload_of_an_unchanged_file_change_nothing(typed: Typed) -> None:
    status, out, _ = typed("plan", "reload")
    assert status == 0
    assert out.count("no change in the table") == 2


def test_plan_of_another_file_says_what_would_happen(typed: Typed, tmp_path: Path) -> None:
    other = tmp_path / "other.cf"
    other.write_text(LVS_CF.replace("10.9.9.22", "10.9.9.23"))
    _, out, _ = typed(f"plan {other}")
    assert "-a -t 192.0.2.100:80 -r 10.9.9.23:80 -m -w 1" in out
    assert "once its check succeeds" in out
    assert "-d -t 192.0.2.100:80 -r 10.9.9.22:80    # 0 live connections, to be cut" in out


def test_plan_of_an_unsound_file_lists_its_problems(typed: Typed, tmp_path: Path) -> None:
    other = tmp_path / "other.cf"
    other.write_text(LVS_CF.replace("weight = 1", "weight = heavy"))
    status, _, err = typed(f"plan {other}")
    assert status == 1
    assert err.count("integer expected") == 2


def test_processes_lists_parts_and_checks(typed: Typed) -> None:
    _, out, _ = typed("processes")
    assert "nanny shop/one" in out
    assert "memory plane" in out


def test_events_so_far_are_listed(typed: Typed) -> None:
    _, out, _ = typed("events")
    assert "shop/one: up: answered as expected" in out


@pytest.mark.parametrize("command", ["standby", "takeover --force", "history"])
def test_a_director_without_a_peer_says_so(typed: Typed, command: str) -> None:
    status, _, err = typed(command)
    assert status == 1
    assert "there is no peer: backup_active = 0" in err


def test_a_heartbeat_key_is_made_and_what_to_do_with_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "key"
    assert lvsctl.main(["heartbeat-key", "new", str(path)]) == 0
    assert f"heartbeat_key_file = {path}" in capsys.readouterr().out
    assert path.stat().st_mode & 0o777 == 0o600
    assert lvsctl.main(["heartbeat-key", "new", str(path)]) == 1
    assert "is there already" in capsys.readouterr().err


def test_without_an_engine_there_is_one_sentence_and_status_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lvsctl.main(["--socket", str(tmp_path / "none"), "status"]) == 3
    assert "pulse is not running" in capsys.readouterr().err


def test_check_says_sound_or_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lvs.cf"
    path.write_text(LVS_CF)
    assert lvsctl.main(["check", str(path)]) == 0
    assert "sound, revision" in capsys.readouterr().out
    path.write_text(LVS_CF.replace("192.0.2.100", "192.0.2.300"))
    assert lvsctl.main(["check", str(path)]) == 1
    assert f"{path}:10: error: " in capsys.readouterr().out


def test_check_tells_what_pulse_would_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lvs.cf"
    path.write_text("service = fos\n" + LVS_CF)
    assert lvsctl.main(["check", str(path)]) == 1
    assert "pulse refuses to run it" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["", "dance", "explain web", "drain /one", "status --loud"])
def test_wrong_words_are_status_2_with_usage(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        lvsctl.main(words.split())
    assert caught.value.code == 2
    assert "usage: lvsctl" in capsys.readouterr().err
