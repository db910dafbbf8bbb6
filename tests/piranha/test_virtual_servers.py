from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from lvsengine.snapshot import Traffic
from piranha.models import AuditEntry
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine, a_real_server, a_snapshot, a_virtual_server
from tests.piranha.forms import Response, form

URL = reverse("virtual-servers")
HTMX = {"HX-Request": "true", "HX-Boosted": "true"}
SECOND = """\
virtual mail {
     active = 0
     address = 192.0.2.101 eth0:2
     port = 25
     server mx {
         address = 10.9.9.31
     }
}
"""


@pytest.fixture
def two(lvs_cf: File) -> File:
    lvs_cf.write(LVS_CF + SECOND)
    return lvs_cf


def press(
    client: Client, do: str, chosen: str = "", headers: dict[str, str] | None = None
) -> Response:
    """Choose a row of the list and press a button under it."""
    fields = form(client.get(URL)) | {"do": do}
    return client.post(URL, fields | ({"chosen": chosen} if chosen else {}), headers=headers)


def runs(engine: FakeEngine, **said: object) -> None:
    engine.answers[messages.Status] = a_snapshot(**said)


def names(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]*">([^<]*)</a>', page)


def test_a_row_tells_what_the_file_says_and_how_it_goes(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    page = admin.get(URL).content.decode()
    assert names(page) == ["shop", "mail"]
    for said in ("192.0.2.100", "255.255.255.0", "eth0:1", "2 of 2 real servers up", "disabled"):
        assert said in page


def test_a_name_leads_to_its_panel(admin: Client, two: File, engine: FakeEngine) -> None:
    page = admin.get(URL).content.decode()
    assert f'href="{reverse("virtual-server", args=["shop"])}"' in page


@pytest.mark.parametrize(
    ("health", "told"),
    [
        (("up", "down"), "degraded"),
        (("down", "down"), "down"),
        (("unknown", "up"), "degraded"),
    ],
)
def test_status_is_the_health_of_the_real_servers(
    admin: Client, lvs_cf: File, engine: FakeEngine, health: tuple[str, str], told: str
) -> None:
    servers = [a_real_server(name, 21, health=one) for name, one in zip("ab", health, strict=True)]
    runs(engine, virtual_servers=(a_virtual_server("shop", *servers),))
    assert f'class="state {told}"' in admin.get(URL).content.decode()


def test_without_an_engine_the_list_says_that_health_is_not_known(
    admin: Client, lvs_cf: File
) -> None:
    page = admin.get(URL).content.decode()
    assert 'class="state unknown"' in page
    assert "pulse is not running" in page


def test_what_does_not_run_yet_says_so(admin: Client, two: File, engine: FakeEngine) -> None:
    press(admin, "toggle", "mail")
    assert "it does not run until you apply lvs.cf" in admin.get(URL).content.decode()


def test_edit_opens_the_chosen_one(admin: Client, two: File, engine: FakeEngine) -> None:
    response = press(admin, "edit", "mail")
    assert response.headers["Location"] == reverse("virtual-server", args=["mail"])


def test_deactivate_changes_one_line_and_says_who_is_cut(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    press(admin, "toggle", "shop")
    wanted = (LVS_CF + SECOND).replace("serial_no = 7", "serial_no = 8")
    assert two.text == wanted.replace("shop {\n     active = 1", "shop {\n     active = 0")
    assert "4 connections on 2 real servers will be cut" in admin.get(URL).content.decode()
    assert AuditEntry.objects.get().action == "disable"


def test_activate_is_the_same_button(admin: Client, two: File, engine: FakeEngine) -> None:
    press(admin, "toggle", "mail")
    assert "virtual mail {\n     active = 1" in two.text


def test_activating_what_cannot_run_is_refused_with_the_reason(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    before = LVS_CF + SECOND.replace("192.0.2.101 eth0:2", "192.0.2.101 eth0:1")
    lvs_cf.write(before)
    response = press(admin, "toggle", "mail")
    assert response.status_code == 422
    assert "already carries" in response.content.decode()
    assert lvs_cf.text == before


def test_a_button_without_a_chosen_row_asks_for_one(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    response = press(admin, "toggle")
    assert response.status_code == 422
    assert "Choose a virtual server first." in response.content.decode()


def test_a_stale_list_changes_nothing_and_keeps_the_choice(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    stale = form(admin.get(URL)) | {"do": "toggle", "chosen": "mail"}
    press(admin, "toggle", "shop")
    before = two.text

    response = admin.post(URL, stale)

    assert response.status_code == 409
    assert two.text == before
    assert form(response)["chosen"] == "mail"
    assert form(response)["revision"] == two.revision


def test_what_someone_else_deleted_is_told(admin: Client, two: File, engine: FakeEngine) -> None:
    stale = form(admin.get(URL)) | {"do": "toggle", "chosen": "mail"}
    two.write(LVS_CF)
    response = admin.post(URL, stale)
    assert response.status_code == 409
    assert "There is no virtual server mail any more" in response.content.decode()


def test_delete_asks_with_the_consequence_in_numbers(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    response = press(admin, "delete", "shop")
    url = response.headers["Location"]
    page = admin.get(url).content.decode()
    assert "4 connections on 2 real servers will be cut" in page
    assert "one, two" in page
    assert two.text == LVS_CF + SECOND


def test_delete_takes_the_block_and_nothing_else(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    url = reverse("delete-virtual-server", args=["mail"])
    assert admin.post(url, form(admin.get(url))).status_code == 303
    assert two.text == LVS_CF.replace("serial_no = 7", "serial_no = 8")
    assert AuditEntry.objects.get().action == "delete"


def test_delete_of_what_changed_meanwhile_asks_again(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    url = reverse("delete-virtual-server", args=["mail"])
    stale = form(admin.get(url))
    press(admin, "toggle", "mail")

    response = admin.post(url, stale)

    assert response.status_code == 409
    assert "virtual mail" in two.text
    assert admin.post(url, form(response)).status_code == 303
    assert "virtual mail" not in two.text


def test_a_standby_says_that_the_connections_are_elsewhere(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    runs(engine, state="standby")
    page = admin.get(reverse("delete-virtual-server", args=["shop"])).content.decode()
    assert "This director stands by" in page


@pytest.mark.parametrize(
    ("active", "told"),
    [(1, "1 connection on 1 real server will"), (12345, "12\u202f345 connections on 1 real")],
)
def test_the_numbers_are_in_good_grammar(
    admin: Client, lvs_cf: File, engine: FakeEngine, active: int, told: str
) -> None:
    busy = replace(
        a_virtual_server("shop", a_real_server("one", 21)), traffic=Traffic(active=active)
    )
    runs(engine, virtual_servers=(busy,))
    assert told in admin.get(reverse("delete-virtual-server", args=["shop"])).content.decode()


def test_the_query_is_in_the_address_and_finds_real_servers_too(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    page = admin.get(URL, {"q": "10.9.9.31"}).content.decode()
    assert names(page) == ["mail"]
    assert "1 of 2" in page


def test_a_column_sorts_and_then_the_other_way(
    admin: Client, two: File, engine: FakeEngine
) -> None:
    assert names(admin.get(URL, {"sort": "name"}).content.decode()) == ["mail", "shop"]
    page = admin.get(URL, {"sort": "-name"}).content.decode()
    assert names(page) == ["shop", "mail"]
    assert 'aria-sort="descending"' in page


def test_trouble_sorts_to_the_top(admin: Client, two: File, engine: FakeEngine) -> None:
    down = a_real_server("mx", 31, health="down")
    runs(engine, virtual_servers=(a_virtual_server(), a_virtual_server("mail", down)))
    two.write(LVS_CF + SECOND.replace("active = 0", "active = 1"))
    assert names(admin.get(URL, {"sort": "status"}).content.decode()) == ["mail", "shop"]


def test_fifty_rows_a_page_and_the_rest_behind_a_link(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    many = [SECOND.replace("virtual mail", f"virtual mail-{number}") for number in range(120)]
    lvs_cf.write(LVS_CF + "".join(many))
    page = admin.get(URL, {"q": "mail", "page": "3"}).content.decode()
    assert len(names(page)) == 20
    assert 'href="?q=mail&amp;page=2"' in page


def test_rubbish_in_the_query_shows_the_list(admin: Client, two: File, engine: FakeEngine) -> None:
    response = admin.get(URL, {"sort": "<script>", "page": "-7e9", "q": ""})
    assert names(response.content.decode()) == ["shop", "mail"]


def test_htmx_gets_the_same_answers(admin: Client, two: File, engine: FakeEngine) -> None:
    response = press(admin, "toggle", "mail", HTMX)
    assert response.status_code == 303
    assert press(admin, "toggle", headers=HTMX).status_code == 422


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_is_no_admin_has_no_buttons(
    role: str, request: pytest.FixtureRequest, two: File, engine: FakeEngine
) -> None:
    client = request.getfixturevalue(role)
    page = client.get(URL).content.decode()
    assert names(page) == ["shop", "mail"]
    assert 'name="do"' not in page
    assert 'type="radio"' not in page
    assert client.post(URL, {"do": "toggle", "chosen": "shop"}).status_code == 403
    delete = reverse("delete-virtual-server", args=["shop"])
    assert client.get(delete).status_code == 403
    assert client.post(delete).status_code == 403
    assert two.text == LVS_CF + SECOND


def test_an_empty_list_says_what_to_do(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    lvs_cf.write(LVS_CF[: LVS_CF.index("virtual shop")])
    page = admin.get(URL).content.decode()
    assert "There is no virtual server yet" in page
    assert reverse("add-virtual-server") in page
