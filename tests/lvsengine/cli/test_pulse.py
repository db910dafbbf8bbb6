"""pulse from its command line, on the memory plane, stopped by a real signal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lvsengine.cli import pulse
from lvsengine.control import client, messages
from lvsengine.errors import EngineError
from lvsengine.privileges import name_of
from lvsengine.snapshot import Snapshot
from tests.journeys.director import LVS_CF

DEADLINE_S = 20.0
# Nobody listens at these addresses of the loopback network, so checks end at once.
TEXT = LVS_CF.replace("10.9.9.2", "127.9.9.2").replace(
    "primary = 192.0.2.11", "primary = 127.0.0.1"
)


@contextmanager
def when_it_answers(socket: Path, *signals: int) -> Iterator[list[Snapshot]]:
    """While pulse runs in this thread, another one waits for it and then sends the signals."""
    seen: list[Snapshot] = []
    over = threading.Event()

    def watch() -> None:
        for _ in range(int(DEADLINE_S / 0.05)):
            if over.wait(0.05):
                return
            try:
                seen.append(client.ask(socket, messages.Status(), Snapshot))
            except EngineError:
                continue
            break
        for number in signals:
            os.kill(os.getpid(), number)
            over.wait(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def words(folder: Path, *more: str) -> list[str]:
    (folder / "lvs.cf").write_text(TEXT)
    paths = ["-c", f"{folder}/lvs.cf", "--socket", f"{folder}/s", "--state", f"{folder}/state"]
    # Nobody else: this is pytest's own process.
    return [*paths, "--plane", "memory", "--user", name_of(os.geteuid()), *more]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    mask = os.umask(0o022)
    yield
    os.umask(mask)


def test_pulse_runs_until_it_is_told_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with when_it_answers(tmp_path / "s", signal.SIGHUP, signal.SIGTERM) as seen:
        assert pulse.main(words(tmp_path)) == 0
    assert seen[0].state == "active"
    log = capsys.readouterr().err
    for line in (
        "STARTING PULSE AS MASTER",
        "starting virtual service shop active: 80",
        "rereading configuration file",
        "Terminating due to signal 15",
    ):
        assert line in log
    assert not (tmp_path / "s").exists()


def test_a_file_that_cannot_be_run_is_refused_with_every_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = words(tmp_path)
    (tmp_path / "lvs.cf").write_text(TEXT.replace("weight = 1", "weight = heavy"))
    assert pulse.main(argv) == 1
    assert capsys.readouterr().err.count("integer expected") >= 2


def test_a_backup_without_a_pair_says_so_and_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = words(tmp_path)
    (tmp_path / "lvs.cf").write_text(TEXT.replace("primary = 127.0.0.1", "primary = 192.0.2.77"))
    assert pulse.main(argv) == 1
    log = capsys.readouterr().err
    assert "We are backup node and backup is marked inactive -- exiting pulse" in log
    assert "--forceactive" in log


def test_it_can_be_forced_active(tmp_path: Path) -> None:
    argv = words(tmp_path, "--forceactive")
    text = TEXT.replace("primary = 127.0.0.1", "primary = 192.0.2.77\nbackup_active = 1")
    (tmp_path / "lvs.cf").write_text(text)
    with when_it_answers(tmp_path / "s", signal.SIGINT) as seen:
        assert pulse.main(argv) == 0
    assert (seen[0].role, seen[0].state, seen[0].reason) == (
        "backup",
        "active",
        "started with --forceactive",
    )


def test_test_start_judges_the_file_and_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pulse.main([*words(tmp_path), "-t"]) == 0
    assert "sound" in capsys.readouterr().out
    assert not (tmp_path / "state").exists()


def test_a_missing_file_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = words(tmp_path)
    (tmp_path / "lvs.cf").unlink()
    assert pulse.main(argv) == 1
    assert f"pulse: there is no file {tmp_path}/lvs.cf" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["-?", "--help", "--usage"])
def test_help_teaches_by_example(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        pulse.main([word])
    assert caught.value.code == 0
    assert "pulse -t -c lvs.cf" in capsys.readouterr().out


def test_release_lets_go_of_nothing_where_nothing_was_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pulse.main([*words(tmp_path), "--release"]) == 0
    assert capsys.readouterr().out == ""


def test_words_of_the_original_are_accepted(tmp_path: Path) -> None:
    argv = words(tmp_path, "--test-start", "--nodaemon", "--lvsd=/usr/sbin/lvsd", "--verbose")
    argv[0] = "--configfile"
    assert pulse.main(argv) == 0
