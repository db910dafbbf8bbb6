"""lvs.cf goes to a peer behind a real sshd, and nothing of the peer's own is lost."""

from __future__ import annotations

import logging
import subprocess
import threading
from pathlib import Path

import pytest

from lvsengine.cli import lvsctl
from lvsengine.errors import EngineError
from lvsengine.lvscf import store
from lvsengine.sync.values import Revisions, Standing
from tests.sync.directors import USER, Director

Pair = tuple[Director, Director]


def test_an_edit_goes_to_the_peer_which_reloads_and_says_what_it_runs(pair: Pair) -> None:
    primary, backup = pair
    mode = backup.config.stat().st_mode
    text = primary.edit(weight=5)
    state = primary.syncer().copy()
    assert (state.standing, state.trouble) == (Standing.IN_STEP, None)
    assert backup.text == text
    assert state.record.runs == primary.revision
    assert backup.config.stat().st_mode == mode
    assert [type(request).__name__ for request in backup.engine.asked] == ["Status", "Reload"]


def test_the_backup_copies_to_the_primary_as_well(pair: Pair) -> None:
    primary, backup = pair
    text = backup.edit(weight=7)
    with primary.sshd(backup.port):
        assert backup.syncer().copy().standing is Standing.IN_STEP
    assert primary.text == text
    assert primary.syncer().state().standing is Standing.IN_STEP
    assert primary.syncer().recorder.base() == text.encode()


def test_in_step_nothing_is_sent_again(pair: Pair) -> None:
    primary, backup = pair
    primary.edit(weight=5)
    since = primary.syncer().copy().record.since
    backup.running = primary.revision
    backup.engine.asked.clear()
    state = primary.syncer().copy()
    assert (state.standing, state.record.since) == (Standing.IN_STEP, since)
    assert [type(request).__name__ for request in backup.engine.asked] == ["Status"]


def test_a_peer_without_an_engine_has_the_file_and_the_state_warns(pair: Pair) -> None:
    primary, backup = pair
    backup.socket.rename(backup.home / "gone")
    try:
        text = primary.edit(weight=5)
        state = primary.syncer().copy()
    finally:
        (backup.home / "gone").rename(backup.socket)
    assert state.standing is Standing.IN_STEP
    assert backup.text == text
    assert state.record.warning is not None
    assert "pulse is not running" in state.record.warning.sentence


def test_what_was_edited_at_the_peer_is_never_overwritten(pair: Pair) -> None:
    primary, backup = pair
    theirs = backup.edit(weight=9)
    ours = primary.edit(weight=5)
    state = primary.syncer().copy()
    assert state.standing is Standing.STOPPED
    assert state.record.revisions == Revisions(primary.revision, backup.revision)
    assert backup.revision in str(state.trouble)
    assert (primary.text, backup.text) == (ours, theirs)


def test_one_of_our_own_earlier_revisions_may_be_overwritten(pair: Pair) -> None:
    primary, backup = pair
    (primary.folder / "base.lvs.cf").unlink()
    primary.edit(weight=5)
    text = primary.edit(weight=6)
    assert primary.syncer().copy().standing is Standing.IN_STEP
    assert backup.text == text


def test_when_both_edit_at_once_both_stop_and_neither_loses_anything(pair: Pair) -> None:
    primary, backup = pair
    ours, theirs = primary.edit(weight=5), backup.edit(weight=9)
    with primary.sshd(backup.port):
        threads = [threading.Thread(target=one.syncer().copy, name=one.address) for one in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert [one.syncer().state().standing for one in pair] == [Standing.STOPPED] * 2
    assert (primary.text, backup.text) == (ours, theirs)


def test_compare_lays_three_files_beside_one_another(pair: Pair) -> None:
    primary, backup = pair
    base = primary.text
    ours, theirs = primary.edit(weight=5), backup.edit(weight=9)
    three = primary.syncer().compare()
    assert (three.base, three.ours, three.theirs) == (base, ours, theirs)
    (changed,) = [chunk for chunk in three.chunks if chunk.ours != chunk.theirs]
    assert changed.place == "virtual web server one"


def test_take_ours_replaces_the_peers_edit_which_stays_as_its_revision(pair: Pair) -> None:
    primary, backup = pair
    ours, theirs = primary.edit(weight=5), backup.edit(weight=9)
    edited = backup.revision
    state = primary.syncer().copy()
    assert primary.syncer().take_ours(state.record.revisions).standing is Standing.IN_STEP
    assert (primary.text, backup.text) == (ours, ours)
    assert store.revision_text(backup.config, edited) == theirs


def test_take_theirs_replaces_ours_which_stays_as_a_revision(pair: Pair) -> None:
    primary, backup = pair
    ours, theirs = primary.edit(weight=5), backup.edit(weight=9)
    edited = primary.revision
    state = primary.syncer().copy()
    assert primary.syncer().take_theirs(state.record.revisions).standing is Standing.IN_STEP
    assert (primary.text, backup.text) == (theirs, theirs)
    assert store.revision_text(primary.config, edited) == ours


@pytest.mark.parametrize("choice", ["take_ours", "take_theirs"])
def test_a_choice_holds_only_for_what_was_shown(pair: Pair, choice: str) -> None:
    primary, backup = pair
    primary.edit(weight=5)
    backup.edit(weight=9)
    seen = primary.syncer().copy().record.revisions
    later = backup.edit(weight=10)
    with pytest.raises(EngineError) as caught:
        getattr(primary.syncer(), choice)(seen)
    assert caught.value.code == "changed-meanwhile"
    assert backup.text == later


def test_an_unknown_host_key_is_refused_until_a_person_accepts_it(pair: Pair) -> None:
    primary, backup = pair
    (primary.folder / "known_hosts").unlink()
    old = backup.text
    text = primary.edit(weight=5)
    syncer = primary.syncer()
    state = syncer.copy()
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(backup.home / "host.pub")], capture_output=True, text=True
    ).stdout.split()[1]
    assert (state.standing, state.fingerprint) == (Standing.HOST_KEY, shown)
    assert (state.record.pinned, backup.text) == ("", old)
    with pytest.raises(EngineError, match="not SHA256:other"):
        syncer.accept_host_key("SHA256:other")
    assert syncer.accept_host_key(shown).standing is Standing.DUE
    assert syncer.copy().standing is Standing.IN_STEP
    assert backup.text == text


def test_a_changed_host_key_is_refused_and_both_fingerprints_are_shown(pair: Pair) -> None:
    primary, backup = pair
    pinned = (primary.folder / "known_hosts").read_text()
    kind, blob = (backup.home / "other-host.pub").read_text().split()[:2]
    (primary.folder / "known_hosts").write_text(f"peer {kind} {blob}\n")
    old = backup.text
    primary.edit(weight=5)
    state = primary.syncer().copy()
    assert state.standing is Standing.HOST_KEY
    assert state.trouble is not None
    assert state.trouble.code == "host-key-changed"
    assert state.fingerprint in state.trouble.sentence
    assert state.record.pinned in state.trouble.sentence
    assert backup.text == old
    assert (primary.folder / "known_hosts").read_text() != pinned


def test_a_key_that_the_peer_does_not_know_is_said_and_tried_again(pair: Pair) -> None:
    primary, backup = pair
    line = (backup.home / "authorized_keys").read_text()
    other = (backup.home / "other-host.pub").read_text()
    mine = (primary.folder / "id_ed25519.pub").read_text()
    (backup.home / "authorized_keys").write_text(line.replace(mine, other))
    old = backup.text
    text = primary.edit(weight=5)
    state = primary.syncer().copy()
    assert state.standing is Standing.WAITING
    assert state.trouble is not None
    assert (state.trouble.code, backup.text) == ("wrong-key", old)
    (backup.home / "authorized_keys").write_text(line)
    assert primary.syncer().copy().standing is Standing.IN_STEP
    assert backup.text == text


def test_before_the_directors_have_met_the_state_says_what_to_run(pair: Pair) -> None:
    primary, _ = pair
    (primary.folder / "id_ed25519").unlink()
    state = primary.syncer().copy()
    assert state.standing is Standing.NOT_PAIRED
    assert "lvsctl pair invite" in str(state.trouble)


def test_no_secret_and_no_flood_reaches_the_log(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    primary, backup = pair
    secret = (primary.folder / "id_ed25519").read_text().splitlines()[1]
    (primary.folder / "known_hosts").unlink()
    with caplog.at_level(logging.DEBUG):
        primary.edit(weight=5)
        primary.syncer().copy()
        primary.trust(backup)
        primary.syncer().copy()
    assert [record for record in caplog.records if record.name.startswith("paramiko")] == []
    for kept in (caplog.text, (primary.folder / "sync.json").read_text()):
        assert secret not in kept


def test_the_sync_key_opens_no_shell_and_reads_no_other_file(pair: Pair, tmp_path: Path) -> None:
    primary, backup = pair
    ssh = [
        *("-i", str(primary.folder / "id_ed25519"), "-o", f"HostKeyAlias={'peer'}"),
        *("-o", f"UserKnownHostsFile={primary.folder / 'known_hosts'}", "-o", "BatchMode=yes"),
        *("-o", "IdentitiesOnly=yes"),
    ]
    where = f"{USER}@{backup.address}"
    for words in (["id"], ["install lvs.cf; id"], ["/bin/sh", "-c", "id"], []):
        told = subprocess.run(
            ["ssh", *ssh, "-p", str(backup.port), where, *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert told.returncode == 1
        assert "not-allowed" in told.stdout
        assert "uid=" not in told.stdout
    for name in ("/etc/passwd", "/incoming/../id_ed25519", str(backup.folder / "id_ed25519")):
        told = subprocess.run(
            ["sftp", *ssh, "-P", str(backup.port), f"{where}:{name}", str(tmp_path / "got")],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert told.returncode != 0
        assert not (tmp_path / "got").exists()


def test_lvsctl_sync_copies_and_says_so(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    primary, backup = pair
    places = ["--config", str(primary.config), "--folder", str(primary.folder), "--user", USER]
    before = primary.revision
    text = primary.edit(weight=5)
    assert lvsctl.main(["sync", "--dry-run", *places]) == 0
    assert (
        f"lvs.cf is copied: the peer has revision {before}, it gets {primary.revision}"
        in capsys.readouterr().out
    )
    assert backup.text != text
    assert lvsctl.main(["sync", *places]) == 0
    told = capsys.readouterr().out
    assert told.startswith("sync       in step with the backup (127.0.0.2) since ")
    assert f"which runs revision {primary.revision}" in told
    assert backup.text == text


def test_lvsctl_sync_shows_what_both_changed_and_takes_what_it_is_told(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    primary, backup = pair
    places = ["--config", str(primary.config), "--folder", str(primary.folder), "--user", USER]
    ours, theirs = primary.edit(weight=5), backup.edit(weight=9)
    assert lvsctl.main(["sync", *places]) == 1
    told = capsys.readouterr().out
    assert "STOPPED since" in told
    assert "virtual web server one, line 14: changed on both, differently" in told
    assert "  <          weight = 5\n  >          weight = 9" in told
    assert (primary.text, backup.text) == (ours, theirs)
    assert lvsctl.main(["sync", "--take-theirs", *places]) == 0
    assert (primary.text, backup.text) == (theirs, theirs)
    primary.edit(weight=6)
    backup.edit(weight=10)
    assert lvsctl.main(["sync", "--take-ours", *places]) == 0
    assert backup.text == primary.text
