from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.health import Override
from lvsengine.snapshot import RoleChange, Traffic
from piranha import director
from piranha.models import AuditEntry
from tests.piranha.conftest import File
from tests.piranha.fake_engine import (
    NOW,
    FakeEngine,
    a_peer,
    a_real_server,
    a_snapshot,
    a_virtual_server,
)

ORDER = reverse("control-order")
BY = "the-operator"
HANDOVER = reverse("control-handover")
EXPLAINED = messages.Explained(
    "shop/one",
    "10.9.9.21:80",
    "down",
    "auto",
    "no answer within 6 s",
    NOW,
    "tcp_connect every 6 s",
    serves=False,
    results=(messages.TriedCheck(NOW, False, "no answer within 6 s", 6.0, "GET /", "<b>"),),
)


@pytest.fixture(autouse=True)
def _answers(engine: FakeEngine, lvs_cf: File) -> None:
    engine.answers[messages.SetOverride] = EXPLAINED
    engine.answers[messages.Explain] = EXPLAINED
    engine.answers[messages.ShowTable] = messages.Text("TCP  192.0.2.100:80 wlc")
    engine.answers[messages.StandBy] = messages.Text("the peer has taken over")
    engine.answers[messages.TakeOver] = messages.Text("this director has taken over")


def ordered(engine: FakeEngine) -> list[messages.Request]:
    kinds = (messages.SetOverride, messages.StandBy, messages.TakeOver)
    return [one for one in engine.asked if isinstance(one, kinds)]


@pytest.mark.parametrize(
    ("word", "order"),
    [
        ("drain", Override.DRAIN),
        ("force-up", Override.UP),
        ("force-down", Override.DOWN),
        ("auto", Override.AUTO),
    ],
)
def test_an_operator_orders_a_real_server_and_it_is_audited(
    operator: Client, engine: FakeEngine, word: str, order: Override
) -> None:
    back = reverse("control") + "?q=shop"
    response = operator.post(ORDER, {"order": f"{word}/shop/one", "next": back})

    assert (response.status_code, response.headers["Location"]) == (303, back)
    assert ordered(engine) == [messages.SetOverride("shop", "one", order, "the-operator")]
    entry = AuditEntry.objects.get()
    assert (entry.who, entry.action, entry.subject) == ("the-operator", word, "shop/one")
    assert "shop/one is " in operator.get(back).content.decode()


def test_a_viewer_orders_nothing(viewer: Client, engine: FakeEngine) -> None:
    assert viewer.post(ORDER, {"order": "drain/shop/one"}).status_code == 403
    assert viewer.post(HANDOVER, {"what": "standby"}).status_code == 403
    assert ordered(engine) == []


def test_a_get_orders_nothing(operator: Client, engine: FakeEngine) -> None:
    assert operator.get(ORDER, {"order": "drain/shop/one"}).status_code == 405
    assert ordered(engine) == []


@pytest.mark.parametrize("text", ["", "drain", "drain/shop", "reboot/shop/one"])
def test_an_order_that_is_none_is_refused(operator: Client, engine: FakeEngine, text: str) -> None:
    assert operator.post(ORDER, {"order": text}).status_code == 400
    assert ordered(engine) == []


def test_names_with_slashes_and_blanks_arrive_whole(operator: Client, engine: FakeEngine) -> None:
    virtual = a_virtual_server("a/b c", a_real_server("d/e", 1), a_real_server("f", 2))
    engine.answers[messages.Status] = a_snapshot(virtual_servers=(virtual,))
    shown = operator.get(reverse("control")).content.decode()
    assert 'value="drain/a%2Fb%20c/d%2Fe"' in shown
    operator.post(ORDER, {"order": "drain/a%2Fb%20c/d%2Fe"})
    assert ordered(engine) == [
        messages.SetOverride("a/b c", "d/e", Override.DRAIN, "the-operator")
    ]


@pytest.mark.parametrize("word", ["drain", "force-down"])
def test_the_last_that_serves_is_taken_away_only_when_said_twice(
    operator: Client, engine: FakeEngine, word: str
) -> None:
    last = a_real_server("one", 21, traffic=Traffic(active=312, inactive=5, connections_per_s=7))
    down = a_real_server("two", 22, health="down", effective_weight=None)
    shop = a_virtual_server("shop", last, down)
    engine.answers[messages.Status] = a_snapshot(virtual_servers=(shop,))
    director.forget_picture()

    response = operator.post(ORDER, {"order": f"{word}/shop/one"})
    asked = response.content.decode()
    assert response.status_code == 409
    assert "one is the last real server of shop that serves" in asked
    assert "312 connections are open on it" in asked
    assert "New clients get no answer until a real server serves again" in asked
    assert "Now 7 come each second" in asked
    assert ordered(engine) == []

    operator.post(ORDER, {"order": f"{word}/shop/one", "sure": "1"})
    assert len(ordered(engine)) == 1


def test_the_sorry_server_is_named_where_it_would_stand_in(
    operator: Client, engine: FakeEngine
) -> None:
    shop = replace(a_virtual_server("shop", a_real_server("one", 21)), sorry_server="10.9.9.9")
    engine.answers[messages.Status] = a_snapshot(virtual_servers=(shop,))
    director.forget_picture()
    asked = operator.post(ORDER, {"order": "drain/shop/one"}).content.decode()
    assert "New clients get the sorry server 10.9.9.9" in asked


def test_a_refused_order_is_told_and_audited_with_the_reason(
    operator: Client, engine: FakeEngine
) -> None:
    engine.answers[messages.SetOverride] = EngineError("unknown-real-server", "no such one")
    operator.post(ORDER, {"order": "force-up/shop/one"})
    assert "no such one" in operator.get(reverse("control")).content.decode()
    assert AuditEntry.objects.get().outcome == "no such one"


def test_why_shows_the_last_results_and_runs_nothing_of_them(
    viewer: Client, engine: FakeEngine
) -> None:
    response = viewer.get(reverse("control-why"), {"virtual": "shop", "real": "one"})
    shown = response.content.decode()
    assert 'id="pane"' in shown
    assert "no answer within 6 s" in shown
    assert "&lt;b&gt;" in shown


def test_why_of_what_is_not_there_says_so(viewer: Client, engine: FakeEngine) -> None:
    engine.answers[messages.Explain] = EngineError("unknown-real-server", "no such one")
    assert "no such one" in viewer.get(reverse("control-why")).content.decode()


def test_the_routing_table_and_the_processes_have_pages(
    viewer: Client, engine: FakeEngine
) -> None:
    engine.answers[messages.ShowProcesses] = messages.Processes(
        42, (messages.Process("nanny shop/one", "tcp_connect", "up"),)
    )
    assert "192.0.2.100:80 wlc" in viewer.get(reverse("control-table")).content.decode()
    processes = viewer.get(reverse("control-processes")).content.decode()
    assert "42 nanny shop/one  tcp_connect  [up]" in processes


def test_without_an_answer_the_two_lists_say_why(viewer: Client, engine: FakeEngine) -> None:
    engine.answers[messages.ShowTable] = EngineError("busy", "64 others are asking")
    assert "64 others are asking" in viewer.get(reverse("control-table")).content.decode()


# --- the role -------------------------------------------------------------------------------


def paired(engine: FakeEngine, **said: object) -> None:
    engine.answers[messages.Status] = a_snapshot(**({"peer": a_peer()} | said))
    director.forget_picture()


def test_before_a_handover_the_page_says_what_will_happen(
    operator: Client, engine: FakeEngine
) -> None:
    paired(engine)
    shown = operator.get(HANDOVER).content.decode()
    assert "This director becomes standby" in shown
    assert "The peer says that it is ready" in shown
    assert "1 virtual IP moves" in shown
    assert "6 connections are open" in shown


def test_a_peer_that_is_not_ready_is_told_with_its_reasons(
    operator: Client, engine: FakeEngine
) -> None:
    paired(engine, peer=a_peer(ready=False, reasons="2 real servers are down"))
    shown = operator.get(HANDOVER).content.decode()
    assert "The peer is not ready: 2 real servers are down" in shown


def test_a_standby_offers_to_take_over(operator: Client, engine: FakeEngine) -> None:
    paired(engine, state="standby", not_ready=("lvs.cf differs",))
    shown = operator.get(HANDOVER).content.decode()
    assert 'value="takeover"' in shown
    assert "This director is not ready: lvs.cf differs" in shown


@pytest.mark.parametrize(
    ("what", "order"),
    [("standby", messages.StandBy(False, BY)), ("takeover", messages.TakeOver(False, BY))],
)
def test_a_change_of_role_is_ordered_told_and_audited(
    operator: Client, engine: FakeEngine, what: str, order: messages.Request
) -> None:
    paired(engine)
    response = operator.post(HANDOVER, {"what": what})
    assert response.status_code == 303
    assert ordered(engine) == [order]
    assert "taken over" in operator.get(reverse("control")).content.decode()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == (what, "pair")
    assert "taken over" in entry.outcome


def test_force_needs_a_second_tick(operator: Client, engine: FakeEngine) -> None:
    paired(engine)
    response = operator.post(HANDOVER, {"what": "standby", "force": "1"})
    assert response.status_code == 422
    assert ordered(engine) == []
    operator.post(HANDOVER, {"what": "standby", "force": "1", "understood": "1"})
    assert ordered(engine) == [messages.StandBy(True, BY)]


def test_a_refused_handover_says_why(operator: Client, engine: FakeEngine) -> None:
    paired(engine)
    engine.answers[messages.StandBy] = EngineError("refused", "the peer is not ready")
    response = operator.post(HANDOVER, {"what": "standby"})
    assert response.status_code == 409
    assert "the peer is not ready" in response.content.decode()
    assert AuditEntry.objects.get().outcome == "the peer is not ready"


def test_a_viewer_sees_the_page_and_no_button(viewer: Client, engine: FakeEngine) -> None:
    paired(engine)
    shown = viewer.get(HANDOVER).content.decode()
    assert "It takes an operator" in shown
    assert 'name="force"' not in shown


def test_without_a_peer_there_is_nothing_to_hand_over_to(
    operator: Client, engine: FakeEngine
) -> None:
    assert "There is no peer" in operator.get(HANDOVER).content.decode()
    assert operator.post(HANDOVER, {"what": "x"}).status_code == 400


def test_the_pair_is_shown_with_its_links_and_its_history(
    operator: Client, engine: FakeEngine
) -> None:
    paired(engine)
    change = RoleChange(NOW, "active", "peer dead", "silent for 18 s", 0.031)
    engine.answers[messages.ShowHistory] = messages.History((change,))
    shown = operator.get(reverse("control")).content.decode()
    assert "peer dead: silent for 18 s" in shown
    assert "Hand over to the peer" in shown
    director.forget_picture()
    operator.get(reverse("control"))
    assert len([one for one in engine.asked if isinstance(one, messages.ShowHistory)]) == 1
