"""Whatever fails on the way or at the peer: its lvs.cf is the old or the new, and we say why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lvsengine.control.messages import Reload
from lvsengine.sync import sftp
from lvsengine.sync.places import Places
from lvsengine.sync.plan import Peer
from lvsengine.sync.syncer import Syncer
from lvsengine.sync.target import Target
from lvsengine.sync.values import Standing, State
from tests.kernel.lab.waiting import wait_until
from tests.ports import free_port
from tests.sync.directors import Director, a_pair
from tests.sync.proxy import Fault, Proxy

Pair = tuple[Director, Director]
WIRED = 16  # places at which the connection is cut, in each direction


def trouble(state: State) -> tuple[Standing, str]:
    return state.standing, state.trouble.code if state.trouble is not None else ""


@contextmanager
def proxied(folder: Path) -> Iterator[tuple[Director, Director, Proxy]]:
    """A pair whose primary reaches the backup through a proxy."""
    with a_pair(folder) as (primary, backup):
        behind = free_port()
        proxy = Proxy((backup.address, behind), (backup.address, backup.port))
        primary.port = behind
        with proxy.running():
            yield primary, backup, proxy


def test_a_peer_that_is_off_is_said_and_tried_again(pair: Pair) -> None:
    primary, backup = pair
    old, port = backup.text, primary.port
    primary.port = free_port()
    primary.edit(weight=5)
    syncer = primary.syncer()
    state = syncer.copy()
    assert trouble(state) == (Standing.WAITING, "unreachable")
    assert f"127.0.0.2 port {primary.port}: connection refused" in str(state.trouble)
    assert 0 < state.pause_s <= 5
    assert syncer.copy().pause_s > 5
    assert backup.text == old
    primary.port = port
    text = primary.edit(weight=6)
    assert syncer.copy().standing is Standing.IN_STEP
    assert backup.text == text


def test_the_private_address_is_tried_where_the_public_one_does_not_answer(pair: Pair) -> None:
    primary, backup = pair
    text = primary.edit(weight=5).replace("backup = 127.0.0.2", "backup = 127.0.0.3")
    primary.write(f"primary_private = 127.0.1.1\nbackup_private = 127.0.0.2\n{text}")
    state = primary.syncer().copy()
    assert (state.standing, state.record.peer) == (Standing.IN_STEP, "127.0.0.2")
    assert backup.text == primary.text


def test_a_peer_that_is_slow_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    with proxied(tmp_path) as (primary, backup, proxy):

        def connect(peer: Peer, places: Places) -> Target:
            return sftp.connect(peer, sftp.Login(places.folder, places.user), deadline_s=2.0)

        whole = conversation(primary, backup, proxy)
        base = primary.syncer()
        syncer = Syncer(base.places, connect, is_local=lambda address: str(address) == "127.0.0.1")
        for fault in (
            Fault(from_peer=0, stalls=True),
            Fault(from_peer=whole[1] // 2, stalls=True),
            Fault(to_peer=whole[0] * 3 // 4, stalls=True),
        ):
            old = backup.text
            text = primary.edit(weight=primary.serial + 1)
            proxy.fault = fault
            began = time.monotonic()
            state = syncer.copy()
            assert time.monotonic() - began < 8
            assert trouble(state) == (Standing.WAITING, "too-slow"), fault
            assert "within 2 s" in str(state.trouble)
            assert backup.text in (old, text)
            proxy.fault = Fault()
            assert primary.syncer().copy().standing is Standing.IN_STEP


def conversation(primary: Director, backup: Director, proxy: Proxy) -> tuple[int, int]:
    """Tell how many bytes a copy takes, to the peer and from it."""
    proxy.fault = fault = Fault()
    text = primary.edit(weight=primary.serial + 1)
    assert primary.syncer().copy().standing is Standing.IN_STEP
    assert backup.text == text
    return fault.passed[0], fault.passed[1]


@pytest.mark.parametrize("way", ["to_peer", "from_peer"])
def test_a_connection_cut_at_any_byte_leaves_the_old_or_the_new_file(
    tmp_path: Path, way: str
) -> None:
    with proxied(tmp_path) as (primary, backup, proxy):
        sizes = conversation(primary, backup, proxy)
        size = sizes[0] if way == "to_peer" else sizes[1]
        seen = set()
        for place in range(WIRED):
            old = backup.text
            text = primary.edit(weight=primary.serial + 1)
            cut_at = size * place // WIRED
            proxy.fault = Fault(to_peer=cut_at) if way == "to_peer" else Fault(from_peer=cut_at)
            state = primary.syncer().copy()
            assert backup.text in (old, text), cut_at
            if state.standing is Standing.IN_STEP:  # only the farewell was lost
                assert backup.text == text, cut_at
            else:
                assert trouble(state) == (Standing.WAITING, "cut"), cut_at
            primary.edit(weight=primary.serial + 1)  # editing is never blocked
            seen.add(backup.text == text)
            proxy.fault = Fault()
            assert primary.syncer().copy().standing is Standing.IN_STEP, cut_at
            assert backup.text == primary.text
        assert False in seen


def test_a_cut_after_install_was_sent_is_found_done_by_the_next_try(tmp_path: Path) -> None:
    with proxied(tmp_path) as (primary, backup, proxy):
        _, size = conversation(primary, backup, proxy)
        text = primary.edit(weight=primary.serial + 1)
        proxy.fault = Fault(from_peer=size - 200)  # the answer to install is among the last
        asked = backup.engine.asked
        asked.clear()
        assert trouble(primary.syncer().copy()) == (Standing.WAITING, "cut")
        wait_until(
            lambda: any(isinstance(one, Reload) for one in asked),
            "the backup has it all the same, and runs it",
        )
        assert backup.text == text
        backup.running = backup.revision
        proxy.fault = Fault()
        asked.clear()
        assert primary.syncer().copy().standing is Standing.IN_STEP
        assert [type(one).__name__ for one in asked] == ["Status"]


def test_a_peer_that_may_not_write_its_file_says_so(pair: Pair) -> None:
    primary, backup = pair
    old = backup.text
    backup.config.chmod(0o444)
    primary.edit(weight=5)
    state = primary.syncer().copy()
    assert trouble(state) == (Standing.WAITING, "not-permitted")
    assert f"{backup.config} may not be written by this user" in str(state.trouble)
    assert backup.text == old
    backup.config.chmod(0o660)
    assert primary.syncer().copy().standing is Standing.IN_STEP


def test_an_lvs_cf_with_errors_is_not_copied(pair: Pair) -> None:
    primary, backup = pair
    old = backup.text
    primary.write(f"{primary.text}virtual broken {{\n")
    state = primary.syncer().copy()
    assert trouble(state) == (Standing.WAITING, "not-sound")
    assert backup.text == old


def test_another_process_that_is_copying_is_waited_for_not_doubled(pair: Pair) -> None:
    primary, _ = pair
    first, second = primary.syncer(), primary.syncer()
    with first.recorder.at_work(0.0), pytest.raises(Exception, match="another process has been"):
        second.copy(wait_s=0.1)
