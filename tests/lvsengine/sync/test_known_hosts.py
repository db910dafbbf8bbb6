from __future__ import annotations

import subprocess
from pathlib import Path

from lvsengine.sync import known_hosts


def test_the_fingerprint_is_the_one_that_ssh_keygen_shows(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    kind, blob = (tmp_path / "key.pub").read_text().split()[:2]
    (found,) = known_hosts.pinned(f"peer {kind} {blob}\n")
    told = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True).stdout
    assert told.split()[1] == found.fingerprint


def test_what_is_written_pins_that_key_and_no_other() -> None:
    key = known_hosts.host_key("ssh-ed25519", b"a key")
    assert known_hosts.pinned(known_hosts.with_key(key)) == (key,)


def test_other_lines_pin_nothing() -> None:
    text = "# comment\n\nother ssh-ed25519 AAAA\npeer ssh-dss AAAA\npeer ssh-ed25519 %%\npeer x\n"
    assert known_hosts.pinned(text) == ()
