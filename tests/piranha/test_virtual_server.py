from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.ipvs.schedulers import SCHEDULERS
from piranha.models import AuditEntry
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import Response, form, submit

SHOP = reverse("virtual-server", args=["shop"])
ADD = reverse("add-virtual-server")
HTMX = {"HX-Request": "true", "HX-Boosted": "true"}
LABELS = [
    "Name", "Application port", "Protocol", "Virtual IP Address", "Virtual IP Network Mask",
    "Sorry Server", "Firewall Mark", "Device", "Re-entry Time (seconds)",
    "Service timeout (seconds)", "Quiesce server", "Load monitoring tool", "Scheduling",
    "Persistence (seconds)", "Persistence Network Mask",
]  # fmt: skip


def test_every_field_of_the_original_is_there_in_its_order(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    page = admin.get(SHOP).content.decode()
    found = re.findall(r"<(?:label[^>]*|legend)>([^<]+)</(?:label|legend)>", page)
    assert [label for label in found if label in LABELS] == LABELS


def test_the_fields_say_what_the_file_says(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    fields = form(admin.get(SHOP), "name")
    said = {
        "name": "shop", "port": "80", "protocol": "tcp", "address": "192.0.2.100",
        "vip_nmask": "255.255.255.0", "device": "eth0:1", "reentry": "15", "timeout": "6",
        "quiesce_server": "0", "load_monitor": "none", "scheduler": "wlc", "persistent": "0",
        "sorry_server": "", "fwmark": "0", "fall": "1",
    }  # fmt: skip
    assert {name: fields[name] for name in said} == said


@pytest.mark.parametrize(
    ("field", "typed", "line"),
    [
        ("port", "8080", "port = 8080"),
        ("protocol", "udp", "protocol = udp"),
        ("address", "192.0.2.101", "address = 192.0.2.101 eth0:1"),
        ("device", "eth0:2", "address = 192.0.2.100 eth0:2"),
        ("vip_nmask", "255.255.255.128", "vip_nmask = 255.255.255.128"),
        ("sorry_server", "10.9.9.99", "sorry_server = 10.9.9.99"),
        ("fwmark", "80", "fwmark = 80"),
        ("reentry", "30", "reentry = 30"),
        ("timeout", "3", "timeout = 3"),
        ("quiesce_server", "1", "quiesce_server = 1"),
        ("load_monitor", "rup", "load_monitor = rup"),
        ("scheduler", "mh", "scheduler = mh"),
        ("persistent", "300", "persistent = 300"),
        ("pmask", "255.255.255.0", "pmask = 255.255.255.0"),
        ("fall", "3", "fall = 3"),
    ],
)
def test_each_field_changes_its_own_line(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str, typed: str, line: str
) -> None:
    assert save(admin, SHOP, **{field: typed}).status_code == 303
    assert lvs_cf.differing() == ["serial_no = 8", line]


def save(client: Client, url: str, **typed: str) -> Response:
    return client.post(url, form(client.get(url), "name") | typed)


def test_the_eight_schedulers_of_the_manual_come_first(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    page = admin.get(SHOP).content.decode()
    select = page[page.index('<select name="scheduler"') : page.index("Other schedulers")]
    assert re.findall(r'<option value="(\w+)"', select) == list(SCHEDULERS)[:8]
    for row in SCHEDULERS.values():
        assert row.does.replace("'", "&#x27;") in page


def test_a_new_name_keeps_everything_else(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    response = save(admin, SHOP, name="my new shop")
    assert response.headers["Location"] == reverse("virtual-server", args=["my_new_shop"])
    wanted = LVS_CF.replace("virtual shop", "virtual my_new_shop")
    assert lvs_cf.text == wanted.replace("serial_no = 7", "serial_no = 8")


def test_a_name_with_blanks_that_was_written_by_hand_stays(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(LVS_CF.replace("virtual shop", 'virtual "my shop"'))
    save(admin, reverse("virtual-server", args=["my shop"]), port="81")
    assert 'virtual "my shop" {' in lvs_cf.text
    assert "port = 81" in lvs_cf.text


@pytest.mark.parametrize("name", ["", "   ", 'a"b', "mail"])
def test_a_name_that_cannot_be_is_refused_beside_it(
    admin: Client, lvs_cf: File, engine: FakeEngine, name: str
) -> None:
    before = LVS_CF + "virtual mail {\n     address = 192.0.2.9 eth0:9\n}\n"
    lvs_cf.write(before)
    response = save(admin, SHOP, name=name, port="81")
    assert response.status_code == 422
    assert 'id="id_name_error"' in response.content.decode()
    assert form(response, "name")["port"] == "81"
    assert lvs_cf.text == before


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("port", "70000", "must be from 1 to 65535"),
        ("port", "", "is needed"),
        ("address", "192.0.2", "must be an"),
        ("device", "", "is needed"),
        ("fwmark", "-1", "must be from 0"),
        ("timeout", "0", "must be from 1"),
        ("scheduler", "best", "must be one of"),
        ("vip_nmask", "64", "does not fit the address"),
        ("address", "224.0.0.1", "cannot be a virtual IP"),
    ],
)
def test_a_bad_value_is_refused_beside_its_field(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str, typed: str, says: str
) -> None:
    response = save(admin, SHOP, **{field: typed})
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert says in page
    assert lvs_cf.text == LVS_CF


def test_warnings_about_this_one_are_on_its_panel(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    save(admin, SHOP, fwmark="80")
    page = admin.get(SHOP).content.decode()
    assert "a firewall mark without persistent" in page
    assert 'href="#id_fwmark"' in page


def test_add_begins_as_the_original_does_and_writes_nothing_before_accept(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    fields = form(admin.get(ADD), "name")
    begins = {
        "name": "[server_name]", "address": "0.0.0.0", "device": "eth0:1", "port": "80",
        "protocol": "tcp", "timeout": "6", "reentry": "15", "scheduler": "wlc",
        "load_monitor": "none", "quiesce_server": "0",
    }  # fmt: skip
    assert {name: fields[name] for name in begins} == begins
    assert lvs_cf.text == LVS_CF


def test_accept_adds_it_disabled_with_the_originals_check(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = save(admin, ADD, name="mail", address="192.0.2.101", device="eth0:2", port="25")
    assert response.headers["Location"] == reverse("virtual-server", args=["mail"])
    block = lvs_cf.text[lvs_cf.text.index("virtual mail") :]
    for line in (
        "active = 0", "address = 192.0.2.101 eth0:2", "port = 25",
        r'send = "GET / HTTP/1.0\r\n\r\n"',
        'expect = "HTTP"', "use_regex = 0", "load_monitor = none", "scheduler = wlc",
        "protocol = tcp", "timeout = 6", "reentry = 15", "quiesce_server = 0",
    ):  # fmt: skip
        assert f"     {line}\n" in block
    assert lvs_cf.text.startswith(LVS_CF.replace("serial_no = 7", "serial_no = 8"))
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == ("add", "virtual server mail")


def test_add_of_a_name_that_is_there_is_refused(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = save(admin, ADD, name="shop", port="81")
    assert response.status_code == 422
    assert "there is already a virtual" in response.content.decode()
    assert form(response, "name")["port"] == "81"


def test_add_of_a_name_that_someone_else_added_meanwhile_is_a_conflict(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(ADD), "name") | {"name": "mail", "port": "25"}
    save(admin, ADD, name="mail", port="26")

    response = admin.post(ADD, mine)

    assert response.status_code == 409
    assert 'id="id_name_error"' in response.content.decode()
    fields = form(response, "name")
    assert fields["port"] == "25"
    assert admin.post(ADD, fields | {"name": "mail2"}).status_code == 303


def test_add_waits_for_nobody_elses_edit(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    mine = form(admin.get(ADD), "name") | {"name": "mail"}
    save(admin, SHOP, port="81")
    assert admin.post(ADD, mine).status_code == 303
    assert "port = 81" in lvs_cf.text
    assert "virtual mail {" in lvs_cf.text


def test_who_saves_second_chooses(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    mine = form(admin.get(SHOP), "name") | {"scheduler": "rr"}
    save(admin, SHOP, scheduler="sh")

    response = admin.post(SHOP, mine)

    page = response.content.decode()
    assert response.status_code == 409
    for label in ("Weighted least-connections", "Source Hash Scheduling", "Round robin"):
        assert label in page
    assert admin.post(SHOP, form(response) | {"scheduler": "rr"}).status_code == 303
    assert "scheduler = rr" in lvs_cf.text


def test_what_someone_else_renamed_meanwhile_gives_back_what_was_typed(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(SHOP), "name") | {"sorry_server": "10.9.9.77"}
    save(admin, SHOP, name="store")

    response = admin.post(SHOP, mine)

    assert response.status_code == 409
    page = response.content.decode()
    assert "There is no virtual server shop any more" in page
    again = form(response, "sorry_server")
    assert again["sorry_server"] == "10.9.9.77"
    again |= {"address": "192.0.2.9", "device": "eth0:9"}
    assert admin.post(ADD, again).status_code == 303
    assert "virtual shop {" in lvs_cf.text


def test_what_is_not_in_the_file_is_not_found(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = admin.get(reverse("virtual-server", args=["nothing"]))
    assert response.status_code == 404
    assert "There is no virtual server nothing" in response.content.decode()


def test_htmx_gets_the_same_answers(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    fields = form(admin.get(SHOP), "name")
    assert admin.post(SHOP, fields | {"port": "x"}, headers=HTMX).status_code == 422
    assert admin.post(SHOP, fields | {"port": "81"}, headers=HTMX).status_code == 303


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_is_no_admin_looks(
    role: str, request: pytest.FixtureRequest, lvs_cf: File, engine: FakeEngine
) -> None:
    client = request.getfixturevalue(role)
    page = client.get(SHOP).content.decode()
    assert 'value="192.0.2.100"' in page
    assert re.search(r'<input[^>]*name="port"[^>]*disabled', page)
    assert "ACCEPT" not in page
    assert client.get(ADD).status_code == 403
    assert submit(client, SHOP, port="81").status_code == 403


def test_an_ipv6_virtual_ip_takes_a_prefix_length(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    typed = {"address": "2001:db8::5", "device": "eth0", "vip_nmask": "64"}
    lvs_cf.write(LVS_CF[: LVS_CF.index("     server one")] + "}\n")
    assert save(admin, SHOP, **typed).status_code == 303
    assert "address = 2001:db8::5 eth0" in lvs_cf.text
    assert "vip_nmask = 64" in lvs_cf.text


@pytest.mark.parametrize("url", [SHOP, ADD])
def test_an_ipv6_virtual_ip_takes_no_dotted_mask(
    admin: Client, lvs_cf: File, engine: FakeEngine, url: str
) -> None:
    typed = {"address": "2001:db8::5", "device": "eth0", "vip_nmask": "255.255.255.0"}
    response = save(admin, url, **typed)
    assert response.status_code == 422
    assert 'id="id_vip_nmask_error"' in response.content.decode()
