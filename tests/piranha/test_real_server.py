from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import form, submit

TWO = reverse("real-server", args=["shop", "two"])
ADD = reverse("add-real-server", args=["shop"])
LIST = reverse("real-servers", args=["shop"])


def test_the_fields_say_what_the_file_says(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = admin.get(TWO)
    fields = form(response)
    said = {"name": "two", "address": "10.9.9.22", "port": "", "weight": "1"}
    assert {name: fields[name] for name in said} == said
    assert "Leave blank to default to Virtual Server" in response.content.decode()


@pytest.mark.parametrize(
    ("field", "typed", "line"),
    [
        ("name", "second one", "server second_one {"),
        ("address", "10.9.9.29", "address = 10.9.9.29"),
        ("port", "8080", "port = 8080"),
        ("weight", "4", "weight = 4"),
    ],
)
def test_each_field_changes_its_own_line(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str, typed: str, line: str
) -> None:
    response = submit(admin, TWO, **{field: typed})
    assert response.status_code == 303
    assert lvs_cf.differing() == ["serial_no = 8", line]


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("name", "one", "there is already a server"),
        ("name", "", "must be a name"),
        ("address", "", "is needed"),
        ("address", "10.9.9.21", "is already listed as server"),
        ("port", "http", "must be a whole number"),
        ("weight", "-1", "must be from 0"),
    ],
)
def test_a_bad_value_is_refused_beside_its_field(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str, typed: str, says: str
) -> None:
    response = submit(admin, TWO, **{field: typed})
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert says in page
    assert lvs_cf.text == LVS_CF


def test_without_nat_there_is_no_port_and_its_value_is_kept(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lines = LVS_CF.replace("network = nat\n", "network = direct\n")
    lvs_cf.write(lines.replace("10.9.9.22\n", "10.9.9.22\n         port = 80\n"))
    assert "port" not in form(admin.get(TWO))
    submit(admin, TWO, weight="4")
    assert "port = 80\n         active" in lvs_cf.text


def test_add_begins_as_the_original_does(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    fields = form(admin.get(ADD))
    begins = {"name": "[unnamed]", "address": "0.0.0.0", "port": "", "weight": "1"}
    assert {name: fields[name] for name in begins} == begins


def test_accept_adds_it_disabled_after_the_others(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = submit(admin, ADD, name="three", address="10.9.9.23", weight="2")
    assert response.status_code == 303
    added = "server three {\n         address = 10.9.9.23\n         active = 0\n"
    assert f"     {added}         weight = 2\n     }}\n}}\n" in lvs_cf.text
    assert "It is disabled until you activate it." in admin.get(LIST).content.decode()


def test_add_to_a_virtual_server_that_is_gone_gives_back_what_was_typed(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(ADD)) | {"name": "three", "address": "10.9.9.23"}
    lvs_cf.write(LVS_CF.replace("virtual shop", "virtual store"))
    response = admin.post(ADD, mine)
    assert response.status_code == 409
    page = response.content.decode()
    assert "10.9.9.23" in page
    assert "ADD it again" not in page


def test_add_of_what_someone_else_added_meanwhile_is_a_conflict(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(ADD)) | {"name": "three", "address": "10.9.9.23"}
    submit(admin, ADD, name="three", address="10.9.9.24")
    response = admin.post(ADD, mine)
    assert response.status_code == 409
    assert form(response)["address"] == "10.9.9.23"


def test_editing_what_is_gone_offers_to_add_it_again(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(TWO)) | {"weight": "9"}
    submit(admin, TWO, name="second")
    response = admin.post(TWO, mine)
    assert response.status_code == 409
    again = form(response, "weight") | {"address": "10.9.9.29"}
    assert admin.post(ADD, again).status_code == 303
    assert "weight = 9" in lvs_cf.text


def test_a_viewer_looks(viewer: Client, lvs_cf: File, engine: FakeEngine) -> None:
    assert 'value="10.9.9.22"' in viewer.get(TWO).content.decode()
    assert submit(viewer, TWO, weight="4").status_code == 403
    assert viewer.get(ADD).status_code == 403


def test_an_unknown_address_is_not_found(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    assert admin.get(reverse("real-server", args=["shop", "none"])).status_code == 404
    assert admin.get(reverse("real-server", args=["none", "two"])).status_code == 404
