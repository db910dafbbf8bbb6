"""Two directors that really run: a `pulse` each on dirA, the primary, and dirB, the backup."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from lvsengine.control.client import ask
from lvsengine.control.messages import History, ShowHistory, StandBy, Status, Text
from lvsengine.snapshot import LinkState, RoleChange, Snapshot
from tests.kernel.lab import unprivileged
from tests.kernel.lab.configuration import Virtual, lvs_cf
from tests.kernel.lab.director import Director, a_director
from tests.kernel.lab.faults import cables_of, cut, heal, mend, peer_of
from tests.kernel.lab.namespaces import proc_net, run, sysctl
from tests.kernel.lab.network import DIRECTORS, VIRTUAL_IP, cable
from tests.kernel.lab.waiting import wait_until

KEY = "1 " + "5e" * 32 + "\n"
# A busy guest may stand still for a second; the benchmark measures at a tenth of these.
KEEPALIVE_S, DEADTIME_S = 0.25, 2.0
SAMPLE_S = 0.005
ORDER_S = 10.0
SHARING = ("syncdaemon = 1", "syncd_iface = eth1")
# As a director should be set up: the kernel tells soon of a connection, and again.
SHARING_WELL = (*SHARING, "manage_sysctls = 1")


def pair_lines(
    keepalive_s: float = KEEPALIVE_S,
    deadtime_s: float = DEADTIME_S,
    key_file: Path | None = None,
    lines: Sequence[str] = SHARING,
) -> list[str]:
    """The part of lvs.cf that makes a pair of the two.

    Args:
        key_file: Without one the pair speaks the original's heartbeat.
    """
    return [
        f"primary_private = {cable('dirA', 'private').address}",
        "backup_active = 1",
        f"backup = {cable('dirB', 'public').address}",
        f"backup_private = {cable('dirB', 'private').address}",
        "heartbeat = 1",
        "heartbeat_port = 539",
        f"keepalive = {keepalive_s:g}",
        f"deadtime = {deadtime_s:g}",
        *([f"heartbeat_key_file = {key_file}"] if key_file else []),
        *lines,
    ]


class Pair:
    """Both directors, and what may happen to them."""

    def __init__(self, directors: dict[str, Director], *, as_root: bool = False) -> None:
        self.directors = directors
        self.as_root = as_root
        self.configuration = ""

    def __getitem__(self, name: str) -> Director:
        return self.directors[name]

    def write(
        self,
        *virtuals: Virtual,
        network: str = "nat",
        keepalive_s: float = KEEPALIVE_S,
        deadtime_s: float = DEADTIME_S,
        lines: Sequence[str] = SHARING,
        with_key: bool = True,
    ) -> None:
        """Write the same lvs.cf for both, with a key for each."""
        key_file = self["dirA"].config.with_name("heartbeat.key") if with_key else None
        if key_file is not None:
            with open(key_file, "w", opener=_for_owner_only) as stream:
                stream.write(KEY)
            if not self.as_root:
                unprivileged.give(key_file)
        own = pair_lines(keepalive_s, deadtime_s, key_file, lines)
        self.configuration = lvs_cf(*virtuals, network=network, redundancy=own)
        for director in self.directors.values():
            director.write(self.configuration)

    def start(self, active: str = "dirA") -> None:
        """Start both, the one that shall be active first, and wait until each has its role."""
        self[active].start()
        wait_until(lambda: holders() == {active}, f"{active} is active")
        self[peer_of(active)].start()
        self.settle(active)

    def settle(self, active: str, within_s: float = 10.0) -> float:
        """Wait until this one is active, alone, and the other ready to take over."""
        return self._wait(
            lambda: holders() == {active} and self.ready(peer_of(active)) and self.tells(active),
            f"{active} is active, and {peer_of(active)} is ready and told of connections",
            within_s,
        )

    def _wait(self, condition: Callable[[], object], what: str, within_s: float) -> float:
        """As `wait_until`; what stood in the way is noted."""
        try:
            return wait_until(condition, what, within_s)
        except AssertionError as error:
            lacks = {name: self.lacks(name) for name in DIRECTORS if self[name].is_running}
            error.add_note(f"{holders()} hold the virtual IP; what they lack: {lacks}")
            error.add_note(f"connection sync: {self._sync_roles()}\n{self.logs()}")
            raise

    def tells(self, active: str) -> bool:
        """Whether its kernel tells the peer's of connections; after a handover not for 3 s."""
        if "syncdaemon = 1" not in self.configuration:
            return True
        roles = self._sync_roles()
        return "master" in roles[active] and "backup" in roles[peer_of(active)]

    def _sync_roles(self) -> dict[str, str]:
        return {name: run(name, "ipvsadm", "-L", "--daemon") for name in DIRECTORS}

    def wait_for_active(self, name: str, within_s: float = 10.0) -> float:
        """Wait until this director, and no other that is plugged in, holds the virtual IP."""
        return self._wait(lambda: holders() == {name}, f"only {name} is active", within_s)

    def status(self, name: str) -> Snapshot:
        return ask(self[name].socket, Status(), Snapshot)

    def links(self, name: str) -> tuple[LinkState, ...]:
        """How it hears its peer."""
        peer = self.status(name).peer
        return peer.links if peer is not None else ()

    def history(self, name: str) -> tuple[RoleChange, ...]:
        """What this director became, the newest last."""
        return ask(self[name].socket, ShowHistory(), History).changes

    def lacks(self, name: str) -> tuple[str, ...]:
        """Why it could not serve now."""
        return self.status(name).not_ready

    def ready(self, name: str) -> bool:
        """Whether it stands by, and its peer has heard that it could serve."""
        seen = self.status(peer_of(name)).peer
        return seen is not None and (seen.state, seen.ready) == ("standby", True)

    def hand_over(self, name: str) -> str:
        """Order the active director to hand over; return when it has let go."""
        return ask(self[name].socket, StandBy(), Text, ORDER_S).text

    def restore(self) -> None:
        """Make it as `start` left it: both run, dirA is active, dirB ready."""
        for director in self.directors.values():
            director.thaw_if_running()
        for name in DIRECTORS:
            mend(*cables_of(name))
        heal()
        for director in self.directors.values():
            if not director.is_running:
                director.start()
        wait_until(lambda: len(holders()) == 1, "one is active")
        wait_until(lambda: not any(map(self.lacks, DIRECTORS)), "both could serve")
        if holders() == {"dirB"}:
            wait_until(lambda: self.ready("dirA"), "dirA is ready")
            self.hand_over("dirB")
        self.settle("dirA")

    def crash(self, name: str) -> None:
        """Cut the director off and kill it within a moment, with no time for a last word."""
        self[name].freeze()
        cut(*cables_of(name))
        self[name].kill()

    def logs(self) -> str:
        return "\n".join(
            f"--- {name}\n{director.log[-3000:]}" for name, director in self.directors.items()
        )


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def a_pair(*, as_root: bool = False) -> Iterator[Pair]:
    """A pair that is not started yet; ended at the end, also what is frozen."""
    with ExitStack() as stack:
        for name in DIRECTORS:
            # Else a client's port that comes again meets, for a minute, the connection that it
            # had to a real server of the test before, and the kernel says nothing to it.
            sysctl(name, "net/ipv4/vs/expire_nodest_conn", 1)
        directors = {
            name: stack.enter_context(a_director(name, as_root=as_root)) for name in DIRECTORS
        }
        pair = Pair(directors, as_root=as_root)
        try:
            yield pair
        finally:
            for director in pair.directors.values():
                director.kill_if_running()


# --- who holds the virtual IP -------------------------------------------------------------


def holds(director: str, address: str = VIRTUAL_IP) -> bool:
    """Whether the kernel of a director takes packets to this address as its own."""
    routes = proc_net(director, "fib_trie")
    return re.search(rf"\|-- {re.escape(address)}\n\s+/32 host LOCAL", routes) is not None


def holders() -> set[str]:
    """The directors that have the virtual IP, reachable or not."""
    return {name for name in DIRECTORS if holds(name)}


class Watch:
    """Samples who holds the virtual IP, every 5 ms, in a thread of its own, until the block ends.

    Attributes:
        seen: The moments (monotonic seconds) at which that changed, and who holds it since.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[float, frozenset[str]]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join(5)

    def seconds(self, count: int) -> float:
        """For how long so many directors held it."""
        ends = [moment for moment, _ in self.seen[1:]] + [time.monotonic()]
        return sum(
            end - moment
            for (moment, who), end in zip(self.seen, ends, strict=True)
            if len(who) == count
        )

    def changes(self) -> list[set[str]]:
        return [set(who) for _, who in self.seen]

    def _run(self) -> None:
        while not self._stopping.wait(SAMPLE_S):
            self._look()

    def _look(self) -> None:
        who = frozenset(holders())
        if not self.seen or who != self.seen[-1][1]:
            self.seen.append((time.monotonic(), who))
