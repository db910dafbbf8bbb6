from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.lvscf.keys import KEYS, Key
from piranha.allowed import allowed
from piranha.panels import MORE, PANELS, help
from piranha.panels.global_settings import GlobalSettingsForm
from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", *help.TOPICS, *help.ELSEWHERE])
def test_every_page_is_read_without_logging_in(client: Client, name: str) -> None:
    response = client.get(reverse("help", args=[name]) if name else reverse("help"))
    assert response.status_code == 200
    assert "<h1>" in response.content.decode()


@pytest.mark.parametrize("name", [*(panel.name for panel in PANELS), *MORE])
def test_every_panels_own_help_link_leads_somewhere(client: Client, name: str) -> None:
    assert help.ELSEWHERE.get(name, name) in (*help.TOPICS, "")


def test_a_page_that_is_none_is_not_found(client: Client, db: None) -> None:
    assert client.get(reverse("help", args=["nonsense"])).status_code == 404


def test_a_field_is_told_by_its_label_key_range_and_default(client: Client, db: None) -> None:
    page = client.get(reverse("help", args=["global_settings"])).content.decode()
    assert 'id="tcp_timeout"' in page
    assert "TCP timeout (seconds)" in page
    assert "Seconds until an idle TCP connection is forgotten" in page
    assert "Whole seconds, from 0 to 2147483." in page
    assert "When not given: <code>0</code>" in page


def test_each_fields_more_leads_to_its_paragraph(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    panel = admin.get(reverse("global-settings")).content.decode()
    page = admin.get(reverse("help", args=["global_settings"])).content.decode()
    url = reverse("help", args=["global_settings"])
    named = [name for name in GlobalSettingsForm.base_fields if name != "revision"]
    assert named
    for name in named:
        assert f'href="{url}#{name}"' in panel
        assert f'id="{name}"' in page


def test_a_field_that_help_does_not_know_has_no_link(client: Client, db: None) -> None:
    page = client.get(reverse("login")).content.decode()
    assert "Help on" not in page


def test_keys_of_ours_are_marked(client: Client, db: None) -> None:
    page = client.get(reverse("help", args=["lvs_cf"])).content.decode()
    start = page.index('id="virtual-fall"')
    assert "ours" in page[start : start + 200]
    start = page.index('id="virtual-scheduler"')
    assert "ours" not in page[start : start + 200]


@pytest.mark.parametrize(
    "key",
    [key for rows in KEYS.values() for key in rows.values() if not key.is_kept],
    ids=lambda key: f"{key.section.value}-{key.name}",
)
def test_every_key_says_what_may_stand_there(key: Key) -> None:
    assert allowed(key).endswith(".")
    assert "%" not in allowed(key)


def test_a_panel_may_offer_its_forms_or_just_define_them() -> None:
    assert help.forms_of("global_settings") == (GlobalSettingsForm,)
    assert help.forms_of("audit_log") == ()
    assert help.forms_of("nonsense") == ()


def test_the_introduction_is_useful_to_who_is_not_logged_in(client: Client, db: None) -> None:
    page = client.get(reverse("introduction")).content.decode()
    for told in ("GLOBAL SETTINGS", "Setting up a pair", reverse("help", args=["original"])):
        assert told in page
