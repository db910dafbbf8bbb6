from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.pairing import public_keys
from tests.lvsengine.pairing.directors import public_line

KEY = public_keys.parse(public_line(1))


@pytest.mark.parametrize(
    ("kind", "bits"), [("ed25519", "256"), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "521")]
)
def test_a_fingerprint_is_as_ssh_keygen_prints_it(tmp_path: Path, kind: str, bits: str) -> None:
    path = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-C", "some one", "-f", path],
        check=True,
    )
    key = public_keys.parse(path.with_suffix(".pub").read_text())
    told = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True, text=True)
    assert told.stdout == f"{bits} {key.fingerprint} some one ({key.label})\n"


def test_the_comment_is_dropped_and_the_rest_kept() -> None:
    assert str(public_keys.parse(f"{public_line(1)} a comment of\twords\n")) == public_line(1)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "is of none of the kinds ssh-ed25519, ecdsa"),
        ("ssh-ed25519", "is of none of the kinds"),
        ("ssh-dss AAAA", "is of none of the kinds"),
        ('command="x" ssh-ed25519 AAAA', "is of none of the kinds"),
        ("ssh-ed25519 !!!!", "is not in base64"),
        ("ssh-ed25519 AAA", "is not in base64"),
        ("ssh-rsa AAAAB3NzaC1yc2EB", "is not what it says, ssh-rsa"),  # short
        (public_line(1).replace("ssh-ed25519", "ssh-rsa"), "is not what it says, ssh-rsa"),
        (public_line(1) + "AAAA", "has 54 bytes, not 51"),
        (f"ssh-rsa {'A' * 7000}", "is not what it says, ssh-rsa"),
    ],
)
def test_what_is_no_key_is_refused(line: str, why: str) -> None:
    with pytest.raises(EngineError) as caught:
        public_keys.parse(line)
    assert caught.value.code == "bad-public-key"
    assert why in caught.value.sentence


def test_a_blob_has_one_spelling() -> None:
    spelled = public_line(1)[:-1] + "="  # 51 bytes need no padding
    with pytest.raises(EngineError):
        public_keys.parse(spelled)
    rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAACQAACQ=="
    assert str(public_keys.parse(rsa)) == rsa
    with pytest.raises(EngineError, match="base64"):
        public_keys.parse(rsa.replace("CQ==", "CR=="))  # the same bytes


def test_ssh_keygen_finds_the_peer_in_known_hosts(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    other = public_keys.parse(public_line(2))
    path.write_text(public_keys.known_hosts([KEY, other]))
    found = subprocess.run(
        ["ssh-keygen", "-F", "peer", "-f", path], check=True, capture_output=True, text=True
    )
    assert [line for line in found.stdout.splitlines() if line[0] != "#"] == [
        f"peer {KEY}",
        f"peer {other}",
    ]


def test_the_peer_may_run_one_command_and_nothing_else() -> None:
    text = public_keys.authorized_keys(KEY, "/opt/piranha/bin/lvsctl pair answer")
    assert text.splitlines()[1:] == [
        f'restrict,command="/opt/piranha/bin/lvsctl pair answer" {KEY} sync@peer'
    ]
