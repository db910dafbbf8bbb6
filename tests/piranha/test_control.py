from __future__ import annotations

import gzip
import re
import time
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.snapshot import FailureState, LinkState, Snapshot
from piranha import director
from tests.piranha.conftest import File, LogIn
from tests.piranha.fake_engine import (
    NOW,
    FakeEngine,
    a_peer,
    a_real_server,
    a_snapshot,
    a_virtual_server,
)

URL = reverse("control")
UPDATE = reverse("control-update")
DOWN = a_real_server(
    "two", 22, health="down", effective_weight=None, reason="connection refused by 10.9.9.22:80"
)


def page(client: Client, address: str = "") -> str:
    response = client.get(URL + address)
    assert response.status_code == 200
    return response.content.decode()


def token(html: str) -> str:
    found = re.search(r'data-seen="(\w+)"', html)
    assert found
    return found[1]


def now_shows(engine: FakeEngine, snapshot: Snapshot) -> None:
    engine.answers[messages.Status] = snapshot
    director.forget_picture()


def test_a_quiet_system_says_so_in_one_line(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    shown = page(viewer)
    assert "All is well: 2 real servers behind 1 virtual server are up." in shown
    assert 'class="troubles"' not in shown


def test_a_real_server_that_is_down_is_told_first_with_its_reason_and_since_when(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    shop = a_virtual_server("shop", a_real_server("one", 21), DOWN)
    now_shows(engine, a_snapshot(virtual_servers=(shop,)))
    told = page(viewer).split('class="troubles"')[1].split("</ul>")[0]
    assert "shop/two" in told
    assert re.search(r"down since [\d:\- ]+: connection refused by 10.9.9.22:80", told)


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (
            a_snapshot(failures=(FailureState("-A -t 192.0.2.1:80", 2, "no module", NOW),)),
            "no module",
        ),
        (a_snapshot(warnings=("monitor_links is on",)), "monitor_links is on"),
        (a_snapshot(peer=a_peer(), not_ready=("lvs.cf differs",)), "lvs.cf differs"),
        (a_snapshot(peer=a_peer(heard_s=40.0, silent=True)), "has been silent for 40 s"),
        (a_snapshot(peer=a_peer(heard_s=None, silent=True)), "was never heard"),
        (a_snapshot(peer=a_peer(state="active")), "both directors are active"),
        (a_snapshot(peer=a_peer(ready=False, reasons="link down")), "could not take over"),
        (a_snapshot(peer=a_peer(links=(LinkState("public", 1, 0.2),))), "loses 20 %"),
        (a_snapshot(peer=a_peer(links=(LinkState("private", None, None),))), "never heard on it"),
        (a_snapshot(peer=a_peer(links=(LinkState("public", 1, 0, "EPERM"),))), "EPERM"),
        (
            a_snapshot(virtual_servers=(a_virtual_server("shop", DOWN),)),
            "no real server serves: clients get no answer",
        ),
        (
            a_snapshot(
                virtual_servers=(replace(a_virtual_server("shop", DOWN), sorry_server="10.9.9.9"),)
            ),
            "the sorry server 10.9.9.9 stands in",
        ),
        (
            a_snapshot(
                virtual_servers=(a_virtual_server("s", a_real_server("a", 1, override="drain")),)
            ),
            "drained by order",
        ),
    ],
)
def test_all_that_is_wrong_is_told(
    viewer: Client, lvs_cf: File, engine: FakeEngine, snapshot: Snapshot, says: str
) -> None:
    now_shows(engine, snapshot)
    assert says in page(viewer).replace("&#x27;", "'").split('class="troubles"')[1]


def test_of_very_many_that_are_down_the_rest_is_counted(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    many = (replace(DOWN, name=f"r{number}") for number in range(25))
    now_shows(engine, a_snapshot(virtual_servers=(a_virtual_server("shop", *many),)))
    assert "22 more real servers are down" in page(viewer)


def test_an_unsound_file_is_told_with_its_first_error(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    lvs_cf.write(lvs_cf.text.replace("port = 80", "port = x"))
    shown = page(viewer)
    assert "lvs.cf has 1 error, so what runs is the last sound revision" in shown
    assert "must be a whole number" in shown


def test_without_an_engine_the_page_says_so_and_what_to_do(viewer: Client, lvs_cf: File) -> None:
    shown = page(viewer)
    assert "pulse is not running: nobody answers at" in shown
    assert "systemctl start pulse" in shown
    assert "stopped" in shown


def test_an_engine_that_answers_rubbish_is_told(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    engine.answers[messages.Status] = messages.Text("hello")
    assert "answer is not understood" in page(viewer)


def test_an_engine_that_answers_slowly_holds_a_page_for_its_deadline_only(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    def slow(_request: object) -> object:
        time.sleep(3)
        return a_snapshot()

    engine.answers[messages.Status] = slow
    assert "does not answer at" in page(viewer)


def test_real_servers_are_shown_with_weight_connections_and_rates(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    shop = a_virtual_server("shop", a_real_server("one", 21, weight=7, effective_weight=3))
    now_shows(engine, a_snapshot(virtual_servers=(shop,)))
    shown = page(viewer)
    assert "<b>3</b> of 7" in shown
    assert "10.9.9.21:80" in shown


def test_a_viewer_is_shown_no_orders_and_an_operator_all(
    viewer: Client, operator: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    assert 'name="order"' not in page(viewer)
    assert 'value="drain/shop/one"' in page(operator)


def test_script_in_a_name_is_shown_not_run(
    operator: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    evil = '"><script>alert(1)</script>/x'
    server = a_real_server(evil, 21, health="down", effective_weight=None, reason=evil)
    now_shows(engine, a_snapshot(virtual_servers=(a_virtual_server(evil, server),)))
    assert "<script>alert" not in page(operator)


# --- search, sort and pages -----------------------------------------------------------------


def crowd(engine: FakeEngine) -> None:
    virtuals = [a_virtual_server(f"v{number:02}") for number in range(45)]
    virtuals[30] = a_virtual_server("v30", DOWN)
    now_shows(engine, a_snapshot(virtual_servers=tuple(virtuals)))


def names(html: str) -> list[str]:
    return re.findall(r'<h3 id="n-\w+">(\w+)</h3>', html)


def test_trouble_comes_first_then_names_twenty_to_a_page(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    crowd(engine)
    assert names(page(viewer))[:3] == ["v30", "v00", "v01"]
    assert len(names(page(viewer))) == 20
    assert names(page(viewer, "?page=3")) == ["v40", "v41", "v42", "v43", "v44"]


def test_sorted_by_name_trouble_stays_in_its_place(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    crowd(engine)
    assert names(page(viewer, "?sort=name"))[:2] == ["v00", "v01"]


@pytest.mark.parametrize("sort", ["connections", "rate", "traffic"])
def test_it_sorts_by_what_goes_through(
    viewer: Client, lvs_cf: File, engine: FakeEngine, sort: str
) -> None:
    busy = a_virtual_server("busy", a_real_server("one", 21))
    traffic = replace(busy.traffic, active=99, connections_per_s=99, bytes_in_per_s=99)
    both = (a_virtual_server("idle"), replace(busy, traffic=traffic))
    now_shows(engine, a_snapshot(virtual_servers=both))
    assert names(page(viewer, f"?sort={sort}")) == ["busy", "idle"]


@pytest.mark.parametrize("text", ["v30", "V30", "10.9.9.22", "two"])
def test_it_searches_names_and_addresses_of_both(
    viewer: Client, lvs_cf: File, engine: FakeEngine, text: str
) -> None:
    crowd(engine)
    assert "v30" in names(page(viewer, f"?q={text}"))


@pytest.mark.parametrize("address", ["?page=99", "?page=-1", "?page=x", "?sort=x", "?q=%00"])
def test_an_address_that_makes_no_sense_shows_what_there_is(
    viewer: Client, lvs_cf: File, engine: FakeEngine, address: str
) -> None:
    crowd(engine)
    page(viewer, address)


def test_nothing_found_is_said(viewer: Client, lvs_cf: File, engine: FakeEngine) -> None:
    assert "No virtual server matches" in page(viewer, "?q=nowhere")


# --- updates --------------------------------------------------------------------------------


def test_an_update_answers_204_while_nothing_changed(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    seen = token(page(viewer))
    now_shows(engine, a_snapshot(at=NOW + 1))
    response = viewer.get(UPDATE, {"seen": seen})
    assert (response.status_code, response.content) == (204, b"")


def test_an_update_brings_only_the_parts_that_changed(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    other = a_virtual_server("zoo")
    now_shows(engine, a_snapshot(virtual_servers=(a_virtual_server(), other)))
    seen = token(page(viewer))
    shop = a_virtual_server("shop", a_real_server("one", 21), DOWN)
    now_shows(engine, a_snapshot(virtual_servers=(shop, other)))

    response = viewer.get(UPDATE, {"seen": seen})
    parts = response.content.decode()
    assert response.status_code == 200
    assert "connection refused" in parts
    assert 'id="trouble-list"' in parts
    assert ">zoo</h3>" not in parts
    assert 'id="pair"' not in parts

    again = viewer.get(UPDATE, {"seen": response.headers["X-Seen"]})
    assert again.status_code == 204


def test_another_set_of_virtual_servers_brings_the_whole_list(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    seen = token(page(viewer))
    both = (a_virtual_server(), a_virtual_server("other"))
    now_shows(engine, a_snapshot(virtual_servers=both))
    parts = viewer.get(UPDATE, {"seen": seen}).content.decode()
    assert 'id="virtuals"' in parts
    assert names(parts) == ["other", "shop"]


@pytest.mark.parametrize("seen", ["", "unknown", "0" * 5000])
def test_who_has_seen_nothing_known_gets_everything(
    viewer: Client, lvs_cf: File, engine: FakeEngine, seen: str
) -> None:
    parts = viewer.get(UPDATE, {"seen": seen}).content.decode()
    for part in ("facts", "announce", "trouble-list", "daemon", "virtuals", "pair", "events"):
        assert f'id="{part}"' in parts


def test_an_update_is_gzipped_for_who_takes_it(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    response = viewer.get(UPDATE, headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert b'id="virtuals"' in gzip.decompress(response.content)


def test_an_update_holds_no_orders_for_a_viewer_though_an_operator_looked_first(
    viewer: Client, operator: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    assert b'name="order"' in operator.get(UPDATE).content
    assert b'name="order"' not in viewer.get(UPDATE).content


def test_what_is_said_aloud_is_the_last_change_of_health_or_role(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    engine.answers[messages.Events] = (
        messages.Event(1, NOW, "health", "shop/two", "down: refused"),
        messages.Event(2, NOW, "table", "x", "-d -t x"),
    )
    said = page(viewer).split('id="announce"')[1].split("</div>")[0]
    assert "shop/two down: refused" in said
    assert "-d -t x" not in said


def test_events_are_asked_for_once_and_then_only_what_is_new(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    first = messages.Event(7, NOW, "reload", "lvs.cf", "it runs")
    engine.answers[messages.Events] = (first,)
    page(viewer)
    engine.answers[messages.Events] = ()
    director.forget_picture()
    assert "it runs" in page(viewer)
    asked = [one for one in engine.asked if isinstance(one, messages.Events)]
    assert [one.after for one in asked] == [0, 7]


def test_graphs_are_drawn_with_their_last_value_in_words(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    graph = messages.Graph("shop", (1.0, None, 12.0), (0.0, None, 1024.0), (0.0, None, 1024.0))
    engine.answers[messages.ShowTraffic] = messages.Graphs(NOW, 30.0, (graph,))
    shown = page(viewer)
    assert "Connections per second over the last hour: now 12/s, at most 12/s" in shown
    assert "Traffic in and out over the last hour: now 2.0\u202fKiB/s" in shown


def test_the_header_is_renewed_on_every_panel(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    url = reverse("head")
    assert f'data-poll="{url}"' in viewer.get(reverse("help")).content.decode()
    response = viewer.get(url)
    assert b'id="facts"' in response.content
    assert viewer.get(url, {"seen": response.headers["X-Seen"]}).status_code == 204
    now_shows(engine, a_snapshot(state="standby"))
    assert b"STANDBY" in viewer.get(url, {"seen": response.headers["X-Seen"]}).content


# --- how often ------------------------------------------------------------------------------


def test_a_new_browser_updates_every_ten_seconds_with_or_without_javascript(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    shown = page(viewer)
    assert 'data-every="10"' in shown
    assert '<noscript><meta http-equiv="refresh" content="10; url=?poll=1&amp;">' in shown


def test_the_interval_is_remembered_in_the_browser(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    said = {"auto": "1", "interval": "1", "next": f"{URL}?q=sh"}
    response = viewer.post(reverse("control-monitor"), said)
    assert (response.status_code, response.headers["Location"]) == (303, f"{URL}?q=sh")
    assert 'data-every="1"' in page(viewer)


def test_auto_update_can_be_turned_off(viewer: Client, lvs_cf: File, engine: FakeEngine) -> None:
    viewer.post(reverse("control-monitor"), {"interval": "30"})
    shown = page(viewer)
    assert "data-at-hand=" in shown
    assert "http-equiv" not in shown


@pytest.mark.parametrize("interval", ["0", "", "x", "3601", "1.5", "-3", "9" * 50])
def test_an_interval_that_makes_no_sense_is_refused_in_words(
    viewer: Client, lvs_cf: File, engine: FakeEngine, interval: str
) -> None:
    viewer.post(reverse("control-monitor"), {"auto": "1", "interval": interval})
    assert "must be a whole number from 1 to 3600 seconds" in page(viewer)


def test_a_form_leads_to_no_other_host(viewer: Client, lvs_cf: File, engine: FakeEngine) -> None:
    said = {"interval": "5", "next": "https://elsewhere.example/"}
    assert viewer.post(reverse("control-monitor"), said).headers["Location"] == URL


@pytest.mark.parametrize("name", ["control", "control-update", "head", "control-table"])
def test_who_is_not_logged_in_sees_none_of_it(
    client: Client, log_in: LogIn, lvs_cf: File, engine: FakeEngine, name: str
) -> None:
    assert client.get(reverse(name)).status_code == 302


def test_the_unknown_code_of_an_engine_error_keeps_its_hint(
    viewer: Client, lvs_cf: File, engine: FakeEngine
) -> None:
    engine.answers[messages.Status] = EngineError("busy", "64 others are asking", "try again")
    shown = page(viewer)
    assert "64 others are asking" in shown
    assert "try again" in shown


def test_the_allowlist_in_force_is_shown(viewer: Client, lvs_cf: File, engine: FakeEngine) -> None:
    assert 'id="allowlist"' in page(viewer)
