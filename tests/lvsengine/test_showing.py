from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from lvsengine import showing
from lvsengine.health import Health, Override, RealServerKey, Standing
from lvsengine.ipvs.desired import desired, destinations_of, service_of
from lvsengine.ipvs.diff import diff
from lvsengine.ipvs.plane import Counters, Usage
from lvsengine.ipvs.table import EMPTY
from lvsengine.lvscf.model import Config, FloatingAddress, RealServer, VirtualServer
from lvsengine.nanny.check import Definition, Result, Tried
from lvsengine.traffic import Totals

ONE = RealServer("one", ip_address("10.0.0.1"), enabled=True, weight=3)
TWO = RealServer("two", ip_address("10.0.0.2"), enabled=True)
OFF = RealServer("off", ip_address("10.0.0.3"))
WEB = VirtualServer(
    "web",
    FloatingAddress(ip_address("192.0.2.1"), "eth0:1"),
    enabled=True,
    sorry_server=ip_address("10.0.0.9"),
    real_servers=(ONE, TWO, OFF),
)
CONFIG = Config(virtual_servers=(WEB, replace(WEB, name="old", enabled=False)))
ONE_KEY, TWO_KEY = RealServerKey("web", "one"), RealServerKey("web", "two")
UP = Standing(Health.UP, reason="answered", since=5.0)
DOWN = Standing(Health.DOWN, reason="refused", since=6.0)
PLACES = destinations_of(CONFIG)


def a_view(one: Standing, two: Standing, usage: Usage | None = None) -> showing.View:
    standings = {ONE_KEY: one, TWO_KEY: two}
    return showing.View(CONFIG, standings, desired(CONFIG, standings), usage or Usage())


def test_enabled_servers_are_shown_with_configured_and_effective_weight() -> None:
    (web,) = showing.virtual_servers(a_view(UP, DOWN))
    assert [(real.name, real.weight, real.effective_weight) for real in web.real_servers] == [
        ("one", 3, 3),
        ("two", 1, None),
    ]
    assert (web.service, web.sorry_server) == ("tcp 192.0.2.1:80", None)
    assert [real.reason for real in web.real_servers] == ["answered", "refused"]


def test_a_real_server_that_was_never_checked_is_unknown() -> None:
    view = a_view(UP, UP)
    (web,) = showing.virtual_servers(replace(view, standings={}))
    assert {real.health for real in web.real_servers} == {"unknown"}


def test_the_sorry_server_is_named_while_it_stands_in() -> None:
    (web,) = showing.virtual_servers(a_view(DOWN, DOWN))
    assert web.sorry_server == "10.0.0.9"


def test_without_a_sorry_server_none_is_named() -> None:
    config = Config(virtual_servers=(replace(WEB, sorry_server=None),))
    (web,) = showing.virtual_servers(replace(a_view(DOWN, DOWN), config=config))
    assert web.sorry_server is None


def test_counters_are_shown_where_the_plane_has_some() -> None:
    usage = Usage(
        {service_of(WEB): Counters(connections=9, connections_per_s=2)},
        {PLACES[ONE_KEY]: Counters(active=4, inactive=1)},
    )
    (web,) = showing.virtual_servers(a_view(UP, UP, usage))
    assert (web.traffic.connections, web.traffic.connections_per_s) == (9, 2)
    assert [real.traffic.active for real in web.real_servers] == [4, 0]


def test_a_plan_says_whom_each_line_touches() -> None:
    both = desired(CONFIG, {ONE_KEY: UP, TWO_KEY: UP})
    usage = Usage(destinations={PLACES[ONE_KEY]: Counters(active=4, inactive=1)})
    only_two = desired(CONFIG, {ONE_KEY: DOWN, TWO_KEY: UP})
    (line,) = showing.planned(diff(both, only_two), usage, ())
    assert (line.line, line.connections) == ("-d -t 192.0.2.1:80 -r 10.0.0.1:80", 5)
    assert line.note == "to be cut"


def test_a_service_taken_away_touches_all_its_connections() -> None:
    both = desired(CONFIG, {ONE_KEY: UP, TWO_KEY: UP})
    usage = Usage(
        destinations={
            PLACES[ONE_KEY]: Counters(active=4, inactive=1),
            PLACES[TWO_KEY]: Counters(active=2),
        }
    )
    (line,) = showing.planned(diff(both, EMPTY), usage, ())
    assert line.connections == 7


def test_a_new_real_server_waits_for_its_check() -> None:
    only_two = desired(CONFIG, {ONE_KEY: DOWN, TWO_KEY: UP})
    both = desired(CONFIG, {ONE_KEY: UP, TWO_KEY: UP})
    (waiting,) = showing.planned(diff(only_two, both), Usage(), {PLACES[ONE_KEY]})
    (known,) = showing.planned(diff(only_two, both), Usage(), ())
    assert (waiting.note, known.note) == ("once its check succeeds", "")


def test_an_explanation_holds_the_last_results_and_what_is_checked() -> None:
    definition = Definition("tcp_connect", ip_address("10.0.0.1"), 80, timeout_s=6, interval_s=6)
    tried = Tried(7.0, Result(ok=False, reason="refused", seconds=0.5, sent="a", received="b"))
    standing = Standing(Health.DOWN, Override.UP, "refused", 7.0)
    told = showing.explained(ONE_KEY, standing, definition, [tried])
    assert (told.name, told.health, told.override, told.serves) == (
        "web/one",
        "down",
        "force-up",
        True,
    )
    assert told.check == (
        "tcp_connect tcp 10.0.0.1:80 every 6 s, down after 1, up again after 18 in a row"
    )
    assert [(one.at, one.ok, one.sent, one.received) for one in told.results] == [
        (7.0, False, "a", "b")
    ]


def test_totals_are_by_name_and_nothing_where_the_plane_counts_nothing_yet() -> None:
    counted = Usage({service_of(WEB): Counters(connections=3, bytes_in=5, bytes_out=7)})
    assert showing.totals(CONFIG, counted) == {"web": Totals(3, 5, 7)}
    assert showing.totals(CONFIG, Usage()) == {"web": Totals()}
