from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from piranha.models import AuditEntry
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine, a_real_server, a_snapshot, a_virtual_server
from tests.piranha.forms import Response, form

URL = reverse("real-servers", args=["shop"])
HTMX = {"HX-Request": "true", "HX-Boosted": "true"}
WEIGHT = "weight:two"


def press(client: Client, do: str, chosen: str = "", **typed: str) -> Response:
    fields = form(client.get(URL)) | {"do": do, "chosen": chosen}
    return client.post(
        URL, fields | {name.replace("_", ":"): text for name, text in typed.items()}
    )


def runs(engine: FakeEngine, **said: object) -> None:
    two = a_real_server("two", 22, **said)
    servers = (a_virtual_server("shop", a_real_server("one", 21), two),)
    engine.answers[messages.Status] = a_snapshot(virtual_servers=servers)


def test_a_row_tells_health_and_its_reason(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    runs(engine, health="down", reason="connection refused by 10.9.9.22:80 (3 times)")
    page = admin.get(URL).content.decode()
    assert 'class="state down"' in page
    assert "connection refused by 10.9.9.22:80 (3 times)" in page
    assert 'class="state up"' in page


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"override": "drain"}, "drained"),
        ({"override": "force-up", "health": "down"}, "forced up"),
        ({"override": "force-down"}, "forced down"),
        ({"weight": 0}, "quiesced"),
        ({"health": "unknown", "since": 0.0}, "unknown"),
    ],
)
def test_what_an_operator_ordered_is_in_the_row(
    admin: Client, lvs_cf: File, engine: FakeEngine, said: dict[str, object], word: str
) -> None:
    runs(engine, **said)
    assert f"</span> {word}</span>" in admin.get(URL).content.decode()


def test_a_weight_is_edited_in_its_row_and_one_line_changes(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    assert press(admin, "weights", weight_two="5").status_code == 303
    assert lvs_cf.differing() == ["serial_no = 8", "weight = 5"]
    before, _brace, after = lvs_cf.text.partition("server two")
    assert "weight = 1" in before
    assert "weight = 5" in after
    entry = AuditEntry.objects.get()
    assert entry.subject == "real server two of virtual server shop"
    place = "virtual shop server two"
    change = {"place": place, "key": "weight", "before": "1", "after": "5"}
    assert change in entry.changes


def test_a_bad_weight_is_refused_in_its_row_and_kept(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = press(admin, "weights", weight_two="70000", weight_one="4")
    page = response.content.decode()
    assert response.status_code == 422
    assert "must be from 0 to 65535, not 70000" in page
    assert 'aria-describedby="weight-2-error"' in page
    assert form(response)[WEIGHT] == "70000"
    assert form(response)["weight:one"] == "4"
    assert lvs_cf.text == LVS_CF


def test_of_two_weights_the_second_saver_sees_both(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL)) | {"do": "weights", WEIGHT: "5"}
    press(admin, "weights", weight_two="7")

    response = admin.post(URL, mine)

    assert response.status_code == 409
    assert "the file says 7 now" in response.content.decode()
    again = form(response)
    assert again[WEIGHT] == "5"
    assert admin.post(URL, again | {"do": "weights"}).status_code == 303
    assert "weight = 5" in lvs_cf.text


def test_enter_in_a_weight_saves_it(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    page = admin.get(URL).content.decode()
    inside = page[page.index('<form method="post" class="panel wide"') :]
    first = inside[inside.index("<button") :].split(">")[0]
    assert 'value="weights"' in first


def test_typed_weights_are_not_lost_by_another_button(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = press(admin, "toggle", "one", weight_two="5")
    assert response.status_code == 422
    assert "Weights were typed" in response.content.decode()
    assert form(response)[WEIGHT] == "5"
    assert lvs_cf.text == LVS_CF


def test_deactivate_says_who_is_cut_and_who_is_left(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    press(admin, "toggle", "two")
    assert lvs_cf.text.rpartition("server two")[2].count("active = 0") == 1
    page = admin.get(URL).content.decode()
    assert "2 connections will be cut when you apply lvs.cf." in page
    assert "1 other real server is up" in page
    assert "it still runs until you apply" in page


def test_delete_asks_in_numbers_and_takes_one_block(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    url = press(admin, "delete", "two").headers["Location"]
    response = admin.get(url)
    assert "2 connections will be cut" in response.content.decode()
    assert admin.post(url, form(response)).headers["Location"] == URL
    assert "server two" not in lvs_cf.text
    assert "server one" in lvs_cf.text


def test_edit_opens_the_chosen_one(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    wanted = reverse("real-server", args=["shop", "two"])
    assert press(admin, "edit", "two").headers["Location"] == wanted


def test_a_row_that_is_gone_is_told(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    response = press(admin, "toggle", "three")
    assert response.status_code == 409
    assert "There is no real server three of virtual server shop" in response.content.decode()


def test_a_virtual_server_that_is_gone_gives_the_typed_weights_back(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL)) | {"do": "weights", WEIGHT: "5"}
    lvs_cf.write(LVS_CF.replace("virtual shop", "virtual store"))
    response = admin.post(URL, mine)
    assert response.status_code == 409
    assert "<code>5</code>" in response.content.decode()


def test_deleting_what_is_gone_says_so(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    url = reverse("delete-real-server", args=["shop", "two"])
    mine = form(admin.get(url))
    press(admin, "weights")
    admin.post(url, form(admin.get(url)))
    assert admin.post(url, mine).status_code == 409
    assert admin.get(url).status_code == 404


def test_warnings_about_real_servers_are_here(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    disabled = LVS_CF.replace("     active = 1\n     address", "     active = 0\n     address")
    lvs_cf.write(disabled.replace("10.9.9.22", "10.9.9.21"))
    assert "is already listed as server" in admin.get(URL).content.decode()


def test_htmx_gets_the_same_answers(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    fields = form(admin.get(URL)) | {"do": "weights"}
    assert admin.post(URL, fields | {WEIGHT: "x"}, headers=HTMX).status_code == 422
    assert admin.post(URL, fields | {WEIGHT: "3"}, headers=HTMX).status_code == 303


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_is_no_admin_looks(
    role: str, request: pytest.FixtureRequest, lvs_cf: File, engine: FakeEngine
) -> None:
    client = request.getfixturevalue(role)
    page = client.get(URL).content.decode()
    assert "10.9.9.22" in page
    assert WEIGHT not in page
    assert client.post(URL, {"do": "weights", WEIGHT: "5"}).status_code == 403
    assert lvs_cf.text == LVS_CF


def test_an_empty_list_says_what_to_do(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    lvs_cf.write(LVS_CF[: LVS_CF.index("     server one")] + "}\n")
    assert "There is no real server yet" in admin.get(URL).content.decode()
