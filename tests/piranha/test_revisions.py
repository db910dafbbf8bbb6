from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from piranha.models import AuditEntry
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import form, submit

URL = reverse("revisions")
GLOBAL = reverse("global-settings")
BAD = LVS_CF.replace("weight = 1", "weight = heavy")


def restore(revision: str) -> str:
    return reverse("restore-revision", args=[revision])


@pytest.fixture
def first(admin: Client, lvs_cf: File, engine: FakeEngine) -> str:
    """Save once; gives the revision that was there before."""
    revision = lvs_cf.revision
    submit(admin, GLOBAL, tcp_timeout="300")
    return revision


def test_the_list_says_who_saved_what(admin: Client, lvs_cf: File, first: str) -> None:
    page = admin.get(URL).content.decode()
    assert page.index(lvs_cf.revision) < page.index(f">{first}<")
    assert "the-admin" in page
    assert "tcp_timeout = 300" in page
    assert "the oldest that is kept" in page
    assert "not by the web" in page


def test_without_any_the_page_says_so(admin: Client, lvs_cf: File) -> None:
    lvs_cf.path.unlink()
    assert "No earlier revision is kept yet." in admin.get(URL).content.decode()


def test_one_is_shown_whole_with_numbered_lines(admin: Client, first: str) -> None:
    page = admin.get(reverse("revision", args=[first])).content.decode()
    assert '<span class="n">1</span><code># the shop&#x27;s director</code>' in page
    assert restore(first) in page


def test_two_are_compared(admin: Client, lvs_cf: File, first: str) -> None:
    response = admin.get(reverse("compare-revisions"), {"before": first, "after": lvs_cf.revision})
    page = response.content.decode()
    assert "tcp_timeout = 300" in page
    assert f"From {first} to {lvs_cf.revision}" in page


def test_what_is_not_kept_is_said_and_is_no_error_of_the_server(
    admin: Client, lvs_cf: File
) -> None:
    response = admin.get(reverse("revision", args=["0123456789ab"]))
    assert response.status_code == 409
    assert "revision 0123456789ab of" in response.content.decode()


def test_a_restore_asks_with_the_difference(admin: Client, lvs_cf: File, first: str) -> None:
    before = lvs_cf.text
    page = admin.get(restore(first)).content.decode()
    assert "tcp_timeout = 300" in page
    assert '<span class="visually-hidden">removed</span>' in page
    assert lvs_cf.text == before


def test_a_restore_is_a_new_revision_whose_serial_number_is_raised(
    admin: Client, lvs_cf: File, first: str
) -> None:
    present = lvs_cf.revision
    response = submit(admin, restore(first))

    assert response.status_code == 303
    assert lvs_cf.differing() == ["serial_no = 9"]
    assert lvs_cf.text == LVS_CF.replace("serial_no = 7", "serial_no = 9")
    entry = AuditEntry.objects.get(action="restore")
    assert (entry.before, entry.after) == (present, lvs_cf.revision)


def test_a_restore_works_though_the_present_file_is_unsound(
    admin: Client, lvs_cf: File, first: str
) -> None:
    lvs_cf.write(BAD + "}}}\n")
    assert submit(admin, restore(first)).status_code == 303
    assert lvs_cf.text == LVS_CF.replace("serial_no = 7", "serial_no = 8")


def test_a_restore_works_though_the_file_is_gone(admin: Client, lvs_cf: File, first: str) -> None:
    lvs_cf.path.unlink()
    assert submit(admin, restore(first)).status_code == 303
    assert lvs_cf.text == LVS_CF.replace("serial_no = 7", "serial_no = 8")


def test_an_unsound_revision_is_refused_with_its_problems(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    bad = lvs_cf.write(BAD)
    fields = form(admin.get(reverse("edit-file"))) | {"text": LVS_CF}
    assert admin.post(reverse("edit-file"), fields).status_code == 303
    before = lvs_cf.text

    page = admin.get(restore(bad)).content.decode()
    assert page.count("weight must be a whole number") >= 2
    assert '<button class="primary"' not in page
    response = admin.post(restore(bad), {"revision": lvs_cf.revision})
    assert response.status_code == 422
    assert lvs_cf.text == before


def test_who_restores_after_someone_saved_is_shown_the_difference_anew(
    admin: Client, lvs_cf: File, first: str
) -> None:
    asked = form(admin.get(restore(first)))
    submit(admin, GLOBAL, udp_timeout="20")
    before = lvs_cf.text

    response = admin.post(restore(first), asked)

    assert response.status_code == 409
    assert "udp_timeout = 20" in response.content.decode()
    assert lvs_cf.text == before


def test_only_an_admin_restores(
    viewer: Client, operator: Client, lvs_cf: File, first: str
) -> None:
    for client in (viewer, operator):
        assert client.get(URL).status_code == 200
        response = client.post(restore(first), {"revision": lvs_cf.revision})
        assert response.status_code == 403


def test_an_unsound_file_offers_the_revisions_and_the_editor(
    admin: Client, lvs_cf: File, first: str
) -> None:
    lvs_cf.write(BAD)
    response = admin.get(GLOBAL)
    page = response.content.decode()
    assert response.status_code == 409
    assert 'href="#L33"' in page
    assert 'id="L33"' in page
    assert restore(first) in page
    assert reverse("edit-file") in page
    assert lvs_cf.text == BAD
