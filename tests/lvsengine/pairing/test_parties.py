"""What each director finds on its disk, and takes or refuses."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.heartbeat import keys
from lvsengine.lvscf import store
from lvsengine.pairing import primary as primary_room
from lvsengine.pairing.backup import Backup
from lvsengine.pairing.own import Home
from lvsengine.pairing.primary import Primary
from lvsengine.sync.record import Recorder
from tests.lvsengine.pairing.directors import (
    BACKUP,
    LVS_CF,
    PRIMARY,
    Ended,
    Snapshot,
    a_home,
    a_pair,
    meet,
    snapshot,
)

Pair = tuple[Home, Home]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return a_pair(tmp_path)


def refused(pair: Pair) -> tuple[str, str]:
    """Meet in vain, with nothing changed anywhere; give the code and sentence at the cause."""
    before = [snapshot(home) for home in pair]
    ended = meet(*pair)
    assert [snapshot(home) for home in pair] == before
    errors = [error for error in (ended.primary, ended.backup) if isinstance(error, EngineError)]
    cause = next(error for error in errors if error.code != "peer-failed")
    assert any(
        error.code == "peer-failed" and cause.sentence in error.sentence for error in errors
    )
    return cause.code, cause.sentence


def changed(home: Home, old: str, new: str) -> None:
    home.paths.lvs_cf.write_text(home.paths.lvs_cf.read_text().replace(old, new))


def lvs_cf_of(home: Home, text: str) -> None:
    home.paths.lvs_cf.parent.mkdir(parents=True, exist_ok=True)
    home.paths.lvs_cf.write_text(text)


def test_a_pair_may_meet_again_and_keeps_its_keys(pair: Pair) -> None:
    assert meet(*pair) == Ended()
    before = [snapshot(home) for home in pair]
    assert meet(*pair) == Ended()
    assert [snapshot(home) for home in pair] == before


def test_a_replaced_backup_takes_the_place_of_the_old_one(pair: Pair, tmp_path: Path) -> None:
    primary, old = pair
    assert meet(primary, old) == Ended()
    new = a_home(tmp_path / "c", 30)
    assert meet(primary, new) == Ended()
    public = new.paths.sync_public_key.read_text().split()[1]
    assert public in primary.paths.authorized_keys.read_text()
    assert primary.paths.authorized_keys.read_text().count("ssh-ed25519") == 1
    assert primary.paths.known_hosts.read_text().count("peer ") == 1


def test_a_heartbeat_key_in_use_goes_to_the_backup_as_it_is(pair: Pair) -> None:
    primary, backup = pair
    path = primary.paths.at("/etc/piranha/heartbeat.key")
    path.parent.mkdir(parents=True)
    keys.create(path)
    path.write_text(f"# since May\n{path.read_text()}2 {'ab' * 32}\n")
    text = path.read_text()
    assert meet(*pair) == Ended()
    assert path.read_text() == text
    assert backup.paths.at("/etc/piranha/heartbeat.key").read_text() == text


def test_the_key_lies_where_lvs_cf_says(pair: Pair) -> None:
    changed(pair[0], "network", "heartbeat_key_file = /etc/sysconfig/ha/key\nnetwork")
    assert meet(*pair) == Ended()
    for home in pair:
        assert len(keys.load(home.paths.at("/etc/sysconfig/ha/key"))) == 1
        assert not home.paths.at("/etc/piranha/heartbeat.key").exists()


def test_no_file_that_is_no_key_is_replaced_by_one(pair: Pair) -> None:
    primary, backup = pair
    changed(primary, "network", "heartbeat_key_file = /etc/passwd\nnetwork")
    backup.paths.at("/etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    code, sentence = refused(pair)
    assert code == "bad-key-file"
    assert "/etc/passwd" in sentence
    assert "root:x" not in sentence


def test_a_key_in_a_folder_that_is_missing_is_refused(pair: Pair) -> None:
    changed(pair[0], "network", "heartbeat_key_file = /no/where/key\nnetwork")
    assert "/no/where/key cannot be written: No such file" in refused(pair)[1]


def test_an_lvs_cf_of_the_backups_own_is_replaced_only_when_told(pair: Pair) -> None:
    primary, backup = pair
    lvs_cf_of(backup, "serial_no = 99\nprimary = 192.0.2.77\n")
    own = store.current_revision(backup.paths.lvs_cf)
    code, sentence = refused(pair)
    assert code == "own-lvs-cf"
    assert own in sentence
    assert meet(*pair, replace=True) == Ended()
    assert backup.paths.lvs_cf.read_text() == primary.paths.lvs_cf.read_text()
    assert own in [kept.revision for kept in store.revisions(backup.paths.lvs_cf)]


def test_an_lvs_cf_that_the_primary_once_had_is_replaced_unasked(pair: Pair) -> None:
    primary, backup = pair
    lvs_cf_of(backup, LVS_CF)
    text = LVS_CF.replace("weight = 1", "weight = 2")
    store.save(primary.paths.lvs_cf, text, store.current_revision(primary.paths.lvs_cf))
    assert meet(*pair) == Ended()
    assert "weight = 2" in backup.paths.lvs_cf.read_text()


def test_an_lvs_cf_that_cannot_be_read_is_not_replaced(pair: Pair) -> None:
    pair[1].paths.lvs_cf.parent.mkdir(parents=True)
    pair[1].paths.lvs_cf.mkdir()
    assert refused(pair)[0] == "not-a-file"


def test_an_lvs_cf_that_is_not_sound_is_not_given(pair: Pair) -> None:
    changed(pair[0], "weight = 1", "weight = heavy")
    code, sentence = refused(pair)
    assert code == "not-sound"
    assert "lvs.cf:14: " in sentence


def test_an_lvs_cf_of_many_pieces_arrives_whole(pair: Pair) -> None:
    primary, backup = pair
    lvs_cf_of(
        primary,
        LVS_CF + "# \udcff\u00e9\n".encode("utf-8", "surrogateescape").decode("latin-1") * 30000,
    )
    assert meet(*pair) == Ended()
    assert backup.paths.lvs_cf.read_bytes() == primary.paths.lvs_cf.read_bytes()
    assert backup.paths.lvs_cf.stat().st_size > 150_000


def test_a_backup_that_lvs_cf_does_not_name_is_refused(pair: Pair) -> None:
    changed(pair[0], "network", "backup = 192.0.2.99\nnetwork")
    code, sentence = refused(pair)
    assert code == "not-the-backup"
    assert "backup = 192.0.2.99" in sentence


def test_a_machine_cannot_meet_itself(pair: Pair) -> None:
    primary, _ = pair
    assert refused((primary, Home(primary.paths, primary.fresh)))[0] == "same-machine"


def test_only_the_primary_invites(pair: Pair) -> None:
    changed(pair[0], "127.0.0.1", "192.0.2.1")
    with pytest.raises(EngineError, match="this is not the primary") as caught:
        primary_room.check(pair[0])
    assert caught.value.code == "not-the-primary"


def test_an_inviting_director_needs_its_lvs_cf_and_its_keys(tmp_path: Path) -> None:
    home = a_home(tmp_path, 1)
    with pytest.raises(EngineError, match="there is no file"):
        primary_room.check(home)
    lvs_cf_of(home, LVS_CF)
    assert primary_room.check(home).primary == PRIMARY
    (home.paths.host_keys / "ssh_host_ed25519_key.pub").unlink()
    with pytest.raises(EngineError, match="no host key"):
        primary_room.check(home)


def test_a_change_made_meanwhile_is_not_overwritten(pair: Pair) -> None:
    party = Primary(pair[0], PRIMARY, BACKUP)
    party.judge(Backup(pair[1], lambda _: True, replace=False).offer())
    lvs_cf_of(pair[0], LVS_CF + "# by hand\n")
    with pytest.raises(EngineError, match="is at revision") as caught:
        party.write()
    party.close()
    assert caught.value.code == "changed-meanwhile"
    assert pair[0].paths.lvs_cf.read_text().endswith("# by hand\n")
    assert not pair[0].paths.authorized_keys.exists()


def test_both_remember_what_both_had_once_it_is_confirmed(pair: Pair) -> None:
    primary, backup = (
        Primary(pair[0], PRIMARY, BACKUP),
        Backup(pair[1], lambda _: True, replace=False),
    )
    primary.judge(backup.offer())
    backup.judge(primary.offer())
    for party, home in ((primary, pair[0]), (backup, pair[1])):
        party.write()
        party.confirmed()
        party.close()
        assert home.paths.base.read_bytes() == home.paths.lvs_cf.read_bytes()
        assert Recorder(home.paths.base.parent).mark(), "a sync that waits tries at once"


@pytest.mark.parametrize(
    "act",
    [
        lambda home: Primary(home, PRIMARY, BACKUP).write(),
        lambda home: Primary(home, PRIMARY, BACKUP).offer(),
        lambda home: Primary(home, PRIMARY, BACKUP).identities,
        lambda home: Backup(home, lambda _: True, replace=False).write(),
        lambda home: Backup(home, lambda _: True, replace=False).identities,
    ],
)
def test_nothing_is_told_or_written_unjudged(pair: Pair, act: Callable[[Home], object]) -> None:
    with pytest.raises(ValueError, match="nothing was judged"):
        act(pair[0])


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("survives", range(14))
def test_whoever_is_killed_between_two_files_both_commands_again_mend_it(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survives: int
) -> None:
    whole = a_pair(tmp_path / "whole")
    assert meet(*whole) == Ended()
    renamed = 0
    rename = os.rename

    def dying(source: Path, target: Path) -> None:
        nonlocal renamed
        renamed += 1
        if renamed > survives:
            raise Killed
        rename(source, target)

    primary = Primary(pair[0], PRIMARY, BACKUP)
    backup = Backup(pair[1], lambda _: True, replace=False)
    primary.judge(backup.offer())
    backup.judge(primary.offer())
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", dying)
        with contextlib.suppress(Killed):
            primary.write()
            backup.write()
    if "heartbeat_key_file" in pair[0].paths.lvs_cf.read_text():
        assert keys.load(pair[0].paths.at("/etc/piranha/heartbeat.key")), "lvs.cf names no key yet"
    assert meet(*pair) == Ended()
    for mended, right in zip(pair, whole, strict=True):
        assert without_revisions(snapshot(mended)) == without_revisions(snapshot(right))


def without_revisions(files: Snapshot) -> Snapshot:
    """Leave out what a save keeps beside, which counts how often was saved."""
    return {name: file for name, file in files.items() if ".revisions" not in name}


def test_a_warning_is_not_taken_for_the_reason(pair: Pair) -> None:
    changed(pair[0], "network = direct", "backup = 127.0.0.3\nnetwork = sideways")
    assert "sideways" in refused(pair)[1]
