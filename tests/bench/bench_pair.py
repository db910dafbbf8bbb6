"""A pair under its faults, as clients see it: ours beside keepalived's. In the guest.

Outage: the longest time between two good answers to a client that opens a connection every
10 ms, so 0.01 to 0.03 s where nothing happens. In each run both directors are started afresh, ours
and keepalived's in turn, and the fault comes at another phase of the heartbeat.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

from tests.bench.figures import Goal, Options, Row, Section, table
from tests.kernel.lab.announcements import announcements
from tests.kernel.lab.clients import Load
from tests.kernel.lab.configuration import Virtual
from tests.kernel.lab.crowd import Crowd, outage_s
from tests.kernel.lab.faults import cut
from tests.kernel.lab.keepalived import a_keepalived_pair
from tests.kernel.lab.network import VIRTUAL_IP, Network, cable
from tests.kernel.lab.pair import SHARING, a_pair, holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

KEEPALIVED = "keepalived"
FAST_S, SLOW_S = 0.1, 1.0
DEADTIMES = 3  # keepalives; keepalived waits for three announcements, and a little
LINES = (*SHARING, "monitor_links = 1")
WEB = Virtual("web")
MANY = 200
MORE = IPv4Address("192.168.27.0")
CPU_WINDOW_S = 10.0
CLOCK_TICKS = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """What clients saw of one fault: connections lost are those that were new, and downloads."""

    outage_s: float
    lost: int = 0


Fault = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault, for ours and for the peer; `planned` ones are watched by downloads too."""

    label: str
    keepalive_s: float
    ours: str
    peers: str
    goal: Goal | None
    planned: bool = False


TRIALS = (
    Trial("crash", FAST_S, "crash", "crash", Goal(0.9, of_ratio=True)),
    Trial("crash", SLOW_S, "crash", "crash", Goal(1.0, of_ratio=True)),
    Trial("public cable out", FAST_S, "cable", "cable", Goal(0.1)),
    Trial("public cable out", SLOW_S, "cable", "cable", Goal(0.1)),
    Trial(
        "planned handover (keepalived: stop)", FAST_S, "order", "stop", Goal(0.03), planned=True
    ),
    Trial("stop of the active", FAST_S, "stop", "stop", Goal(0.03), planned=True),
    Trial("stop of the active", SLOW_S, "stop", "stop", Goal(0.03), planned=True),
)


def run(options: Options) -> list[Section]:
    with _lab() as network:
        rows: list[Row] = []
        for trial in TRIALS:
            rows += _rows(trial, network, options.runs)
        rows.append(_many_addresses(network, options.runs))
        rows.append(_heartbeats_cost(network, options.runs))
    return [Section("a pair and its faults (in the guest; 3 real servers, NAT)", rows)]


@contextmanager
def _lab() -> Iterator[Network]:
    with ExitStack() as stack:
        network = Network()
        network.build()
        stack.callback(network.remove)
        real_servers = RealServers()
        stack.callback(real_servers.stop)
        yield network


# --- faults -------------------------------------------------------------------------------


def _rows(trial: Trial, network: Network, runs: int) -> Iterator[Row]:
    found: dict[str, list[Seen]] = defaultdict(list)
    for number in range(runs):
        phase_s = trial.keepalive_s * number / runs
        for who, measure in (("ours", _ours), ("peer", _peers)):
            found[who].append(measure(trial, phase_s))
            network.tidy()
    ours, peers = found["ours"], found["peer"]
    label = f"{trial.label}, keepalive {trial.keepalive_s:g} s"
    outages = [seen.outage_s for seen in ours], [seen.outage_s for seen in peers]
    yield Row(f"{label}: outage", "s", *outages, KEEPALIVED, trial.goal)
    if trial.planned:
        lost = [seen.lost for seen in ours], [seen.lost for seen in peers]
        yield Row("  connections lost, new or old", "", *lost, KEEPALIVED, Goal(0))


def _ours(trial: Trial, phase_s: float) -> Seen:
    with a_pair() as pair:
        keepalive_s = trial.keepalive_s
        pair.write(WEB, keepalive_s=keepalive_s, deadtime_s=DEADTIMES * keepalive_s, lines=LINES)
        pair.start()
        faults: dict[str, Fault] = {
            "crash": partial(pair.crash, "dirA"),
            "cable": partial(cut, cable("dirA", "public")),
            "order": partial(pair.hand_over, "dirA"),
            "stop": pair["dirA"].terminate,
        }
        return _seen(faults[trial.ours], phase_s, planned=trial.planned)


def _peers(trial: Trial, phase_s: float) -> Seen:
    with a_keepalived_pair() as pair:
        pair.start(trial.keepalive_s, WEB)
        faults: dict[str, Fault] = {
            "crash": partial(pair.crash, "dirA"),
            "cable": partial(cut, cable("dirA", "public")),
            "stop": pair["dirA"].terminate,
        }
        return _seen(faults[trial.peers], phase_s, planned=trial.planned)


def _seen(fault: Fault, phase_s: float, *, planned: bool) -> Seen:
    if planned:
        with Crowd("dirB", blocks=60) as crowd:
            _suffer(fault, phase_s, crowd.load)
            incomplete = crowd.incomplete()
        return Seen(outage_s(crowd.load), len(crowd.load.failures) + incomplete)
    with Load(VIRTUAL_IP, give_up_s=1) as load:
        wait_until(lambda: len(load.outcomes) > 20, "requests are answered")
        _suffer(fault, phase_s, load)
    return Seen(outage_s(load))


def _suffer(fault: Fault, phase_s: float, load: Load) -> None:
    time.sleep(phase_s)
    fault()
    wait_until(lambda: "dirB" in holders(), "dirB holds the virtual IP")
    now = time.monotonic()
    wait_until(lambda: load.servers_since(now).total() > 60, "requests are answered again")


# --- takeover's own work ------------------------------------------------------------------


def _many_addresses(network: Network, runs: int) -> Row:
    """From the decision, by the director's own clock, to the last address's first frame."""
    seconds = []
    with a_pair() as pair:
        addresses = {VIRTUAL_IP, *(str(MORE + number) for number in range(1, MANY))}
        virtuals = [
            Virtual(f"v{number}", address, f"eth0:{number}", timeout_s=30, check=())
            for number, address in enumerate(sorted(addresses), 1)
        ]
        pair.write(*virtuals, lines=LINES)
        pair.start()
        for number in range(runs):
            active, standby = ("dirA", "dirB") if number % 2 == 0 else ("dirB", "dirA")
            with announcements() as ear:
                pair.hand_over(active)
                wait_until(lambda: addresses <= ear.first().keys(), "all are announced")
                seconds.append(max(ear.first().values()) - pair.history(standby)[-1].at)
            pair.settle(standby)
    network.tidy()
    return Row(f"takeover's own work, {MANY} virtual IPs", "s", seconds, goal=Goal(0.2))


# --- what heartbeats cost -----------------------------------------------------------------


def _heartbeats_cost(network: Network, runs: int) -> Row:
    """A standby's CPU with many heartbeats, less that with a tenth as many."""
    rare, many = (
        [_standbys_cpu(keepalive_s) for _ in range(runs)] for keepalive_s in (SLOW_S, FAST_S)
    )
    network.tidy()
    share_of_difference = 1 - FAST_S / SLOW_S
    base = statistics.median(rare)
    shares = [100 * (cpu - base) / CPU_WINDOW_S / share_of_difference for cpu in many]
    return Row(f"heartbeats every {FAST_S:g} s", "% of a core", shares, goal=Goal(1))


def _standbys_cpu(keepalive_s: float) -> float:
    with a_pair() as pair:
        quiet = Virtual("web", timeout_s=60, check=())
        pair.write(quiet, keepalive_s=keepalive_s, deadtime_s=DEADTIMES * keepalive_s)
        pair.start()
        pid = pair.status("dirB").pid
        before = _cpu_s(pid)
        time.sleep(CPU_WINDOW_S)
        return _cpu_s(pid) - before


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


if __name__ == "__main__":
    print(table(run(Options(runs=2))))
