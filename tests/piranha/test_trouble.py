from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from lvsengine.errors import EngineError
from lvsengine.lvscf import store
from piranha import director, trouble
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine

PAGES = ("difference", "global-settings", "revisions", "edit-file", "audit", "introduction")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("what", ["missing", "a folder", "no text", "empty", "unsound"])
def test_whatever_lvs_cf_is_no_page_is_an_error_of_the_server(
    admin: Client, lvs_cf: File, engine: FakeEngine, page: str, what: str
) -> None:
    if what in ("missing", "a folder"):
        lvs_cf.path.unlink()
    if what == "a folder":
        lvs_cf.path.mkdir()
    contents = {"no text": b"serial_no = 1\0\n", "empty": b"", "unsound": b"virtual {\n"}
    if what in contents:
        lvs_cf.path.write_bytes(contents[what])

    response = admin.get(reverse(page))

    assert response.status_code in (200, 409)
    assert "<h1>" in response.content.decode()


def test_a_missing_file_leads_to_the_first_one(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.path.unlink()
    response = admin.get(reverse("global-settings"))
    assert response.status_code == 409
    page = response.content.decode()
    assert "There is no lvs.cf yet" in page
    assert reverse("edit-file") in page


def test_what_is_no_text_is_said_with_its_line_and_left_alone(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    data = LVS_CF.encode() + b"\0\n"
    lvs_cf.path.write_bytes(data)
    page = admin.get(reverse("global-settings")).content.decode()
    assert "is no text: line 41 holds a NUL byte" in page
    assert f"mv {lvs_cf.path}" in page
    assert lvs_cf.path.read_bytes() == data


def test_an_engine_that_is_away_is_unavailable(rf: RequestFactory, lvs_cf: File) -> None:
    response = trouble.page(rf.get("/x/"), EngineError("not-running", "pulse is not running"))
    assert response.status_code == 503
    assert "pulse is not running" in response.content.decode()


def test_a_conflict_that_nobody_caught_is_a_page_too(rf: RequestFactory, lvs_cf: File) -> None:
    error = director.Conflict(store.load(lvs_cf.path), "0123456789ab")
    answer = trouble.TroubleMiddleware(
        lambda request: trouble.page(request, EngineError("x", "y"))
    )
    response = answer.process_exception(rf.get("/x/"), error)
    assert response is not None
    assert response.status_code == 409
    assert answer.process_exception(rf.get("/x/"), ValueError()) is None
