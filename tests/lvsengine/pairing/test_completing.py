from __future__ import annotations

from ipaddress import ip_address

import pytest

from lvsengine.errors import EngineError
from lvsengine.lvscf import reading, syntax
from lvsengine.pairing import completing
from tests.lvsengine.pairing.directors import BACKUP, LVS_CF, PRIMARY


def completed(text: str) -> str:
    tree = syntax.parse(text, "lvs.cf")
    config = reading.read(tree).config
    assert config is not None
    return syntax.render(completing.completed(tree, config, PRIMARY, BACKUP))


def lacking(text: str) -> tuple[str, ...]:
    config = reading.read_text(text, "lvs.cf").config
    assert config is not None
    return completing.lacking(config)


def test_a_single_director_gets_what_a_pair_needs_and_nothing_else_changes() -> None:
    text = completed(LVS_CF)
    added = {
        "backup_active = 1",
        "backup = 127.0.0.2",
        "heartbeat_key_file = /etc/piranha/heartbeat.key",
        "serial_no = 8",
    }
    assert set(text.splitlines()) - set(LVS_CF.splitlines()) == added
    assert set(LVS_CF.splitlines()) - set(text.splitlines()) == {"serial_no = 7"}
    assert lacking(LVS_CF) == ("backup_active", "backup", "heartbeat_key_file")
    assert lacking(text) == ()


def test_what_is_there_already_stays_to_the_byte() -> None:
    complete = completed(LVS_CF).replace("127.0.0.2", "192.0.2.9")
    assert completed(complete) == complete


def test_the_primary_is_where_the_backup_came_to_if_the_file_names_none() -> None:
    bare = LVS_CF.replace("primary = 127.0.0.1\n", "")
    assert lacking(bare)[0] == "primary"
    assert "primary = 127.0.0.1\n" in completed(bare)


def test_over_the_private_link_the_backups_public_address_is_not_known() -> None:
    text = LVS_CF.replace(
        "primary = 127.0.0.1", f"primary = {ip_address('192.0.2.1')}\nprimary_private = {PRIMARY}"
    )
    with pytest.raises(EngineError, match=r"over the private link.*join again by .* 192\.0\.2\.1"):
        completed(text)
    named = text.replace("network", "backup = 192.0.2.2\nbackup_private = 127.0.0.2\nnetwork")
    assert "backup = 192.0.2.2\n" in completed(named)
