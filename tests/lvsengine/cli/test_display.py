"""How lvsctl words a pair."""

from __future__ import annotations

import time
from dataclasses import replace

from lvsengine.cli import display
from lvsengine.control.messages import History, Planned, Reloaded
from lvsengine.snapshot import LinkState, PeerState, RejectedState, RoleChange, Snapshot

NOW = 1_700_000_000.0
PEER = PeerState(
    state="active",
    ready=True,
    revision="4f2a91c0d3e7",
    heard_s=0.21,
    since_s=80.0,
    links=(
        LinkState("public", 0.21, 0.02),
        LinkState("private", None, None, "Network is unreachable"),
    ),
    rejected=(RejectedState("forged", 12), RejectedState("late", 0)),
)
STANDBY = Snapshot(
    at=NOW,
    version="0.1.0",
    pid=1,
    started_at=NOW,
    role="backup",
    state="standby",
    reason="started",
    since=NOW,
    plane="kernel",
    path="lvs.cf",
    revision="4f2a91c0d3e7",
    file_revision="4f2a91c0d3e7",
    serial_no=1,
    not_ready=("2 of 3 real servers are down as seen from here",),
    peer=PEER,
)


def shown(snapshot: Snapshot) -> str:
    return "\n".join(display.status(snapshot))


def test_the_peer_and_each_link_are_shown_and_what_stands_in_the_way() -> None:
    text = shown(STANDBY)
    assert "NOT READY  2 of 3 real servers are down as seen from here" in text
    assert "peer       ACTIVE, ready, runs revision 4f2a91c0d3e7, heard 0.2 s ago" in text
    assert "link       public: heard 0.2 s ago, 2% lost" in text
    assert "link       private: never heard, SENDING FAILS: Network is unreachable" in text
    assert "rejected   12 heartbeats: forged" in text
    assert "late" not in text


def test_a_peer_that_is_not_ready_says_why() -> None:
    peer = replace(PEER, ready=False, reasons="lvs.cf differs", revision="")
    assert "ACTIVE, not ready: lvs.cf differs, heard" in shown(replace(STANDBY, peer=peer))
    silent = replace(peer, reasons="")
    assert "not ready: it does not say why" in shown(replace(STANDBY, peer=silent))


def test_a_peer_that_was_never_heard_is_said_to_be() -> None:
    assert "peer       never heard" in shown(replace(STANDBY, peer=PeerState()))


def test_history_tells_when_what_how_long_and_why() -> None:
    changes = (RoleChange(NOW, "active", "peer dead", "no heartbeat for 3 s", 0.012),)
    (line,) = display.history(History(changes), NOW)
    clock = time.strftime("%H:%M:%S", time.localtime(NOW))
    assert line == f"{clock} ACTIVE   after   12 ms  peer dead: no heartbeat for 3 s"


def test_a_plan_names_the_virtual_ips_that_come_and_go() -> None:
    plan = Planned("4f2a91c0d3e7", (), (), ("add 192.0.2.101/24 on eth0:1",))
    assert list(display.planned(plan)) == [
        "no change in the table",
        "virtual IP: add 192.0.2.101/24 on eth0:1",
        "revision 4f2a91c0d3e7",
    ]


def test_a_reload_names_the_virtual_ips_that_came_and_went() -> None:
    reply = Reloaded("4f2a91c0d3e7", (), addresses=("remove 192.0.2.100/24 on eth0:1",))
    assert "virtual IP: remove 192.0.2.100/24 on eth0:1" in list(display.reloaded(reply))
