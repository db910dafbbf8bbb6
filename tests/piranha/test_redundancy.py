from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from piranha.models import AuditEntry
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine, a_peer, a_snapshot
from tests.piranha.forms import form, submit

URL = reverse("redundancy")
FORM = f"{URL}?enable=1"
PAIR = LVS_CF.replace(
    "backup_active = 0", "backup_active = 1\nbackup = 192.0.2.12\nbackup_private = 10.9.9.2"
)
RESTART = "restart pulse on both directors"


@pytest.fixture
def pair(lvs_cf: File) -> File:
    lvs_cf.write(PAIR)
    return lvs_cf


def test_alone_there_is_enable_and_nothing_else(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    page = admin.get(URL).content.decode()
    assert "Backup: inactive" in page
    assert 'name="do" value="enable"' in page
    assert 'name="keepalive"' not in page


def test_enable_without_a_backups_address_asks_for_it_first(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = admin.post(URL, form(admin.get(URL)) | {"do": "enable"})
    assert response.headers["Location"] == FORM
    assert lvs_cf.text == LVS_CF
    assert admin.post(FORM, form(admin.get(FORM), "backup") | {"do": "enable"}).status_code == 422


def test_enable_writes_the_pair_and_says_restart(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    typed = {"do": "enable", "backup": "192.0.2.12", "backup_private": "10.9.9.2"}
    assert admin.post(FORM, form(admin.get(FORM), "backup") | typed).status_code == 303
    assert lvs_cf.differing() == [
        "serial_no = 8",
        "backup_active = 1",
        "backup = 192.0.2.12",
        "backup_private = 10.9.9.2",
    ]
    assert RESTART in admin.get(URL).content.decode()
    assert AuditEntry.objects.get().action == "enable"


def test_a_new_pair_begins_with_the_originals_heartbeat(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    for line in (
        "heartbeat = 1\n",
        "heartbeat_port = 539\n",
        "keepalive = 6\n",
        "deadtime = 18\n",
    ):
        lvs_cf.write(lvs_cf.text.replace(line, ""))
    typed = {"do": "enable", "backup": "192.0.2.12"}
    admin.post(FORM, form(admin.get(FORM), "backup") | typed)
    for line in ("heartbeat = 1", "heartbeat_port = 539", "keepalive = 6", "deadtime = 18"):
        assert f"\n{line}\n" in lvs_cf.text


def test_enable_with_an_address_in_the_file_is_one_press(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(PAIR.replace("backup_active = 1", "backup_active = 0"))
    assert admin.post(URL, form(admin.get(URL)) | {"do": "enable"}).status_code == 303
    assert "backup_active = 1" in lvs_cf.text


def test_disable_keeps_what_was_set(admin: Client, pair: File, engine: FakeEngine) -> None:
    assert admin.post(URL, form(admin.get(URL), "backup") | {"do": "disable"}).status_code == 303
    assert pair.text == PAIR.replace("serial_no = 7", "serial_no = 8").replace(
        "backup_active = 1", "backup_active = 0"
    )
    assert RESTART in admin.get(URL).content.decode()


def test_disable_does_not_throw_away_what_was_typed(
    admin: Client, pair: File, engine: FakeEngine
) -> None:
    response = submit(admin, URL, do="disable", keepalive="3")
    assert response.status_code == 422
    assert form(response, "backup")["keepalive"] == "3"
    assert pair.text == PAIR


def test_disable_at_a_stale_revision_changes_nothing(
    admin: Client, pair: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL), "backup") | {"do": "disable"}
    submit(admin, URL, keepalive="3")
    response = admin.post(URL, mine)
    assert response.status_code == 409
    assert "backup_active = 1" in pair.text


@pytest.mark.parametrize(
    ("field", "typed", "line"),
    [
        ("backup", "192.0.2.13", "backup = 192.0.2.13"),
        ("backup_private", "10.9.9.3", "backup_private = 10.9.9.3"),
        ("keepalive", "0.5", "keepalive = 0.5"),
        ("deadtime", "20.25", "deadtime = 20.25"),
        ("heartbeat_port", "1050", "heartbeat_port = 1050"),
        ("monitor_links", "on", "monitor_links = 1"),
        ("heartbeat_key_file", "/etc/ha.key", "heartbeat_key_file = /etc/ha.key"),
        ("standby_checks", "", "standby_checks = 0"),
        ("auto_failback", "on", "auto_failback = 1"),
        ("failback_delay", "120", "failback_delay = 120"),
        ("witness", "192.0.2.1 10.9.9.21", "witness = 192.0.2.1 10.9.9.21"),
        ("yield_when_isolated", "on", "yield_when_isolated = 1"),
        ("syncdaemon", "on", "syncdaemon = 1"),
        ("syncd_iface", "eth1", "syncd_iface = eth1"),
        ("syncd_id", "7", "syncd_id = 7"),
        ("syncd_maxlen", "1400", "syncd_maxlen = 1400"),
        ("syncd_group", "224.0.0.99", "syncd_group = 224.0.0.99"),
        ("syncd_port", "8849", "syncd_port = 8849"),
        ("syncd_ttl", "2", "syncd_ttl = 2"),
    ],
)
def test_each_field_changes_its_own_line(
    admin: Client, pair: File, engine: FakeEngine, field: str, typed: str, line: str
) -> None:
    assert submit(admin, URL, **{field: typed}).status_code == 303
    assert pair.differing(PAIR) == ["serial_no = 8", line]


def test_a_blank_port_is_539(admin: Client, pair: File, engine: FakeEngine) -> None:
    submit(admin, URL, heartbeat_port="")
    assert "heartbeat_port" not in pair.text
    assert form(admin.get(URL), "backup")["heartbeat_port"] == "539"


def test_saving_turns_heartbeat_on(admin: Client, pair: File, engine: FakeEngine) -> None:
    pair.write(PAIR.replace("heartbeat = 1", "heartbeat = 0"))
    submit(admin, URL, keepalive="3")
    assert "heartbeat = 1\n" in pair.text


def test_without_a_private_address_of_the_primary_the_backups_is_hidden_and_kept(
    admin: Client, pair: File, engine: FakeEngine
) -> None:
    pair.write(PAIR.replace("primary_private = 10.9.9.1\n", ""))
    assert "backup_private" not in form(admin.get(URL), "backup")
    submit(admin, URL, keepalive="3")
    assert "backup_private = 10.9.9.2" in pair.text


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("backup", "", "is needed"),
        ("backup", "0.0.0.0", "is needed"),
        ("keepalive", "often", "must be a number of seconds"),
        ("heartbeat_key_file", "ha.key", "must be a whole path"),
        ("witness", "gateway one", "must be"),
        ("syncd_id", "256", "must be from 0 to 255"),
    ],
)
def test_a_bad_value_is_refused_beside_its_field(
    admin: Client, pair: File, engine: FakeEngine, field: str, typed: str, says: str
) -> None:
    response = submit(admin, URL, **{field: typed})
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert says in page
    assert form(response, "backup")[field] == typed
    assert pair.text == PAIR


def test_what_will_not_do_what_was_meant_is_said(
    admin: Client, pair: File, engine: FakeEngine
) -> None:
    submit(admin, URL, deadtime="5")
    page = admin.get(URL).content.decode()
    assert "is not longer than keepalive" in page
    assert 'href="#id_deadtime"' in page


def test_the_panel_offers_the_command_that_makes_a_key(
    admin: Client, pair: File, engine: FakeEngine
) -> None:
    assert "lvsctl heartbeat-key new" in admin.get(URL).content.decode()


def test_a_pair_that_runs_needs_no_restart(admin: Client, pair: File, engine: FakeEngine) -> None:
    engine.answers[messages.Status] = a_snapshot(peer=a_peer())
    assert RESTART not in admin.get(URL).content.decode()


def test_who_saves_second_chooses_and_enabling_goes_on(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(FORM), "backup") | {"do": "enable", "backup": "192.0.2.12"}
    submit(admin, reverse("global-settings"), tcp_timeout="300")
    response = admin.post(FORM, mine)
    assert response.status_code == 409
    assert admin.post(FORM, form(response)).status_code == 303
    assert "backup_active = 1" in lvs_cf.text
    assert "tcp_timeout = 300" in lvs_cf.text


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_is_no_admin_looks(
    role: str, request: pytest.FixtureRequest, pair: File, engine: FakeEngine
) -> None:
    client = request.getfixturevalue(role)
    page = client.get(URL).content.decode()
    assert "192.0.2.12" in page
    assert 'name="do"' not in page
    assert client.post(URL, {"do": "disable"}).status_code == 403
    assert pair.text == PAIR


def test_where_nothing_is_said_lvs_cf_is_copied(
    admin: Client, pair: File, engine: FakeEngine
) -> None:
    assert form(admin.get(URL), "backup")["sync"] == "on"
    submit(admin, URL, keepalive="3")
    assert "\nsync =" not in pair.text  # what nobody touched is not written
    submit(admin, URL, sync="")
    assert "\nsync = 0\n" in pair.text
    assert "sync" not in form(admin.get(URL), "backup")
    submit(admin, URL, sync="on")
    assert "\nsync = 1\n" in pair.text


def test_only_files_that_may_be_copied_along_are_taken(
    admin: Client, pair: File, engine: FakeEngine
) -> None:
    response = submit(admin, URL, sync_sysctl_file="/etc/shadow")
    assert response.status_code == 422
    assert "must be /etc/sysctl.conf" in response.content.decode()
    assert submit(admin, URL, sync_packet_filter_file="/etc/passwd").status_code == 422
    assert pair.text == PAIR
    typed = {
        "sync_sysctl_file": "/etc/sysctl.d/90-lvs.conf",
        "sync_packet_filter_file": "/etc/sysconfig/iptables",
        "sync_port": "2222",
    }
    assert submit(admin, URL, **typed).status_code == 303
    assert pair.differing(PAIR)[1:] == [
        "sync_port = 2222",
        "sync_sysctl_file = /etc/sysctl.d/90-lvs.conf",
        "sync_packet_filter_file = /etc/sysconfig/iptables",
    ]
