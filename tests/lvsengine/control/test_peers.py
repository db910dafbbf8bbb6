from __future__ import annotations

import struct

import pytest

from lvsengine.control import messages, peers
from lvsengine.control.peers import Peer

PULSE, PIRANHA, OTHERS = 990, 991, 1000


def credentials(uid: int, gid: int) -> bytes:
    return struct.pack("=3i", 4242, uid, gid)


def test_who_has_connected_is_read_from_what_the_kernel_says() -> None:
    groups = peers.groups_of(struct.pack("=2I", PIRANHA, 4000000000))
    assert peers.peer_of(credentials(7, OTHERS), groups) == Peer(
        7, frozenset({OTHERS, PIRANHA, 4000000000})
    )
    assert peers.groups_of(b"") == ()


@pytest.mark.parametrize(
    ("peer", "may"),
    [
        (Peer(0, frozenset({OTHERS})), True),  # root
        (Peer(PULSE, frozenset({OTHERS})), True),  # the engine's own user
        (Peer(7, frozenset({PIRANHA})), True),
        (Peer(7, frozenset({OTHERS, PIRANHA})), True),
        (Peer(7, frozenset({OTHERS})), False),
        (Peer(PIRANHA, frozenset({OTHERS})), False),  # a user of the group's number
        (Peer(7, frozenset()), False),
    ],
)
def test_root_the_engines_user_and_the_sockets_group_may_order(peer: Peer, *, may: bool) -> None:
    assert peers.may_change(peer, PULSE, PIRANHA) is may


def test_every_command_either_asks_or_says_who_orders() -> None:
    for kind in messages.COMMANDS.values():
        assert (kind in messages.ORDERS) is ("by" in kind.__dataclass_fields__), kind
    assert {messages.NAMES[kind] for kind in messages.ORDERS} == {
        "reload", "override", "standby", "takeover",
    }  # fmt: skip


def test_who_acts_is_named_with_whom_they_act_for() -> None:
    assert peers.actor("piranha", "ann") == "ann through piranha"
    assert peers.actor("root", "") == peers.actor("root", "root") == "root"


def test_a_claim_stays_on_one_line_and_short() -> None:
    forged = peers.actor("bob", "x\nlvs[1]: all is well\x1b[2J" + "y" * 1000)
    assert forged.startswith("x?lvs[1]: all is well?[2Jyyy")
    assert forged.endswith(" through bob")
    assert len(forged) < 100


def test_the_refusal_says_who_what_and_what_to_do() -> None:
    error = peers.refusal("bob", "standby", "piranha")
    assert (error.sentence, error.hint) == (
        "user bob may ask pulse, and order nothing: standby changes something",
        "become root, or a member of group piranha",
    )
