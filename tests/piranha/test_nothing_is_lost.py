"""Whatever stands in the way, what was typed is on the page that says so."""

from __future__ import annotations

import threading

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.errors import EngineError
from lvsengine.lvscf import look, store
from lvsengine.lvscf.edits import Where, with_weight
from lvsengine.lvscf.syntax import Tree
from piranha import director
from tests.piranha.conftest import LVS_CF, File
from tests.piranha.fake_engine import FakeEngine
from tests.piranha.forms import form

SHOP = reverse("virtual-server", args=["shop"])
PAGES = {
    SHOP: ("sorry_server", "10.9.9.77"),
    reverse("real-server", args=["shop", "two"]): ("address", "10.9.9.77"),
    reverse("monitoring-scripts", args=["shop"]): ("send", "hello-77"),
    reverse("add-virtual-server"): ("name", "hello-77"),
    reverse("add-real-server", args=["shop"]): ("name", "hello-77"),
    reverse("global-settings"): ("tcp_timeout", "777"),
}


@pytest.mark.parametrize("url", PAGES)
def test_a_file_that_somebody_broke_gives_the_values_back_and_lets_one_try_again(
    admin: Client, lvs_cf: File, engine: FakeEngine, url: str
) -> None:
    name, text = PAGES[url]
    mine = form(admin.get(url), name) | {name: text}
    broken = lvs_cf.text.replace("weight = 1", "weight = heavy")
    lvs_cf.write(broken)

    response = admin.post(url, mine)

    assert response.status_code == 409
    assert "must be a whole number" in response.content.decode()
    assert lvs_cf.text == broken
    again = form(response)
    assert again[name] == text
    lvs_cf.write(LVS_CF)
    assert admin.post(url, again).status_code == 303
    assert text in lvs_cf.text


@pytest.mark.parametrize("url", PAGES)
def test_a_file_that_is_away_gives_the_values_back(
    admin: Client, lvs_cf: File, engine: FakeEngine, url: str
) -> None:
    name, text = PAGES[url]
    mine = form(admin.get(url), name) | {name: text}
    lvs_cf.path.unlink()
    response = admin.post(url, mine)
    assert response.status_code == 409
    assert text in response.content.decode()


@pytest.mark.parametrize("url", PAGES)
def test_a_file_that_may_not_be_written_gives_the_form_back(
    admin: Client, lvs_cf: File, engine: FakeEngine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, text = PAGES[url]
    mine = form(admin.get(url), name) | {name: text}

    def refuse(*_: object) -> None:
        raise EngineError("not-permitted", "lvs.cf may not be written by this user")

    monkeypatch.setattr(store, "save", refuse)
    response = admin.post(url, mine)
    assert response.status_code == 422
    assert "may not be written by this user" in response.content.decode()
    assert form(response, name)[name] == text


def test_without_a_token_nothing_is_done(lvs_cf: File, engine: FakeEngine, admin: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin.cookies
    assert strict.post(SHOP, {"port": "81"}).status_code == 403
    assert lvs_cf.text == LVS_CF


def a_share_more(name: str) -> director.Edit:
    """Make the edit that adds one to a weight, whatever that is by then."""
    where = Where("shop", name)

    def edited(tree: Tree) -> Tree:
        return with_weight(tree, "shop", name, int(look.text(tree, where, "weight")) + 1)

    return edited


def add_a_share(name: str) -> None:
    """As somebody who tries again whenever someone else was first."""
    while True:
        try:
            director.save(director.load().revision, a_share_more(name))
        except director.Conflict:
            continue
        except EngineError as error:
            if error.code != "busy":
                raise
        else:
            return


def test_of_a_hundred_edits_at_once_none_is_lost_and_none_is_torn(lvs_cf: File) -> None:
    count = 100
    threads = [
        threading.Thread(target=add_a_share, args=(("one", "two")[number % 2],))
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    config = director.load().config
    assert config is not None
    assert config.serial_no == 7 + count
    weights = [real.weight for real in config.virtual_servers[0].real_servers]
    assert weights == [1 + count // 2, 1 + count // 2]
