"""Reloads under load: what stays in lvs.cf keeps its connections, what is new serves."""

from __future__ import annotations

from dataclasses import replace

from tests.kernel.lab.clients import Downloads, Load, burst
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.director import Director, without_pulse
from tests.kernel.lab.namespaces import ip_batch, run
from tests.kernel.lab.network import NAT_ROUTER, VIRTUAL_IP
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.table import read_weights
from tests.kernel.lab.waiting import wait_until

WEB = Virtual("web", servers={"rs1": 1, "rs2": 1})
MORE = Virtual("more", port=81)
OPEN = 30


def test_a_reload_under_load_costs_no_connection_of_what_stays(
    director: Director, real_servers: RealServers
) -> None:
    director.start(lvs_cf(WEB))
    director.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1))
    with Downloads() as downloads:
        assert downloads.open(VIRTUAL_IP, OPEN) == {"rs1": 15, "rs2": 15}

        with Load(VIRTUAL_IP, period_s=0.02) as load:
            change_a_weight(director)
            add_a_server(director)
            add_a_virtual_server(director)
            wait_for_blocks(downloads, "rs1", "rs2")
        assert load.failures == []
        assert downloads.flowing() == {"rs1": 15, "rs2": 15}

        remove_a_server(director)
        with Load(VIRTUAL_IP, period_s=0.02) as load:
            wait_for_blocks(downloads, "rs1")
        assert load.failures == []
        assert set(load.servers_since(0)) == {"rs1", "rs3"}
        assert downloads.flowing()["rs1"] == 15


def changes_by_reload(director: Director) -> list[int]:
    """Of each reload so far, how many changes of the kernel's table the log shows."""
    turns = director.log.split("rereading configuration file")[1:]
    return [sum(" ipvs -" in line for line in turn.splitlines()) for turn in turns]


def wait_for_log(director: Director, *changes: int) -> None:
    """The log speaks of a change after the kernel has it, and of the next reload at its signal."""
    wait_until(lambda: changes_by_reload(director) == list(changes), f"{changes} are in the log")


def change_a_weight(director: Director) -> None:
    director.reload(lvs_cf(replace(WEB, servers={"rs1": 5, "rs2": 1})))
    director.wait_for_rows(WEB.key(), WEB.rows(rs1=5, rs2=1))
    wait_for_log(director, 1)


def add_a_server(director: Director) -> None:
    director.reload(lvs_cf(replace(WEB, servers={"rs1": 5, "rs2": 1, "rs3": 1})))
    director.wait_for_rows(WEB.key(), WEB.rows(rs1=5, rs2=1, rs3=1))
    wait_for_log(director, 1, 1)


def add_a_virtual_server(director: Director) -> None:
    director.reload(lvs_cf(replace(WEB, servers={"rs1": 5, "rs2": 1, "rs3": 1}), MORE))
    director.wait_for_rows(MORE.key(), MORE.rows(rs1=1, rs2=1, rs3=1))
    wait_for_log(director, 1, 1, 4)
    assert burst(VIRTUAL_IP, 6, 81) == {"rs1": 2, "rs2": 2, "rs3": 2}


def remove_a_server(director: Director) -> None:
    director.reload(lvs_cf(replace(WEB, servers={"rs1": 5, "rs3": 1}), MORE))
    director.wait_for_rows(WEB.key(), WEB.rows(rs1=5, rs3=1))
    wait_for_log(director, 1, 1, 4, 1)


def wait_for_blocks(downloads: Downloads, *names: str) -> None:
    """Wait until each download from these real servers has brought five more blocks."""
    wanted = {id(d): d.blocks + 5 for d in downloads.all if d.server in names}
    wait_until(
        lambda: all(d.blocks >= wanted[id(d)] for d in downloads.all if id(d) in wanted),
        f"the downloads from {names} go on",
    )


def test_a_broken_file_changes_nothing_and_its_problems_are_logged(
    director: Director, real_servers: RealServers
) -> None:
    director.start(lvs_cf(WEB))
    director.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1))
    director.reload(lvs_cf(replace(WEB, scheduler="fastest")))
    wait_until(lambda: "fastest" in director.log, "the problem is logged")
    assert burst(VIRTUAL_IP, 4) == {"rs1": 2, "rs2": 2}
    director.reload(lvs_cf(replace(WEB, servers={"rs3": 2})))
    director.wait_for_rows(WEB.key(), WEB.rows(rs3=2))


def test_what_is_not_ours_survives_start_reload_and_stop(
    director: Director, real_servers: RealServers
) -> None:
    foreign_address = "192.168.26.77"
    without_pulse(
        "dirA",
        f"-A -t {VIRTUAL_IP}:8080 -s wrr",
        f"-a -t {VIRTUAL_IP}:8080 -r 10.11.12.1:8080 -m -w 7",
        "-A -f 99 -s sh",
        "-a -f 99 -r 10.11.12.2:0 -m -w 3",
    )
    ip_batch("dirA", f"addr add {foreign_address}/32 dev eth0")
    foreign = read_weights("dirA")
    assert len(foreign) == 2

    director.start(lvs_cf(WEB))
    director.wait_for_rows(WEB.key(), WEB.rows(rs1=1, rs2=1))
    assert foreign.items() <= read_weights("dirA").items()
    assert burst(VIRTUAL_IP, 2, 8080) == {"rs1": 2}

    director.reload(lvs_cf(MORE))
    director.wait_for_rows(MORE.key(), MORE.rows(rs1=1, rs2=1, rs3=1))
    wait_until(lambda: WEB.key() not in read_weights("dirA"), "the old one is gone")
    assert foreign.items() <= read_weights("dirA").items()

    assert director.terminate() == 0
    assert read_weights("dirA") == foreign
    addresses = run("dirA", "ip", "addr")
    assert foreign_address in addresses
    assert VIRTUAL_IP not in addresses
    assert NAT_ROUTER not in addresses
