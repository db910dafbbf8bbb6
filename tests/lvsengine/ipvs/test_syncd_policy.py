from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.ipvs.syncd_policy import (
    SOONEST,
    WANTED,
    DaemonPlan,
    daemon_for,
    daemon_plan,
    findings,
)
from lvsengine.lvscf.model import Config

PAIR = Config(backup_active=True, syncdaemon=True, syncd_iface="eth1", syncd_id=9)
SENDER = SyncDaemon(SyncRole.SENDER, "eth1", 9, SOONEST, None, 8848, 1)
AS_RUNNING = replace(SENDER, group=ip_address("224.0.0.81"))
RECEIVER = replace(AS_RUNNING, role=SyncRole.RECEIVER)
RIGHT: dict[str, str | None] = {one.name: one.value for one in WANTED}


def test_the_active_director_tells_and_the_standby_listens() -> None:
    assert daemon_for(PAIR, serves=True) == SENDER
    listening = daemon_for(PAIR, serves=False)
    assert listening is not None
    assert listening.role is SyncRole.RECEIVER


def test_only_what_is_told_has_a_length_and_a_reach() -> None:
    config = replace(PAIR, syncd_maxlen=100, syncd_ttl=4)
    telling, listening = daemon_for(config, serves=True), daemon_for(config, serves=False)
    assert telling is not None
    assert listening is not None
    assert (telling.max_length, telling.ttl) == (100, 4)
    assert (listening.max_length, listening.ttl) == (0, 0)


def test_without_syncdaemon_or_without_a_peer_none_runs() -> None:
    assert daemon_for(replace(PAIR, syncdaemon=False), serves=True) is None
    assert daemon_for(replace(PAIR, backup_active=False), serves=True) is None


def test_a_daemon_that_fits_goes_on() -> None:
    assert daemon_plan([AS_RUNNING], SENDER) == DaemonPlan()


def test_the_daemon_of_the_other_role_is_stopped_first() -> None:
    assert daemon_plan([RECEIVER], SENDER) == DaemonPlan((SyncRole.RECEIVER,), SENDER)


def test_a_daemon_with_other_values_is_started_anew() -> None:
    other = replace(SENDER, sync_id=1)
    assert daemon_plan([AS_RUNNING], other) == DaemonPlan((SyncRole.SENDER,), other)


def test_where_no_daemon_is_wanted_a_foreign_one_stays() -> None:
    assert daemon_plan([AS_RUNNING], None) == DaemonPlan()


def test_values_as_they_should_be_are_no_finding() -> None:
    assert findings({**RIGHT, "sync_threshold": "0\t0"}) == ()


def test_a_finding_says_what_is_what_should_be_and_why() -> None:
    [finding] = findings({**RIGHT, "sync_threshold": "3\t50"})
    assert str(finding.sentence) == (
        "net.ipv4.vs.sync_threshold is 3 50, wanted 0 0: a connection is told of once it is "
        "established, not at its third packet"
    )


def test_a_value_that_is_missing_is_said_too() -> None:
    [finding] = findings({**RIGHT, "sloppy_tcp": None})
    assert str(finding.sentence).startswith("net.ipv4.vs.sloppy_tcp cannot be read, wanted 0: ")


def test_the_period_is_set_before_the_threshold_that_needs_it() -> None:
    names = [one.name for one in WANTED]
    assert names.index("sync_refresh_period") < names.index("sync_threshold")
