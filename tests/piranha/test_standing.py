from __future__ import annotations

from dataclasses import replace

import pytest

from piranha.panels import standing
from tests.piranha.fake_engine import a_real_server, a_snapshot, a_virtual_server

UP = a_real_server("one", 21)
DOWN = a_real_server("two", 22, health="down")
DRAINED = a_real_server("three", 23, override="drain")
FORCED = a_real_server("four", 24, health="down", override="force-up")


@pytest.mark.parametrize(
    ("servers", "state", "why"),
    [
        ((UP,), "up", "1 of 1 real servers up"),
        ((UP, DOWN, DRAINED), "degraded", "1 of 3 real servers up"),
        ((DOWN, FORCED), "degraded", "1 of 2 real servers up"),
        ((DOWN, DRAINED), "down", "0 of 2 real servers up"),
    ],
)
def test_a_virtual_server_stands_as_its_real_servers_do(
    servers: tuple[object, ...], state: str, why: str
) -> None:
    runs = a_virtual_server("shop", *servers)  # type: ignore[arg-type]
    told = standing.of_virtual(a_snapshot(), runs, enabled=True)
    assert (told.state, told.why) == (state, why)


def test_without_an_enabled_real_server_it_is_down() -> None:
    empty = replace(a_virtual_server(), real_servers=())
    told = standing.of_virtual(a_snapshot(), empty, enabled=True)
    assert (told.state, told.why) == ("down", "it has no enabled real server")


def test_a_sorry_server_that_stands_in_is_named() -> None:
    sorry = replace(a_virtual_server("shop", DOWN), sorry_server="10.9.9.99")
    told = standing.of_virtual(a_snapshot(), sorry, enabled=True)
    assert told.why == "no real server is up; 10.9.9.99 stands in"


def test_what_was_disabled_and_still_runs_says_so() -> None:
    told = standing.of_virtual(a_snapshot(), a_virtual_server(), enabled=False)
    assert (told.state, told.why) == ("disabled", "it still runs until you apply lvs.cf")


def test_a_real_server_of_a_disabled_virtual_server_waits_for_that() -> None:
    told = standing.of_real(a_snapshot(), None, enabled=True, offered=False)
    assert told.why == "its virtual server is disabled"


def test_a_real_server_that_was_never_checked_gives_its_reason_alone() -> None:
    new = a_real_server("one", 21, health="unknown", since=0.0, reason="not checked yet")
    assert standing.of_real(a_snapshot(), new, enabled=True).why == "not checked yet"


def test_without_an_engine_nothing_is_lost_now() -> None:
    assert "no connection is touched" in standing.loss_of_virtual(None, "shop")
    assert "no connection is touched" in standing.loss_of_real(a_snapshot(), "shop", "none")


def test_udp_counts_the_exchanges_that_are_remembered() -> None:
    traffic = replace(UP.traffic, active=0, inactive=3)
    server = replace(UP, traffic=traffic)
    snapshot = a_snapshot(virtual_servers=(a_virtual_server("shop", server),))
    assert standing.loss_of_real(snapshot, "shop", "one").startswith("3 connections")
