"""Faults between and at the directors: cables out at once, a deaf director, a split, lost packets.

All but a pulled cable leave the clients' way to both directors whole. `Network.tidy` mends a
pulled cable and a deaf director; a loss ends with its block.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kernel.lab.namespaces import in_namespace, run
from tests.kernel.lab.network import CABLES, DIRECTORS, SWITCH, Cable, cable

NETWORKS = ("public", "private")
SYNC_GROUP = "224.0.0.81"
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1


def peer_of(director: str) -> str:
    return DIRECTORS[1 - DIRECTORS.index(director)]


def cables_of(namespace: str) -> tuple[Cable, ...]:
    return tuple(one for one in CABLES if one.namespace == namespace)


def cut(*cables: Cable) -> None:
    """Pull cables at once: nobody learns of the first before the last is out."""
    with _undisturbed():
        for one in cables:
            _set_up(one, up=False)


def mend(*cables: Cable) -> None:
    for one in cables:
        _set_up(one, up=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nothing else run: the guest has one CPU, and whoever hears of a cable wants it."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _set_up(cable: Cable, *, up: bool) -> None:
    request = struct.Struct("16sh22x")
    name = cable.port.encode()
    with in_namespace(SWITCH), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _, flags = request.unpack(fcntl.ioctl(control, SIOCGIFFLAGS, request.pack(name, 0)))
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(control, SIOCSIFFLAGS, request.pack(name, flags))


def deafen(director: str, *networks: str) -> None:
    """Let a director hear nothing that its peer sends; what it says still arrives there.

    Args:
        networks: `public`, `private`; by default both.
    """
    for network in networks or NETWORKS:
        peer = cable(peer_of(director), network).address
        run(director, "iptables-legacy", "-I", "INPUT", "-s", peer, "-j", "DROP")


def undeafen(director: str) -> None:
    run(director, "iptables-legacy", "-F", "INPUT")


def split() -> None:
    """Cut every way between the directors; clients and real servers still reach both."""
    for director in DIRECTORS:
        deafen(director)


def heal() -> None:
    """Undo `split` and `deafen`."""
    for director in DIRECTORS:
        undeafen(director)


@contextmanager
def loss(percent: float, *directors: str) -> Iterator[None]:
    """Lose so much of what these directors send to their peer, on both networks.

    What they share of their connections is lost at the same rate.
    """
    for director in directors:
        for one in cables_of(director):
            for words in _loss_commands(one, percent):
                run(director, "tc", *words.split())
    try:
        yield
    finally:
        for director in directors:
            for one in cables_of(director):
                run(director, "tc", "qdisc", "del", "dev", one.device, "root")


def _loss_commands(one: Cable, percent: float) -> Iterator[str]:
    """Everything goes by the second band, and only what is meant for the peer by the lossy one."""
    bands = " ".join(["1"] * 16)
    yield f"qdisc add dev {one.device} root handle 1: prio bands 3 priomap {bands}"
    yield f"qdisc add dev {one.device} parent 1:3 handle 30: netem loss {percent}%"
    for target in (cable(peer_of(one.namespace), one.network).address, SYNC_GROUP):
        match = f"u32 match ip dst {target}/32 flowid 1:3"
        yield f"filter add dev {one.device} parent 1: protocol ip {match}"


def lost(director: str) -> int:
    """How many packets `loss` has taken so far."""
    said = "".join(
        run(director, "tc", "-s", "qdisc", "show", "dev", one.device)
        for one in cables_of(director)
    )
    return sum(map(int, re.findall(r"netem.*?dropped (\d+)", said, re.DOTALL)))
