from __future__ import annotations

import os
import pwd

from lvsengine import accounts


def test_root_may_hand_a_file_to_a_user_who_exists() -> None:
    name = "nobody"
    found = pwd.getpwnam(name)
    expected = (found.pw_uid, found.pw_gid) if os.geteuid() == 0 else None
    assert accounts.ids_of(name) == expected


def test_a_user_who_does_not_exist_gets_nothing() -> None:
    assert accounts.ids_of("no-such-user") is None
