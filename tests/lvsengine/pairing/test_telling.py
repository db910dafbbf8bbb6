from __future__ import annotations

import pytest

from lvsengine.lvscf.model import Config
from lvsengine.pairing import public_keys, telling
from lvsengine.pairing.messages import Identity
from tests.lvsengine.pairing.directors import public_line

A, B, C = (public_keys.parse(public_line(seed)) for seed in (1, 2, 3))


def test_both_directors_show_all_fingerprints_of_both() -> None:
    lines = list(telling.met(Identity("a", (A,), B), Identity("b", (C,), A)))
    assert lines[1:] == [
        f"  primary  host key  ED25519  {A.fingerprint}",
        f"  primary  sync key  ED25519  {B.fingerprint}",
        f"  backup   host key  ED25519  {C.fingerprint}",
        f"  backup   sync key  ED25519  {A.fingerprint}",
    ]


@pytest.mark.parametrize(
    ("before", "warns"),
    [
        (Config(), False),
        (Config(backup_active=True), True),
        (Config(backup_active=True, heartbeat_key_file="/k"), False),
    ],
)
def test_a_pair_that_had_no_key_is_told_to_stop_the_backup_first(
    before: Config, warns: bool
) -> None:
    text = "\n".join(telling.next_on_primary(before, runs=True))
    assert ("systemctl stop pulse" in text) is warns


@pytest.mark.parametrize(
    ("runs", "typed"),
    [
        (True, "systemctl restart pulse"),
        (False, "systemctl enable --now pulse piranha-received.path"),
    ],
)
def test_what_to_type_next_does_what_is_said(runs: bool, typed: str) -> None:
    (on_primary,) = telling.next_on_primary(Config(), runs=runs)
    (on_backup,) = telling.next_on_backup(runs=runs)
    assert on_primary == f"Next, type here first, then on the backup: {typed}"
    assert on_backup.endswith(f"on the primary, type here: {typed}")


def test_what_will_change_is_said_before() -> None:
    assert telling.will_change(["backup_active", "backup"], "/lvs.cf") == (
        "/lvs.cf gets, when the backup has joined: backup_active = 1,"
        " backup = the address that the backup comes from"
    )


def test_users_that_are_missing_are_named() -> None:
    assert list(telling.without_users([])) == []
    assert "no user pulse here" in next(telling.without_users(["pulse"]))
