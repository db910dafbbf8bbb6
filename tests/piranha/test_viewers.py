"""Every address of the web, as a viewer who posts whatever might change something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from lvsengine.control import messages
from tests.piranha.conftest import File
from tests.piranha.fake_engine import FakeEngine

# What a viewer may do with the own session, password and look.
OWN = {"login", "logout", "change-password", "theme", "set_language"}
PARTS = {"virtual": "shop", "real": "one", "revision": "0123456789ab", "topic": "control"}
HOSTILE = {
    "what": "standby", "order": "drain/shop/one", "sure": "1", "force": "1", "understood": "1",
    "action": "delete", "delete": "1", "activate": "shop", "text": "serial_no = 8\n",
}  # fmt: skip


def patterns(found: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for one in found:
        if isinstance(one, URLResolver):
            yield from patterns(one.url_patterns)
        else:
            yield one


def addresses() -> list[str]:
    return [
        reverse(str(one.name), kwargs={part: PARTS[part] for part in one.pattern.converters})
        for one in patterns(get_resolver().url_patterns)
        if one.name not in OWN
    ]


def test_all_of_the_web_is_attacked() -> None:
    assert {reverse("control-order"), reverse("apply"), reverse("edit-file")} <= set(addresses())
    assert len(addresses()) > 25


@pytest.mark.parametrize("address", addresses())
def test_a_viewer_changes_nothing_by_any_address(
    viewer: Client, lvs_cf: File, engine: FakeEngine, address: str
) -> None:
    before = lvs_cf.text
    response = viewer.post(address, {**HOSTILE, "revision": lvs_cf.revision})
    assert lvs_cf.text == before
    assert [asked for asked in engine.asked if isinstance(asked, messages.Order)] == []
    assert response.status_code in (200, 302, 303, 403, 404, 405)


def test_an_order_says_for_whom_the_web_acts(
    admin: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    admin.post(reverse("control-order"), {"order": "drain/shop/one", "sure": "1"})
    admin.post(reverse("control-handover"), {"what": "standby"})
    admin.post(reverse("control-handover"), {"what": "takeover"})
    admin.post(reverse("apply"), {"revision": lvs_cf.revision})
    orders = [asked for asked in engine.asked if isinstance(asked, messages.Order)]
    assert [(type(one), one.by) for one in orders] == [
        (messages.SetOverride, "the-admin"),
        (messages.StandBy, "the-admin"),
        (messages.TakeOver, "the-admin"),
        (messages.Reload, "the-admin"),
    ]
