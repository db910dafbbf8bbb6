from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.errors import EngineError
from lvsengine.lvscf.model import Config
from lvsengine.net import Address
from lvsengine.sync import plan
from lvsengine.sync.plan import Peer, Verdict
from lvsengine.sync.values import (
    FileState,
    HostKey,
    Record,
    Revisions,
    Standing,
    State,
    Trouble,
)

PAIR = Config(
    primary=ip_address("192.0.2.11"),
    primary_private=ip_address("10.0.0.11"),
    backup=ip_address("192.0.2.12"),
    backup_private=ip_address("10.0.0.12"),
    backup_active=True,
)
A, B, C = "a" * 12, "b" * 12, "c" * 12
KEY = HostKey("ssh-ed25519", "AAAA", "SHA256:x")
CUT = Trouble("cut", "the connection was cut", "wait")
IN_STEP = plan.in_step(Record(), A, 100.0)


def at(*addresses: str) -> plan.IsLocal:
    def is_local(address: Address) -> bool:
        return str(address) in addresses

    return is_local


def test_the_peer_is_the_other_of_primary_and_backup() -> None:
    assert plan.peer_of(PAIR, at("192.0.2.11")) == Peer("backup", ("192.0.2.12", "10.0.0.12"), 22)
    ported = replace(PAIR, sync_port=2222, primary_private=None)
    assert plan.peer_of(ported, at("192.0.2.12")) == Peer("primary", ("192.0.2.11",), 2222)


@pytest.mark.parametrize("alone", [{"backup_active": False}, {"backup": None}, {"primary": None}])
def test_without_a_backup_there_is_no_peer(alone: dict[str, object]) -> None:
    assert plan.peer_of(replace(PAIR, **alone), at("192.0.2.11")) is None  # type: ignore[arg-type]


def test_a_machine_that_is_neither_director_copies_nothing() -> None:
    with pytest.raises(EngineError, match=r"neither primary = 192.0.2.11 nor backup"):
        plan.peer_of(PAIR, at("192.0.2.13"))


def test_files_go_along_by_choice_and_never_a_key() -> None:
    assert plan.files_of(PAIR) == ()
    both = replace(
        PAIR, sync_sysctl_file="/etc/sysctl.conf", sync_packet_filter_file="/etc/nftables.conf"
    )
    assert plan.files_of(both) == ("/etc/sysctl.conf", "/etc/nftables.conf")
    assert plan.refusal(both, "/etc/sysctl.conf") is None
    keyed = replace(both, heartbeat_key_file="/etc/sysctl.conf")
    assert "keys are never sent" in str(plan.refusal(keyed, "/etc/sysctl.conf"))


@pytest.mark.parametrize(
    ("theirs", "verdict"),
    [
        (A, Verdict.NOTHING),
        ("", Verdict.COPY),
        (B, Verdict.COPY),
        (C, Verdict.COPY),
        ("d" * 12, Verdict.ASK),
    ],
)
def test_only_what_this_director_or_both_had_may_be_overwritten(
    theirs: str, verdict: Verdict
) -> None:
    assert plan.judge(Revisions(A, theirs), B, [C]) is verdict


def test_pauses_double_from_5_seconds_to_5_minutes() -> None:
    assert [plan.pause_s(tries) for tries in (1, 2, 3, 6, 7, 8, 5000)] == [
        5, 10, 20, 160, 300, 300, 300,
    ]  # fmt: skip


def test_a_failure_is_tried_again_after_its_pause_and_an_edit_begins_anew() -> None:
    record = plan.began(Record(), 7, 100.0)
    assert not plan.is_due(record, 7, A, 101.0)
    record = plan.waiting(record, CUT, 101.0)
    assert (record.standing, record.trouble, record.tries) == (Standing.WAITING, CUT, 1)
    assert not plan.is_due(record, 7, A, 105.9)
    assert plan.is_due(record, 7, A, 106.0)
    again = plan.waiting(plan.began(record, 7, 106.0), CUT, 107.0)
    assert (again.retry_at, again.since) == (117.0, 101.0)
    assert plan.is_due(again, 8, A, 108.0)
    assert plan.waiting(plan.began(again, 8, 108.0), CUT, 109.0).retry_at == 114.0


def test_a_clock_that_was_set_back_by_a_year_holds_no_try_back() -> None:
    record = plan.waiting(Record(), CUT, 40_000_000.0)
    assert plan.is_due(record, 0, A, 1_000_000.0)
    busy = plan.began(record, 0, 40_000_000.0)
    assert plan.is_due(busy, 0, A, 1_000_000.0)


def test_a_try_that_died_with_its_process_is_due_and_shown_as_interrupted() -> None:
    record = plan.began(IN_STEP, 0, 200.0)
    assert plan.shown(record, 0, A, 201.0).standing is Standing.COPYING
    assert not plan.is_due(record, 0, A, 201.0)
    assert plan.is_due(record, 0, A, 200.0 + plan.BUSY_AT_MOST_S)
    shown = plan.shown(record, 0, A, 200.0 + plan.BUSY_AT_MOST_S)
    assert (shown.standing, shown.trouble) == (Standing.WAITING, plan.INTERRUPTED)


def test_in_step_keeps_its_time_until_another_revision_comes() -> None:
    assert (IN_STEP.since, IN_STEP.base, IN_STEP.revisions) == (100.0, A, Revisions(A, A))
    assert plan.in_step(IN_STEP, A, 200.0).since == 100.0
    assert plan.in_step(IN_STEP, B, 200.0, runs=B).since == 200.0
    assert not plan.is_due(IN_STEP, 0, A, 1e9)


def test_what_was_saved_since_is_shown_as_due() -> None:
    assert plan.shown(IN_STEP, 0, A, 200.0).standing is Standing.IN_STEP
    shown = plan.shown(IN_STEP, 0, B, 200.0)
    assert (shown.standing, shown.revisions) == (Standing.DUE, Revisions(B, A))
    waiting = plan.waiting(IN_STEP, CUT, 150.0)
    assert plan.shown(waiting, 1, B, 200.0).standing is Standing.WAITING


def test_an_edit_that_nobody_told_of_is_due_at_the_next_start() -> None:
    assert not plan.is_due(IN_STEP, 0, B, 200.0)
    assert plan.is_due_at_start(IN_STEP, B)
    assert not plan.is_due_at_start(IN_STEP, A)
    assert plan.is_due_at_start(Record(), A)
    assert plan.is_due(Record(), 0, A, 1.0)


def test_own_edits_at_the_peer_stop_and_are_looked_at_again_after_an_edit_or_5_minutes() -> None:
    record = plan.stopped(IN_STEP, Revisions(A, C), CUT, 200.0)
    assert (record.standing, record.since) == (Standing.STOPPED, 200.0)
    assert not plan.is_due(record, 0, A, 499.0)
    assert plan.is_due(record, 0, B, 201.0)
    assert plan.is_due(record, 0, A, 500.0)
    assert plan.shown(record, 0, A, 201.0).standing is Standing.STOPPED
    assert plan.shown(record, 0, B, 201.0).standing is Standing.DUE


def test_a_host_key_that_nobody_compared_is_kept_for_a_person() -> None:
    record = plan.distrusting(IN_STEP, KEY, "SHA256:old", CUT, 200.0)
    assert (record.standing, record.offered, record.pinned) == (
        Standing.HOST_KEY, KEY, "SHA256:old",
    )  # fmt: skip
    assert State(automatic=True, peer_name="backup", record=record, now=201.0).fingerprint == (
        "SHA256:x"
    )
    assert plan.in_step(record, A, 300.0).offered is None


def test_before_the_directors_have_met_the_standing_is_not_paired() -> None:
    record = plan.waiting(Record(), Trouble("not-paired", "no key"), 1.0)
    assert record.standing is Standing.NOT_PAIRED


def test_a_file_beside_lvs_cf_that_fails_is_tried_again_with_pauses_of_its_own() -> None:
    bad = (FileState("/etc/sysctl.conf", trouble=CUT),)
    once = plan.with_files(IN_STEP, bad, 200.0)
    twice = plan.with_files(plan.in_step(once, A, 205.0), bad, 205.0)
    assert (once.retry_at, twice.retry_at) == (205.0, 215.0)
    assert once.standing is Standing.IN_STEP
    assert plan.is_due(once, 0, A, 205.0)
    good = plan.with_files(twice, (FileState("/etc/sysctl.conf"),), 215.0)
    assert (good.retry_at, good.files_tries) == (0.0, 0)


def test_a_state_tells_the_pause_that_is_left() -> None:
    state = State(automatic=True, peer_name="backup", record=IN_STEP, now=101.0)
    assert (state.pause_s, state.fingerprint, state.trouble) == (0.0, "", None)
    waiting = replace(state, record=plan.waiting(IN_STEP, CUT, 100.0))
    assert waiting.pause_s == 4.0
    assert replace(waiting, now=900.0).pause_s == 0.0
    assert Trouble.of(CUT.error()) == CUT


@given(
    st.lists(st.sampled_from(["fail", "edit", "stop", "step"]), max_size=30),
    st.floats(0, 1000),
)
def test_whatever_happened_there_is_a_next_try_within_5_minutes_or_all_is_in_step(
    happened: list[str], now: float
) -> None:
    record, mark = Record(), 0
    for one in happened:
        mark += one == "edit"
        record = plan.began(record, mark, now)
        if one == "stop":
            record = plan.stopped(record, Revisions(A, C), CUT, now)
        elif one == "step":
            record = plan.in_step(record, A, now)
        else:
            record = plan.waiting(record, CUT, now)
    due = plan.is_due(record, mark, A, now + plan.LONGEST_PAUSE_S)
    assert due is (record.standing is not Standing.IN_STEP)
