"""Speak the engine's protocol with numbers that move: the web's figures without 2 000 checks.

    python -m tests.bench.talking_engine SOCKET [--virtuals N] [--reals N] [--scene SCENE]

Every answer to `status` has other counters, so that nothing a page shows stays as it was. Scenes:
`busy` (all up), `quiet` (nothing moves), `trouble` (some of everything that can be wrong).
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lvsengine.control import messages
from lvsengine.snapshot import (
    AddressState,
    FailureState,
    LinkState,
    PeerState,
    RealServerState,
    RoleChange,
    Snapshot,
    Traffic,
    VirtualServerState,
)
from tests.piranha.fake_engine import FakeEngine, a_peer, a_snapshot, listening

HOUR = 120  # samples
READY = 6  # answers that differ


class Talker:
    """Makes the answers of one scene."""

    def __init__(self, virtuals: int, reals: int, scene: str) -> None:
        self._random = random.Random(7)  # noqa: S311 - the same numbers each time
        self._size = virtuals, reals
        self._scene = scene
        self._began = time.time() - 3 * 3600
        self._asked = 0
        self._ready: list[bytes] = []
        self._quiet = self._made()

    def status(self) -> Snapshot:
        virtuals = self._quiet if self._scene == "quiet" else self._made()
        snapshot = a_snapshot(
            at=time.time(), started_at=self._began, since=self._began, virtual_servers=virtuals
        )
        return self._troubled(snapshot) if self._scene == "trouble" else self._paired(snapshot)

    def answer(self) -> bytes:
        """Give one of a few answers made before: what is measured is the web, not this."""
        self._asked += 1
        while len(self._ready) < READY:
            self._ready.append(messages.encode_result(self.status()))
        return self._ready[self._asked % READY]

    def traffic(self, request: object) -> messages.Graphs:
        assert isinstance(request, messages.ShowTraffic)
        return messages.Graphs(time.time(), 30.0, tuple(map(self._graph, request.virtual_servers)))

    def _graph(self, name: str) -> messages.Graph:
        steps = random.Random(name)  # noqa: S311 - a line of its own for each
        line, level = [], 100.0
        for _ in range(HOUR):
            level = max(0.0, level + steps.uniform(-20, 20))
            line.append(round(level, 2))
        return messages.Graph(
            name, tuple(line), tuple(x * 800.0 for x in line), tuple(x * 9000.0 for x in line)
        )

    def _made(self) -> tuple[VirtualServerState, ...]:
        virtuals, reals = self._size
        return tuple(self._virtual(number, reals) for number in range(virtuals))

    def _virtual(self, number: int, reals: int) -> VirtualServerState:
        name, address = f"shop{number:03}", f"192.0.2.{number % 250 + 1}"
        return VirtualServerState(
            name, f"tcp {address}:80", address, 80, "tcp", 0, "wlc", 0, None,
            self._moving(), tuple(self._real(number, one) for one in range(reals)),
        )  # fmt: skip

    def _real(self, virtual: int, number: int) -> RealServerState:
        address = f"10.{virtual // 250}.{virtual % 250}.{number + 1}"
        return RealServerState(
            f"web{number}", address, 80, 1, 1, "up", "auto", "answered as expected",
            self._began, self._moving(),
        )  # fmt: skip

    def _moving(self) -> Traffic:
        return Traffic(*(self._random.randrange(limit) for limit in LIMITS))

    def _paired(self, snapshot: Snapshot) -> Snapshot:
        held = tuple(
            AddressState(one.address, f"eth0:{number}", "ours")
            for number, one in enumerate(snapshot.virtual_servers[:20], 1)
        )
        return replace(snapshot, peer=a_peer(), addresses=held)

    def _troubled(self, snapshot: Snapshot) -> Snapshot:
        said = [dict[str, object]() for _ in range(self._size[1])]
        down = {"health": "down", "effective_weight": None, "since": time.time() // 60 * 60 - 300}
        refused = "connection refused by 10.0.0.1:80 (3 times)"
        said[0] = {**down, "reason": refused}
        said[1] = {"override": "drain", "effective_weight": 0, "reason": "answered as expected"}
        said[2] = {**down, "effective_weight": 0, "reason": "no answer within 6 s"}
        hurt = tuple(
            replace(one, **more)  # type: ignore[arg-type]
            for one, more in zip(snapshot.virtual_servers[-1].real_servers, said, strict=True)
        )
        dead = tuple(
            replace(one, **down, reason=refused)  # type: ignore[arg-type]
            for one in snapshot.virtual_servers[-2].real_servers
        )
        virtuals = (
            *snapshot.virtual_servers[:-2],
            replace(snapshot.virtual_servers[-2], real_servers=dead),
            replace(snapshot.virtual_servers[-1], real_servers=hurt),
        )
        links = (LinkState("public", 0.5, 0.12), LinkState("private", None, None, "no route"))
        failure = FailureState(
            "-A -t 192.0.2.1:80 -s mh", 2, "the kernel lacks ip_vs_mh", self._began
        )
        return replace(
            snapshot,
            virtual_servers=virtuals,
            failures=(failure,),
            warnings=("virtual servers shop001 and shop002 share a mark",),
            not_ready=("1 changes of the kernel fail",),
            peer=PeerState(
                "standby", False, "2 real servers are down", "ffff00001111", 0.5, 9.0, links
            ),
        )


LIMITS = (10_000_000, 10**12, 10**13, 900, 9_000_000, 90_000_000, 2000, 3000)


def events(request: object) -> tuple[messages.Event, ...]:
    assert isinstance(request, messages.Events)
    now = time.time() // 60 * 60
    told = (
        messages.Event(1, now - 900, "health", "shop000/web0", "up: answered as expected"),
        messages.Event(2, now - 600, "role", "active", "handover: ordered by the operator"),
        messages.Event(3, now - 300, "health", "shop199/web0", "down: connection refused"),
    )
    return tuple(one for one in told if one.number > request.after)


def explained(request: object) -> messages.Explained:
    assert isinstance(request, messages.Explain | messages.SetOverride)
    tried = [
        messages.TriedCheck(time.time() - 6 * number, ok=False, reason="connection refused",
                            seconds=0.004, sent="GET / HTTP/1.0", received="")
        for number in range(5, 0, -1)
    ]  # fmt: skip
    return messages.Explained(
        f"{request.virtual}/{request.real}", "10.0.0.1:80", "down", "auto", "connection refused",
        time.time() - 300, "send_expect tcp 10.0.0.1:80 every 6 s", False, tuple(tried),
    )  # fmt: skip


class Prepared(FakeEngine):
    """Sends what is ready for `status`, and makes the rest."""

    def __init__(self, talker: Talker, answers: dict[type, object]) -> None:
        super().__init__(answers)
        self._talker = talker

    def answer(self, request: messages.Request) -> bytes:
        if isinstance(request, messages.Status):
            return self._talker.answer()
        self.asked.clear()
        return super().answer(request)


def engine(talker: Talker) -> FakeEngine:
    history = (RoleChange(time.time() - 600, "active", "handover", "ordered", 0.02),)
    lines = ["TCP  192.0.2.1:80 wlc", *(f"  -> 10.0.0.{n}:80  Masq 1 3 4" for n in range(40))]
    return Prepared(
        talker,
        {
            messages.ShowTraffic: talker.traffic,
            messages.ShowHistory: messages.History(history),
            messages.ShowTable: lambda _: messages.Text("\n".join([*lines, f"{time.time()}"])),
            messages.ShowProcesses: messages.Processes(
                42, (messages.Process("pulse", "this director", "active"),)
            ),
            messages.Events: events,
            messages.Explain: explained,
            messages.SetOverride: explained,
        },
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="talking_engine", description=__doc__)
    parser.add_argument("socket", type=Path)
    parser.add_argument("--virtuals", type=int, default=200)
    parser.add_argument("--reals", type=int, default=10)
    parser.add_argument("--scene", choices=("busy", "quiet", "trouble"), default="busy")
    given = parser.parse_args(arguments)
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    with listening(engine(Talker(given.virtuals, given.reals, given.scene)), given.socket):
        done.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
