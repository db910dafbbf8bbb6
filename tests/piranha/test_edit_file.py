from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from piranha.models import AuditEntry
from piranha.panels import edit_file
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import form, submit

URL = reverse("edit-file")
GLOBAL = reverse("global-settings")


def test_the_whole_text_is_saved_as_it_was_typed(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    before = lvs_cf.revision
    typed = LVS_CF.replace("# the shop", "# my shop").replace("weight = 1", "weight = 5")
    response = submit(admin, URL, text=typed.replace("\n", "\r\n"))  # as browsers send it

    assert response.status_code == 303
    assert lvs_cf.text == typed.replace("serial_no = 7", "serial_no = 8")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after) == ("edit", before, lvs_cf.revision)


def test_an_untouched_text_changes_nothing(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    assert submit(admin, URL).status_code == 303
    assert lvs_cf.text == LVS_CF


def test_line_ends_and_bytes_that_a_page_cannot_show_stay(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    data = LVS_CF.replace("\n", "\r\n").encode().replace(b"# the", b"# caf\xe9")
    lvs_cf.path.write_bytes(data)
    typed = form(admin.get(URL))["text"].replace("weight = 1", "weight = 5")
    assert submit(admin, URL, text=typed).status_code == 303

    wanted = data.replace(b"weight = 1", b"weight = 5").replace(b"serial_no = 7", b"serial_no = 8")
    assert lvs_cf.path.read_bytes() == wanted


def test_an_unsound_text_is_refused_with_every_problem_and_kept(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    typed = LVS_CF.replace("weight = 1", "weight = heavy").replace("port = 80", "port = 0")
    response = submit(admin, URL, text=typed)

    assert response.status_code == 422
    assert lvs_cf.text == LVS_CF
    page = response.content.decode()
    assert "lvs.cf:33: weight must be a whole number" in page
    assert "lvs.cf:38: weight must be a whole number" in page
    assert "lvs.cf:20: port must be from 1 to 65535" in page
    assert form(response)["text"].strip() == typed.strip()


def test_broken_blocks_are_refused_too(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    response = submit(admin, URL, text=LVS_CF + "}\n")
    assert response.status_code == 422
    assert "closes nothing" in response.content.decode()


@pytest.mark.parametrize("text", ["", "  \n\n", "\x00", "a = \ud800"])
def test_rubbish_is_refused_and_kept(
    admin: Client, lvs_cf: File, engine: FakeEngine, text: str
) -> None:
    fields = form(admin.get(URL)) | {"text": text.encode("utf-8", "replace").decode()}
    assert admin.post(URL, fields).status_code == 422
    assert lvs_cf.text == LVS_CF


def test_an_unsound_file_can_be_mended(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    lvs_cf.write(LVS_CF.replace("weight = 1", "weight = heavy"))
    page = admin.get(URL)
    assert "2 errors stand in the way" in page.content.decode()
    assert submit(admin, URL, text=LVS_CF).status_code == 303
    assert lvs_cf.text == LVS_CF.replace("serial_no = 7", "serial_no = 8")


def test_who_saves_second_keeps_the_text_and_sees_what_separates_it(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL))
    mine["text"] = LVS_CF.replace("reentry = 15", "reentry = 9")
    submit(admin, GLOBAL, tcp_timeout="300")

    response = admin.post(URL, mine)

    assert response.status_code == 409
    assert "tcp_timeout = 300" in response.content.decode()
    again = form(response)
    assert again["text"].strip() == mine["text"].strip()
    assert admin.post(URL, again).status_code == 303
    assert "reentry = 9" in lvs_cf.text
    assert "tcp_timeout" not in lvs_cf.text


def test_an_earlier_revision_can_be_taken_as_a_start(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    first = lvs_cf.revision
    submit(admin, GLOBAL, tcp_timeout="300")
    fields = form(admin.get(URL, {"from": first}))
    assert fields["text"].strip() == LVS_CF.strip()
    assert fields["revision"] == lvs_cf.revision


def test_a_file_too_large_for_a_form_is_left_to_an_editor(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(LVS_CF + "# comment\n" * (edit_file.MOST // 10))
    assert "too large for a form" in admin.get(URL).content.decode()


def test_a_file_of_two_hundred_virtual_servers_can_be_edited(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    head, block = LVS_CF.split("\nvirtual", 1)
    blocks = (
        f"\nvirtual{block}".replace("shop", f"shop{number}").replace(
            "port = 80", f"port = {number}"
        )
        for number in range(1, 201)
    )
    text = head + "".join(blocks)
    lvs_cf.write(text)
    assert submit(admin, URL, text=text.replace("reentry = 15", "reentry = 9")).status_code == 303
    assert lvs_cf.text.count("reentry = 9") == 200


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_an_admin_edits(
    request: pytest.FixtureRequest, lvs_cf: File, engine: FakeEngine, role: str
) -> None:
    client: Client = request.getfixturevalue(role)
    assert client.get(URL).status_code == 403
    assert client.post(URL, {"text": "x", "revision": lvs_cf.revision}).status_code == 403
    assert lvs_cf.text == LVS_CF


def test_a_first_file_is_made_when_asked_and_not_before(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.path.unlink()
    page = admin.get(URL)
    assert not lvs_cf.path.exists()
    fields = form(page, "primary") | {"primary": "192.0.2.11"}

    assert admin.post(URL, fields).status_code == 303

    assert "serial_no = 1\nprimary = 192.0.2.11\n" in lvs_cf.text
    assert admin.get(GLOBAL).status_code == 200
    assert AuditEntry.objects.get().action == "create"


@pytest.mark.parametrize("typed", ["", "0.0.0.0", "here"])
def test_a_first_file_needs_an_address(
    admin: Client, lvs_cf: File, engine: FakeEngine, typed: str
) -> None:
    lvs_cf.path.unlink()
    fields = form(admin.get(URL), "primary") | {"primary": typed}
    response = admin.post(URL, fields)
    assert response.status_code == 422
    assert form(response, "primary")["primary"] == typed
    assert not lvs_cf.path.exists()


def test_two_who_make_the_first_file_do_not_overwrite_one_another(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.path.unlink()
    fields = form(admin.get(URL), "primary") | {"primary": "192.0.2.11"}
    lvs_cf.write(LVS_CF)  # meanwhile
    assert admin.post(URL, fields).status_code == 422
    assert lvs_cf.text == LVS_CF
