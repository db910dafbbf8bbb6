"""What fails below a director that serves: the clients do not notice, the operator does."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kernel.lab.clients import Downloads, Load
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.crowd import Crowd
from tests.kernel.lab.director import Director
from tests.kernel.lab.network import VIRTUAL_IP, Network
from tests.kernel.lab.pair import DEADTIME_S, Pair, a_pair, holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.unprivileged import UID
from tests.kernel.lab.waiting import hold_for, wait_until

WEB = Virtual("web", scheduler="wrr")
MORE = Virtual("more", port=81, check=())
ROWS = WEB.rows(rs1=1, rs2=1, rs3=1)
DRAINED = WEB.rows(rs1=1, rs2=1, rs3=0)
DISK = f"size=64k,mode=750,uid={UID},gid={UID}"
YEAR_S = 365 * 86400.0


@dataclass
class Clients:
    """A request every 10 ms, and some downloads; not one of them may fail."""

    load: Load
    downloads: Downloads

    def go_on(self) -> None:
        outcomes = len(self.load.outcomes)
        blocks = {id(one): one.blocks for one in self.downloads.all}
        wait_until(lambda: len(self.load.outcomes) > outcomes + 50, "requests are answered")
        wait_until(
            lambda: all(one.blocks > blocks[id(one)] + 3 for one in self.downloads.all),
            "blocks come",
        )


@contextmanager
def unharmed_clients() -> Iterator[Clients]:
    with Downloads() as downloads, Load(VIRTUAL_IP) as load:
        downloads.open(VIRTUAL_IP, 6)
        clients = Clients(load, downloads)
        clients.go_on()
        yield clients
        clients.go_on()
        assert downloads.stalled() == {}
    assert load.failures == []


@pytest.fixture
def serving(director: Director, real_servers: RealServers) -> Director:
    director.start(lvs_cf(WEB))
    director.wait_for_rows(WEB.key(), ROWS)
    return director


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


def test_with_a_full_disk_reloads_and_drains_reach_the_kernel_and_no_client_notices(
    director: Director, real_servers: RealServers
) -> None:
    with small_disk(director.state):
        director.start(lvs_cf(WEB))
        director.wait_for_rows(WEB.key(), ROWS)
        with unharmed_clients() as clients, filled(director.state):
            director.reload(lvs_cf(WEB, MORE))
            director.wait_for_rows(MORE.key(), MORE.rows(rs1=1, rs2=1, rs3=1))
            director.lvsctl("drain", "web/rs3")
            director.wait_for_rows(WEB.key(), DRAINED)
            clients.go_on()
            assert "No space left on device" in director.lvsctl("status")
        director.lvsctl("undrain", "web/rs3")
        assert "No space left on device" not in director.lvsctl("status")
        assert '"port": 81' in (director.state / "engine.json").read_text()
        assert director.terminate() == 0
        assert director.rows(WEB.key()) == {}


def test_started_and_stopped_on_a_full_disk_it_serves_and_leaves_nothing(
    director: Director, real_servers: RealServers
) -> None:
    with small_disk(director.state):
        director.start(lvs_cf(WEB))  # an earlier run has left its lock
        director.kill()
        with filled(director.state):
            director.start()
            director.wait_for_rows(WEB.key(), ROWS)
            assert director.terminate() == 0
            assert director.rows(WEB.key()) == {}


def test_without_descriptors_the_kernel_goes_on_and_the_director_comes_back(
    serving: Director,
) -> None:
    used = len(os.listdir(f"/proc/{serving.pid}/fd"))
    before = resource.prlimit(serving.pid, resource.RLIMIT_NOFILE)
    with unharmed_clients() as clients:
        resource.prlimit(serving.pid, resource.RLIMIT_NOFILE, (used, before[1]))
        wait_until(lambda: "too few file descriptors" in serving.log, "checks are not tried")
        hold_for(2, lambda: serving.is_running, "it lives")
        clients.go_on()
        assert {key: row.weight for key, row in serving.rows(WEB.key()).items()} == ROWS
        resource.prlimit(serving.pid, resource.RLIMIT_NOFILE, before)
        wait_until(lambda: "director" in serving.lvsctl("status", check=False), "it answers")
        serving.lvsctl("drain", "web/rs3")
        serving.wait_for_rows(WEB.key(), DRAINED)
    assert "Traceback" not in serving.log


@pytest.fixture
def clock() -> Iterator[None]:
    """Put the guest's clock back as it was."""
    began, at = time.monotonic(), time.time()
    yield
    time.clock_settime(time.CLOCK_REALTIME, at + time.monotonic() - began)


def set_clock(by_s: float) -> None:
    time.clock_settime(time.CLOCK_REALTIME, time.time() + by_s)


@pytest.mark.usefixtures("clock")
def test_a_clock_set_back_and_forward_by_years_changes_nothing_but_what_is_told(
    serving: Director, real_servers: RealServers
) -> None:
    with unharmed_clients() as clients:
        for by_s in (-YEAR_S, 2 * YEAR_S, -YEAR_S):
            set_clock(by_s)
            clients.go_on()
            serving.lvsctl("drain", "web/rs3")
            serving.wait_for_rows(WEB.key(), DRAINED)
            assert "rs3" in serving.lvsctl("status")
            serving.lvsctl("undrain", "web/rs3")
            serving.wait_for_rows(WEB.key(), ROWS)
            # Its last results are younger than a minute by any clock: checks go on.
            results = serving.lvsctl("explain", "web/rs1").count(" ok ")
            assert results > 0
        numbers = [int(line.split()[0]) for line in serving.lvsctl("events").splitlines()]
        assert numbers == sorted(numbers)
    real_servers.kill("rs2")
    serving.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs3=1))


def test_a_state_folder_that_is_lost_is_made_again_and_no_client_notices(
    serving: Director,
) -> None:
    with unharmed_clients():
        shutil.rmtree(serving.state)
        serving.lvsctl("drain", "web/rs3")
        serving.wait_for_rows(WEB.key(), DRAINED)
        assert "drain" in (serving.state / "engine.json").read_text()
        serving.kill()
        serving.start()
        serving.wait_for_rows(WEB.key(), DRAINED)


def test_a_spoilt_state_costs_the_orders_but_no_connection(serving: Director) -> None:
    with unharmed_clients() as clients:
        serving.kill()
        (serving.state / "engine.json").write_bytes(os.urandom(500))
        serving.start()
        clients.go_on()
        assert f"{serving.state}/engine.json cannot be read" in serving.lvsctl("status")
    assert serving.terminate() == 0
    assert serving.rows(WEB.key()) == {}


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x80garbage\n" * 1000, b"", b"virtual web {\n"])
def test_lvs_cf_turned_to_garbage_stops_no_client_even_over_a_restart(
    serving: Director, garbage: bytes
) -> None:
    with unharmed_clients() as clients:
        serving.config.write_bytes(garbage)
        assert "nothing was changed" in serving.lvsctl("reload", check=False) + serving.log
        clients.go_on()
        serving.kill()
        with pytest.raises(AssertionError, match="ended with 1 before it was ready"):
            serving.start()
        clients.go_on()
        assert {key: row.weight for key, row in serving.rows(WEB.key()).items()} == ROWS
        serving.start(lvs_cf(WEB))
        serving.wait_for_rows(WEB.key(), ROWS)


@pytest.fixture
def pair(lab: Network, real_servers: RealServers) -> Iterator[Pair]:
    with a_pair() as pair:
        yield pair


def test_with_full_disks_a_standby_takes_over_and_gives_back(pair: Pair) -> None:
    with small_disk(pair["dirA"].state), small_disk(pair["dirB"].state):
        pair.write(WEB)
        pair.start()
        with filled(pair["dirA"].state), filled(pair["dirB"].state), Crowd() as crowd:
            pair["dirB"].lvsctl("takeover")
            pair.settle("dirB")
            crowd.go_on()
            pair["dirB"].kill()
            wait_until(lambda: "dirA" in holders(), "dirA takes over from a dead peer")
            crowd.go_on()
        assert pair["dirA"].is_running
        assert "the history is not kept" in pair["dirA"].log
        pair["dirB"].start()
        pair.settle("dirA")


@pytest.mark.usefixtures("clock")
def test_a_clock_set_by_years_makes_no_peer_dead(pair: Pair) -> None:
    pair.write(WEB)
    pair.start()
    for by_s in (-YEAR_S, 2 * YEAR_S):
        set_clock(by_s)
        hold_for(2 * DEADTIME_S, lambda: holders() == {"dirA"}, "dirA stays active, alone")
        assert pair.ready("dirB")
    pair["dirB"].lvsctl("takeover")
    pair.settle("dirB")
    assert [change.state for change in pair.history("dirA")] == ["active", "standby"]
