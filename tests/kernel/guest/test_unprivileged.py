"""pulse as user pulse with three capabilities: what its own process says, and what it misses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lvsengine.capabilities import NEEDED, mask
from tests.kernel.lab import unprivileged
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.director import Director, a_director
from tests.kernel.lab.namespaces import proc_net
from tests.kernel.lab.network import Network
from tests.kernel.lab.pair import pair_lines
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

WEB = Virtual("web")
MORE = Virtual("more", address="192.168.26.11", device="eth0:2")
ANNOUNCED = "gratuitous lvs arps finished"


def status(director: Director) -> dict[str, str]:
    text = Path(f"/proc/{director.pid}/status").read_text()
    return {
        key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())
    }


def sets(director: Director) -> set[int]:
    said = status(director)
    return {int(said[f"Cap{one}"], 16) for one in ("Inh", "Prm", "Eff", "Bnd", "Amb")}


def test_it_runs_as_its_unit_starts_it_and_misses_nothing(
    director: Director, real_servers: RealServers
) -> None:
    director.start(lvs_cf(WEB))
    assert status(director)["Uid"].split() == [str(unprivileged.UID)] * 4
    assert sets(director) == {mask(NEEDED)}
    assert "warning" not in director.lvsctl("status").lower()
    assert (director.socket.stat().st_uid, director.socket.stat().st_gid) == (
        unprivileged.UID,
        unprivileged.GID,
    )


def test_a_director_that_lacks_a_capability_says_which_and_what_fails(
    director: Director, real_servers: RealServers
) -> None:
    director.lacks = ("net_raw",)
    director.start(lvs_cf(WEB))
    assert "pulse has no CAP_NET_RAW: it cannot announce" in director.lvsctl("status")


@pytest.fixture
def by_root(lab: Network) -> Iterator[Director]:
    """The director dirA, to be started by root without systemd, on a machine with user pulse."""
    with a_director("dirA", as_root=True) as director:
        unprivileged.prepare()
        director.config.parent.chmod(0o755)
        yield director


def test_root_becomes_pulse_by_itself_and_hands_its_folders_over(
    by_root: Director, real_servers: RealServers
) -> None:
    by_root.start(lvs_cf(WEB))
    assert "running as user pulse, with three capabilities of root's" in by_root.log
    assert status(by_root)["Uid"].split() == [str(unprivileged.UID)] * 4
    assert sets(by_root) == {mask(NEEDED)}
    assert by_root.socket.stat().st_gid == unprivileged.GID
    assert "pulse runs as root" not in by_root.lvsctl("status")
    by_root.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1, rs3=1))
    by_root.kill()
    assert by_root.release() == (
        "released 10.11.12.10/24 on eth1:1\nreleased 192.168.26.10/32 on eth0:1\n"
    )
    by_root.start()  # what root's --release wrote is pulse's


def test_without_systemd_a_reload_still_opens_ports_and_sockets_that_only_root_may(
    by_root: Director, real_servers: RealServers
) -> None:
    by_root.start(in_a_pair(WEB, heartbeat_port=539))
    wait_until(lambda: heartbeat_ports() == {539}, "the heartbeat's port is open")
    wait_until(lambda: ANNOUNCED in by_root.log, "addresses are announced, by raw sockets")
    by_root.reload(in_a_pair(WEB, MORE, heartbeat_port=540))
    wait_until(lambda: heartbeat_ports() == {540}, "the heartbeat has moved")
    wait_until(lambda: by_root.log.count(ANNOUNCED) == 2, "a new address is announced, too")


def in_a_pair(*virtuals: Virtual, heartbeat_port: int) -> str:
    text = lvs_cf(*virtuals, redundancy=pair_lines(0.1, 0.3))
    return text.replace("heartbeat_port = 539", f"heartbeat_port = {heartbeat_port}")


def heartbeat_ports() -> set[int]:
    """The UDP ports below 1024 that are open in dirA's network."""
    rows = proc_net("dirA", "udp").splitlines()[1:]
    ports = {int(row.split()[1].rpartition(":")[2], 16) for row in rows}
    return {port for port in ports if port < 1024}


def test_root_stays_root_when_asked_and_status_says_so(by_root: Director) -> None:
    by_root.start(lvs_cf(WEB), "--user", "root")
    assert status(by_root)["Uid"].split() == ["0"] * 4
    assert "pulse runs as root, though three capabilities" in by_root.lvsctl("status")
