from __future__ import annotations

import html

import pytest
from django.test import Client
from django.urls import reverse

from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import form, submit

URL = reverse("monitoring-scripts", args=["shop"])


def test_escapes_are_shown_as_the_file_has_them(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    fields = form(admin.get(URL))
    assert fields["send"] == r"GET / HTTP/1.0\r\n\r\n"
    assert fields["expect"] == "HTTP"
    assert fields["send_program"] == ""


@pytest.mark.parametrize(
    ("field", "typed", "line"),
    [
        ("send", r"quit\r\n", r'send = "quit\r\n"'),
        ("send", "  QUIT  ", 'send = "  QUIT  "'),
        ("expect", r"220\t", r'expect = "220\t"'),
        ("use_regex", "on", "use_regex = 1"),
        ("send_program", "/usr/bin/check %h", 'send_program = "/usr/bin/check %h"'),
    ],
)
def test_each_field_changes_its_own_line_as_it_was_typed(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str, typed: str, line: str
) -> None:
    assert submit(admin, URL, **{field: typed}).status_code == 303
    assert lvs_cf.differing() == ["serial_no = 8", line]


@pytest.mark.parametrize("field", ["send", "expect"])
def test_a_blank_button_empties_its_field_and_saves_the_rest(
    admin: Client, lvs_cf: File, engine: FakeEngine, field: str
) -> None:
    submit(admin, URL, blank=field, use_regex="on")
    block = lvs_cf.text[lvs_cf.text.index("virtual shop") :]
    assert f"     {field} = " not in block


def test_no_send_program_takes_it_away(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    submit(admin, URL, send_program="/usr/bin/check %h")
    assert "NO SEND PROGRAM" in admin.get(URL).content.decode()
    submit(admin, URL, blank="send_program")
    assert "send_program" not in lvs_cf.text


def test_enter_in_a_field_accepts_and_blanks_nothing(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    page = admin.get(URL).content.decode()
    inside = page[page.index('<form method="post" class="panel"') :]
    assert 'name="blank"' not in inside[inside.index("<button") :].split(">")[0]


def test_that_the_program_wins_is_said(admin: Client, lvs_cf: File, engine: FakeEngine) -> None:
    submit(admin, URL, send_program="/usr/bin/check %h")
    assert "send is not used, for send_program is given" in admin.get(URL).content.decode()


def test_a_text_that_the_file_cannot_hold_is_refused_and_kept(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    typed = 'say "hello world'
    response = submit(admin, URL, send=typed)
    assert response.status_code == 422
    assert form(response)["send"] == typed
    assert lvs_cf.text == LVS_CF


def test_a_regular_expression_that_cannot_be_used_is_refused_beside_expect(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = submit(admin, URL, expect="(", use_regex="on")
    assert response.status_code == 422
    assert 'id="id_expect_error"' in response.content.decode()
    assert lvs_cf.text == LVS_CF


def test_the_sample_prints_ok_when_the_name_server_answers(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    page = html.unescape(admin.get(URL).content.decode())
    script = page[page.index("#!/bin/sh") :]
    assert script.index("grep -q") < script.index("echo OK") < script.index("else")


def test_who_saves_second_sees_blanks_and_escapes_unharmed(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL)) | {"send": r"  a\n "}
    submit(admin, URL, send="other")
    response = admin.post(URL, mine)
    assert response.status_code == 409
    assert admin.post(URL, form(response) | {"send": r"  a\n "}).status_code == 303
    assert r'send = "  a\n "' in lvs_cf.text


def test_a_virtual_server_that_is_gone_gives_back_what_was_typed(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    mine = form(admin.get(URL)) | {"send": r"HELO\n"}
    lvs_cf.write(LVS_CF.replace("virtual shop", "virtual store"))
    response = admin.post(URL, mine)
    assert response.status_code == 409
    assert r"HELO\n" in response.content.decode()


def test_a_viewer_looks(viewer: Client, lvs_cf: File, engine: FakeEngine) -> None:
    page = viewer.get(URL).content.decode()
    assert "BLANK SEND" not in page
    assert submit(viewer, URL, send="x").status_code == 403
