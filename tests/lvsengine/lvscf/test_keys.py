from __future__ import annotations

import dataclasses

import pytest

from lvsengine.lvscf.keys import GLOBAL, KEYS, Form, Section
from lvsengine.lvscf.rows import MODELS, Key

EVERY = [key for keys in KEYS.values() for key in keys.values()]

# What the original's web tool writes, in its order.
WRITTEN = {
    Section.GLOBAL: "serial_no primary primary_private primary_shared service rsh_command"
    " backup_active backup backup_private backup_shared heartbeat heartbeat_port keepalive"
    " deadtime network nat_router nat_nmask reservation_conflict_action debug_level active_cmd"
    " inactive_cmd monitor_links syncdaemon syncd_iface syncd_id tcp_timeout tcpfin_timeout"
    " udp_timeout",
    Section.FAILOVER: "address vip_nmask active port timeout heartbeat send expect send_program"
    " expect_program start_cmd stop_cmd",
    Section.VIRTUAL: "active address sorry_server vip_nmask fwmark port persistent pmask send"
    " expect use_regex send_program expect_program load_monitor scheduler deadtime protocol"
    " timeout reentry quiesce_server",
    Section.SERVER: "address nmask active port weight",
}
READ_BY_THE_ORIGINAL = {
    Section.GLOBAL: "hard_shutdown ipvsadm sync",
    Section.FAILOVER: "sorry_server fwmark persistent pmask use_regex load_monitor scheduler"
    " protocol reentry quiesce_server client_monitor master dirs",
    Section.VIRTUAL: "client_monitor start_cmd stop_cmd master dirs",
    Section.SERVER: "",
}


@pytest.mark.parametrize("section", Section)
def test_keys_come_in_the_order_of_the_original(section: Section) -> None:
    names = [name for name in KEYS[section] if name in WRITTEN[section].split()]
    if section is Section.SERVER:  # port comes before weight in both
        assert names == ["address", "nmask", "active", "port", "weight"]
    assert names == WRITTEN[section].split()


@pytest.mark.parametrize("section", Section)
def test_every_key_that_the_original_reads_is_here(section: Section) -> None:
    assert set(READ_BY_THE_ORIGINAL[section].split()) <= set(KEYS[section])


@pytest.mark.parametrize("section", Section)
def test_every_field_of_the_model_has_its_key(section: Section) -> None:
    fields = {item.name for item in dataclasses.fields(MODELS[section])}
    held = {key.field for key in KEYS[section].values()}
    assert fields - held <= {"name", "kept", "real_servers", "virtual_servers", "failovers"}
    assert held <= fields


@pytest.mark.parametrize("key", EVERY, ids=lambda key: f"{key.section.value}.{key.name}")
def test_a_row_knows_its_place_default_and_purpose(key: Key) -> None:
    assert KEYS[key.section][key.name] is key
    assert key.doc.endswith(".")
    assert key.is_kept == (key.form is Form.KEPT) == (key.field == "kept")


def test_defaults_are_those_of_the_originals_parser() -> None:
    assert GLOBAL["keepalive"].default == 2
    assert GLOBAL["deadtime"].default == 5
    assert GLOBAL["heartbeat_port"].default == 539
    virtual = KEYS[Section.VIRTUAL]
    assert (virtual["timeout"].default, virtual["reentry"].default) == (10, 180)
    assert (virtual["port"].default, virtual["scheduler"].default) == (80, "wlc")
    assert KEYS[Section.SERVER]["weight"].default == 1


def test_keys_of_ours_are_left_out_of_a_file_where_they_say_nothing() -> None:
    ours = [key for key in EVERY if key.ours]
    assert [key.name for key in ours if key.section is not Section.GLOBAL] == ["fall"]
    assert " ".join(key.name for key in ours if key.section is Section.GLOBAL) == (
        "heartbeat_key_file standby_checks auto_failback failback_delay witness"
        " yield_when_isolated manage_sysctls script_user syncd_maxlen syncd_group"
        " syncd_port syncd_ttl sync_port sync_sysctl_file sync_packet_filter_file"
    )
    assert not any(key.always for key in ours)


def test_the_keys_of_old_web_tools_are_kept_and_mean_nothing() -> None:
    assert KEYS[Section.SERVER]["nmask"].is_kept
    assert KEYS[Section.VIRTUAL]["deadtime"].is_kept
    assert KEYS[Section.VIRTUAL]["expect_program"].is_kept
    assert KEYS[Section.FAILOVER]["heartbeat"].is_kept
