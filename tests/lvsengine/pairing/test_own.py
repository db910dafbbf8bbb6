from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.heartbeat import keys
from lvsengine.pairing import own, public_keys
from lvsengine.pairing.files import Batch
from lvsengine.pairing.own import Fresh, Home
from lvsengine.pairing.paths import Paths
from tests.lvsengine.pairing.directors import a_home, public_line


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return a_home(tmp_path, 1)


def written(home: Home) -> own.Own:
    found = own.gather(home.paths, home.fresh)
    batch = Batch(home.paths, found.files, home.ids)
    batch.put(*(one.path for one in found.files))
    return found


def test_a_new_sync_key_is_one_that_ssh_takes(home: Home) -> None:
    found = written(home)
    public = subprocess.run(
        ["ssh-keygen", "-yf", home.paths.sync_key], check=True, capture_output=True, text=True
    )
    assert public_keys.parse(public.stdout) == found.identity.sync_key
    assert public_keys.parse(home.paths.sync_public_key.read_text()) == found.identity.sync_key
    assert [(one.owner, one.mode) for one in found.files] == [
        ("piranha", 0o600),
        ("piranha", 0o644),
    ]


def test_a_sync_key_that_is_there_is_kept(home: Home) -> None:
    first = written(home)
    data = home.paths.sync_key.read_bytes()
    again = own.gather(home.paths, Fresh())
    assert again.identity == first.identity
    assert again.files[0].data == data


def test_no_two_runs_make_the_same_keys() -> None:
    assert Fresh().sync_seed != Fresh().sync_seed
    assert Fresh().heartbeat_key != Fresh().heartbeat_key
    assert repr(Fresh()) == "Fresh()"


@pytest.mark.parametrize("kind", ["rsa", "passphrase", "garbage"])
def test_a_sync_key_of_another_kind_is_refused(home: Home, kind: str) -> None:
    path = home.paths.sync_key
    path.parent.mkdir(parents=True)
    words = ["-t", "rsa", "-N", ""] if kind == "rsa" else ["-t", "ed25519", "-N", "a secret"]
    if kind == "garbage":
        path.write_bytes(b"nothing of the sort")
    else:
        subprocess.run(["ssh-keygen", "-q", *words, "-f", path], check=True)
    with pytest.raises(EngineError, match="is no ed25519 key without a passphrase") as caught:
        own.gather(home.paths, home.fresh)
    assert caught.value.code == "bad-sync-key"


def test_all_host_keys_are_told_but_those_that_sshd_offers_no_more(home: Home) -> None:
    (home.paths.host_keys / "ssh_host_dsa_key.pub").write_text("ssh-dss AAAA root@host")
    (home.paths.host_keys / "ssh_host_other_key.pub").write_text(public_line(9))
    found = own.gather(home.paths, home.fresh).identity.host_keys
    assert [str(key) for key in found] == [public_line(1), public_line(9)]


def test_without_a_host_key_there_is_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="ssh-keygen -A") as caught:
        own.gather(Paths(tmp_path), Fresh())
    assert caught.value.code == "no-host-key"


def test_a_heartbeat_key_that_is_there_is_kept_and_must_be_sound(home: Home) -> None:
    path = home.paths.root / "key"
    assert own.heartbeat_key(path, home.fresh) == keys.text_of([home.fresh.heartbeat_key]).encode()
    keys.create(path)
    assert own.heartbeat_key(path, home.fresh) == path.read_bytes()
    path.chmod(0o640)
    with pytest.raises(EngineError, match="others may read it"):
        own.heartbeat_key(path, home.fresh)


def test_a_command_that_a_shell_would_read_otherwise_is_refused(home: Home) -> None:
    peer = own.gather(home.paths, home.fresh).identity
    for command in ('/opt/a"b/lvsctl', "/opt/a b/lvsctl", "/opt/$HOME/lvsctl"):
        with pytest.raises(EngineError, match="sshd cannot run"):
            own.trust(Paths(home.paths.root, command), peer)


def test_an_earlier_pairing_and_an_open_folder_are_told(home: Home) -> None:
    folder = home.paths.root / "open"
    folder.mkdir(mode=0o700)
    assert own.notes(home.paths, folder / "key") == ()
    folder.chmod(0o770)
    home.paths.authorized_keys.parent.mkdir(parents=True)
    home.paths.authorized_keys.touch()
    first, second = own.notes(home.paths, folder / "key")
    assert "was paired before" in first
    assert "/etc/piranha/heartbeat.key is a better place" in second
