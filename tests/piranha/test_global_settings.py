from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from piranha.models import AuditEntry
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import form, submit

URL = reverse("global-settings")


def test_the_panel_shows_what_the_file_says(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    fields = form(admin.get(URL))

    assert fields["primary"] == "192.0.2.11"
    assert fields["network"] == "nat"
    assert fields["nat_router_ip"] == "10.9.9.254"
    assert fields["nat_router_device"] == "eth1:1"
    assert fields["nat_nmask"] == "255.255.255.0"
    assert fields["revision"] == lvs_cf.revision


def test_accept_changes_one_line_and_the_serial_number(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = submit(admin, URL, primary_private="10.9.9.3")

    assert response.status_code == 303
    assert lvs_cf.differing() == ["serial_no = 8", "primary_private = 10.9.9.3"]


def test_the_next_page_says_what_was_saved_and_what_still_runs(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    submit(admin, URL, tcp_timeout="300")
    page = admin.get(URL).content.decode()
    assert f"Saved to lvs.cf as revision {lvs_cf.revision}" in page
    assert "still runs revision 0123456789ab until you apply it" in page


def test_without_an_engine_the_page_says_that_nothing_changed_in_the_kernel(
    admin: Client, lvs_cf: File
) -> None:
    submit(admin, URL, tcp_timeout="300")
    assert "pulse is not running, so nothing changed" in admin.get(URL).content.decode()


def test_a_change_is_in_the_audit_log(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    before = lvs_cf.revision
    submit(admin, URL, tcp_timeout="300")

    entry = AuditEntry.objects.get()
    assert (entry.who, entry.action, entry.subject) == ("the-admin", "save", "GLOBAL SETTINGS")
    assert (entry.before, entry.after) == (before, lvs_cf.revision)
    assert {"place": "", "key": "tcp_timeout", "before": None, "after": "300"} in entry.changes


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("primary", "192.0.2", "must be an"),
        ("tcp_timeout", "soon", "must be a whole number"),
        ("nat_router_device", "eth1 1", "must be"),
        ("nat_router_ip", "10.9.9.300", "must be an"),
        ("script_user", "root", "must be the name of a user, and not root"),
    ],
)
def test_a_bad_value_is_refused_beside_its_field_and_kept(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str, typed: str, says: str
) -> None:
    response = submit(admin, URL, **{field: typed})

    assert response.status_code == 422
    assert lvs_cf.text == LVS_CF
    page = response.content.decode()
    assert f'id="id_{field}_error"' in page
    assert says in page
    assert form(response)[field] == typed


def test_all_bad_values_are_told_at_once(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    page = submit(admin, URL, tcp_timeout="soon", udp_timeout="later").content.decode()
    assert 'href="#id_tcp_timeout"' in page
    assert 'href="#id_udp_timeout"' in page


def test_an_address_without_its_device_is_refused(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = submit(admin, URL, nat_router_device="")
    assert response.status_code == 422
    assert "NAT Router device: is needed too" in response.content.decode()


def test_a_blank_field_takes_its_key_away(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    submit(admin, URL, primary_private="")
    assert "primary_private" not in lvs_cf.text


def test_under_direct_routing_the_nat_router_is_hidden_and_kept(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    submit(admin, URL, network="direct")

    assert "nat_router_ip" not in form(admin.get(URL))
    assert "nat_router = 10.9.9.254 eth1:1" in lvs_cf.text


def test_a_change_that_makes_the_file_unsound_is_refused_with_its_problems(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = submit(admin, URL, nat_router_device="eth0:1")
    assert response.status_code == 422
    assert "already carries" in response.content.decode()
    assert lvs_cf.text == LVS_CF


def test_who_saves_second_gets_both_values_to_choose_from(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL)) | {"tcp_timeout": "300"}
    submit(admin, URL, tcp_timeout="600")

    response = admin.post(URL, mine)

    assert response.status_code == 409
    page = response.content.decode()
    assert 'value="300"' in page
    assert 'value="600"' in page
    chosen = form(response) | {"tcp_timeout": "300"}
    assert admin.post(URL, chosen).status_code == 303
    assert "tcp_timeout = 300" in lvs_cf.text


def test_a_conflict_over_other_fields_suggests_to_keep_both(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL)) | {"tcp_timeout": "300"}
    submit(admin, URL, udp_timeout="20")

    admin.post(URL, form(admin.post(URL, mine)))

    assert "tcp_timeout = 300" in lvs_cf.text
    assert "udp_timeout = 20" in lvs_cf.text


def test_a_file_with_errors_is_shown_and_not_touched(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(LVS_CF.replace("weight = 1", "weight = heavy"))
    response = admin.get(URL)
    assert response.status_code == 409
    assert "must be a whole number" in response.content.decode()


def test_a_viewer_looks_and_changes_nothing(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    assert viewer.get(URL).status_code == 200
    assert submit(viewer, URL, tcp_timeout="300").status_code == 403
    assert lvs_cf.text == LVS_CF


def test_nobody_gets_in_without_logging_in(client: Client, lvs_cf: File) -> None:
    assert client.get(URL).headers["Location"].startswith(reverse("login"))


@pytest.mark.parametrize(
    ("field", "typed", "line"),
    [
        ("active_cmd", "/usr/bin/wall active", 'active_cmd = "/usr/bin/wall active"'),
        ("inactive_cmd", "/usr/bin/true", "inactive_cmd = /usr/bin/true"),
        ("rsh_command", "ssh", "rsh_command = ssh"),
        ("script_user", "checker", "script_user = checker"),
        ("manage_sysctls", "on", "manage_sysctls = 1"),
    ],
)
def test_what_few_need_is_folded_away_until_it_is_set(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str, typed: str, line: str
) -> None:
    assert '<details class="group">' in admin.get(URL).content.decode()
    submit(admin, URL, **{field: typed})
    assert lvs_cf.differing() == ["serial_no = 8", line]
    assert '<details class="group" open>' in admin.get(URL).content.decode()


def test_warnings_about_the_pair_are_on_its_own_panel(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    without = "nat_router = 10.9.9.254 eth1:1\n"
    lvs_cf.write(LVS_CF.replace("deadtime = 18", "deadtime = 2").replace(without, ""))
    page = admin.get(URL).content.decode()
    assert "network = nat without nat_router" in page
    assert "deadtime" not in page


def test_a_viewer_has_no_accept(viewer: Client, lvs_cf: File, engine: FakeEngine) -> None:
    page = viewer.get(URL).content.decode()
    assert "ACCEPT" not in page
    assert "you need the role admin" in page
