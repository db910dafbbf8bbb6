"""A pair under its faults, as clients see it: ours beside keepalived's. In the guest.

Outage: the longest time between two good answers to a client that opens a connection every
10 ms, so 0.01 to 0.03 s where nothing happens, from the fault until 60 requests more were
answered. In each run both directors are started afresh, ours and keepalived's in turn, and the
fault comes at another phase of the heartbeat. What is planned comes when a pair has come to rest:
one that has just started is still at work, on the only processor, which clients have too.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from tests.bench.figures import Goal, Options, Row, Section, table
from tests.kernel.lab.announcements import Ear, announcements, hardware_of
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
ONE = {"rs1": 1}
MORE = IPv4Address("192.168.27.0")


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


class NotUnderWay(Exception):
    """The clients that should live through a fault were not ready for it."""


NOTHING = "nothing"
TRIES = 3
QUIET_S = 0.5
REST_S = 7.0
TRIALS = (
    Trial("no fault (what the meter itself sees)", FAST_S, NOTHING, NOTHING, None),
    Trial("no fault, with 30 downloads", FAST_S, NOTHING, NOTHING, None, planned=True),
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
            rows += _shown(_rows(trial, network, options.runs))
        rows += _shown([_many_addresses(network, options.runs)])
    return [Section("a pair and its faults (in the guest; 3 real servers, NAT)", rows)]


def _shown(rows: Iterable[Row]) -> Iterator[Row]:
    """Show each as it is found, should a later one never be."""
    for row in rows:
        print(table([Section("", [row])]).splitlines()[-1], flush=True)
        yield row


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
            found[who].append(_measured(partial(measure, trial, phase_s), network))
    ours, peers = found["ours"], found["peer"]
    label = f"{trial.label}, keepalive {trial.keepalive_s:g} s"
    outages = [seen.outage_s for seen in ours], [seen.outage_s for seen in peers]
    yield Row(f"{label}: outage", "s", *outages, KEEPALIVED, trial.goal)
    if trial.planned:
        lost = [seen.lost for seen in ours], [seen.lost for seen in peers]
        yield Row("  connections lost, new or old", "", *lost, KEEPALIVED, Goal(0))


def _measured(measure: Callable[[], Seen], network: Network) -> Seen:
    """Measure; once more, and said aloud, where the clients were not under way before a fault."""
    for _ in range(TRIES - 1):
        try:
            return measure()
        except NotUnderWay as error:
            print(f"bench: a run begins anew: {error}", flush=True)
        finally:
            network.tidy()
    try:
        return measure()
    finally:
        network.tidy()


def _ours(trial: Trial, phase_s: float) -> Seen:
    with a_pair() as pair:
        keepalive_s = trial.keepalive_s
        pair.write(WEB, keepalive_s=keepalive_s, deadtime_s=DEADTIMES * keepalive_s, lines=LINES)
        pair.start()
        faults: dict[str, Fault] = {
            NOTHING: partial(time.sleep, QUIET_S),
            "crash": partial(pair.crash, "dirA"),
            "cable": partial(cut, cable("dirA", "public")),
            "order": partial(pair.hand_over, "dirA"),
            "stop": pair["dirA"].terminate,
        }
        return _seen(trial, faults[trial.ours], phase_s)


def _peers(trial: Trial, phase_s: float) -> Seen:
    with a_keepalived_pair() as pair:
        pair.start(trial.keepalive_s, WEB)
        faults: dict[str, Fault] = {
            NOTHING: partial(time.sleep, QUIET_S),
            "crash": partial(pair.crash, "dirA"),
            "cable": partial(cut, cable("dirA", "public")),
            "stop": pair["dirA"].terminate,
        }
        return _seen(trial, faults[trial.peers], phase_s)


def _seen(trial: Trial, fault: Fault, phase_s: float) -> Seen:
    heir = "dirA" if trial.ours == NOTHING else "dirB"
    if trial.planned:
        time.sleep(REST_S)
        with ExitStack() as stack:
            crowd = Crowd("dirB")
            try:
                stack.enter_context(crowd)
            except AssertionError as error:
                raise NotUnderWay(str(error)) from error
            window = _suffer(fault, phase_s, crowd.load, heir)
            incomplete = crowd.incomplete()
        return Seen(outage_s(crowd.load, *window), len(crowd.load.failures) + incomplete)
    with Load(VIRTUAL_IP, give_up_s=1) as load:
        wait_until(lambda: len(load.outcomes) > 20, "requests are answered")
        window = _suffer(fault, phase_s, load, heir)
    return Seen(outage_s(load, *window))


def _suffer(fault: Fault, phase_s: float, load: Load, heir: str) -> tuple[float, float]:
    """Answer from when to when clients felt it (monotonic seconds): up to 60 good answers more."""
    time.sleep(phase_s)
    began = time.monotonic()
    fault()
    wait_until(lambda: heir in holders(), f"{heir} holds the virtual IP")
    now = time.monotonic()
    wait_until(lambda: load.servers_since(now).total() > 60, "requests are answered again")
    return began, time.monotonic()


# --- takeover's own work ------------------------------------------------------------------


def _many_addresses(network: Network, runs: int) -> Row:
    """From the decision, by the director's own clock, to the last address's first frame."""
    seconds = []
    with a_pair() as pair:
        addresses = {VIRTUAL_IP, *(str(MORE + number) for number in range(1, MANY))}
        virtuals = [
            Virtual(f"v{number}", address, f"eth0:{number}", servers=ONE, timeout_s=30, check=())
            for number, address in enumerate(sorted(addresses), 1)
        ]
        pair.write(*virtuals, keepalive_s=SLOW_S, deadtime_s=DEADTIMES * SLOW_S, lines=LINES)
        pair.start()
        for number in range(runs):
            active, standby = ("dirA", "dirB") if number % 2 == 0 else ("dirB", "dirA")
            with announcements() as ear:
                hardware = hardware_of(standby)
                pair.hand_over(active)
                announced_at = _last_first(ear, hardware, addresses)
                seconds.append(announced_at - pair.history(standby)[-1].at)
            pair.settle(standby)
    network.tidy()
    return Row(f"takeover's own work, {MANY} virtual IPs", "s", seconds, goal=Goal(0.2))


def _last_first(ear: Ear, hardware: str, addresses: set[str]) -> float:
    """When the last address was first announced by the taker; the giver may repeat its own."""
    wait_until(lambda: addresses <= ear.first(hardware).keys(), "all are announced")
    return max(ear.first(hardware).values())


if __name__ == "__main__":
    print(table(run(Options(runs=2))))
