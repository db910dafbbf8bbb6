"""lvs.cf and the state folder under attack, the director running or about to."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attacks.victim import Victim
from tests.kernel.lab.waiting import wait_until
from tests.ports import free_port

SECRET = "root:$6$secret-of-somebody:20000:0"  # noqa: S105 - nobody's


def a_link_to_a_secret(path: Path) -> None:
    """Nobody is meant to read it, not even its owner: root, who may, must not tell the others."""
    secret = path.with_name("secret")
    secret.write_text(SECRET)
    secret.chmod(0o000)
    path.symlink_to(secret)


def four_gigabytes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(4 << 30)


SPOILT: dict[str, Callable[[Path], object]] = {
    "link to a secret": a_link_to_a_secret,
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "FIFO": os.mkfifo,
    "folder": Path.mkdir,
    "4 GB": four_gigabytes,
    "ten million lines": lambda path: path.write_bytes(b"\n" * 10_000_000),
    "garbage": lambda path: path.write_bytes(bytes(range(1, 256)) * 400),
    "NUL bytes": lambda path: path.write_bytes(b"serial_no = 1\n\0\n"),
    "empty": Path.touch,
    "UTF-16": lambda path: path.write_text("serial_no = 1\n", encoding="utf-16"),
    "one long line": lambda path: path.write_bytes(b"x" * 5_000_000),
}


@pytest.mark.parametrize("what", SPOILT)
def test_whatever_becomes_of_lvs_cf_the_old_one_runs_on_and_the_file_is_named(
    shared_victim: Victim, what: str
) -> None:
    victim, sound = shared_victim, shared_victim.text()
    revision = victim.status().revision
    victim.lvs_cf.unlink()
    SPOILT[what](victim.lvs_cf)
    try:
        done = victim.lvsctl("reload")
        assert done.returncode == 1
        assert str(victim.lvs_cf) in done.stderr
        assert "Traceback" not in done.stderr + victim.log
        assert SECRET[:8] not in done.stderr + done.stdout + victim.log
        assert len(done.stderr) < 1_000_000
        assert victim.status().revision == revision
        assert victim.forwards()
    finally:
        shutil.rmtree(victim.lvs_cf) if victim.lvs_cf.is_dir() else victim.lvs_cf.unlink()
        victim.lvs_cf.write_text(sound)
    assert victim.lvsctl("reload").returncode == 0


def test_a_link_to_ones_own_file_goes_on_working(victim: Victim) -> None:
    elsewhere = victim.folder / "elsewhere.cf"
    victim.lvs_cf.rename(elsewhere)
    victim.lvs_cf.symlink_to(elsewhere)
    victim.start()
    assert victim.forwards()


STATES: dict[str, Callable[[Path], object]] = {
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "FIFO": os.mkfifo,
    "folder": Path.mkdir,
    "garbage": lambda path: path.write_bytes(os.urandom(1000)),
    "100 MB": lambda path: path.write_bytes(b"[" * 100_000_000),
    "of another version": lambda path: path.write_text(
        '{"overrides": [{"of": "version 9"}], "changes": [{"of": "version 9"}]}'
    ),
}


@pytest.mark.parametrize("what", STATES)
def test_whatever_lies_in_the_state_folder_the_director_starts_and_says_what_it_forgot(
    victim: Victim, what: str
) -> None:
    victim.state.mkdir()
    for name in ("engine.json", "history.json"):
        STATES[what](victim.state / name)
    victim.start()
    assert victim.forwards()
    warnings = " ".join(victim.status().warnings)
    assert f"{victim.state}/engine.json cannot be read" in warnings
    assert f"{victim.state}/history.json cannot be read" in victim.log
    for name in ("engine.json", "history.json"):
        assert os.path.lexists(victim.state / f"{name}.broken")
    assert (victim.state / "engine.json").is_file()
    assert "Traceback" not in victim.log


@pytest.mark.parametrize("name", ["engine.lock", ".engine.json.new", "engine.json"])
def test_a_link_in_the_state_folder_has_no_other_file_written(victim: Victim, name: str) -> None:
    precious = victim.folder / "precious"
    precious.write_text("precious")
    victim.state.mkdir()
    (victim.state / name).symlink_to(precious)
    victim.launch()
    wait_until(lambda: not victim.runs or victim.serves(), "it serves, or has refused to", 20)
    victim.end()
    assert precious.read_text() == "precious"


def test_a_state_folder_that_everybody_may_write_is_refused(victim: Victim) -> None:
    victim.state.mkdir()
    victim.state.chmod(0o777)
    victim.launch()
    wait_until(lambda: not victim.runs, "it refuses to start", 20)
    assert victim.end() == 1
    assert str(victim.state) in victim.log
    assert "chmod o-w" in victim.log


def test_a_state_folder_that_is_taken_away_stops_nothing(victim: Victim) -> None:
    victim.start()
    shutil.rmtree(victim.state)
    port = free_port()
    victim.lvs_cf.write_text(victim.text(port))
    assert victim.lvsctl("reload").returncode == 0
    wait_until(lambda: victim.forwards(port), "the new virtual server is served")
    assert victim.forwards()
    assert (victim.state / "engine.json").is_file()
    assert victim.end(signal.SIGTERM) == 0
