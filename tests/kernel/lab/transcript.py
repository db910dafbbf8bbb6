"""One crash of the active director, told by everybody who saw it. Runs inside the guest:

    make drill-transcript

A client opens a connection every 10 ms, 30 downloads are under way, dirA is active. Then dirA's
cables are cut and its pulse is killed. What the clients saw around the outage, what both
directors logged, and `lvsctl history` of both are printed; dirA's once it is back.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from tests.kernel.lab.clients import Outcome
from tests.kernel.lab.configuration import Virtual
from tests.kernel.lab.crowd import DOWNLOADS, Crowd
from tests.kernel.lab.faults import cables_of, mend
from tests.kernel.lab.network import Network
from tests.kernel.lab.pair import SHARING_WELL, Pair, a_pair, holders
from tests.kernel.lab.real_servers import RealServers
from tests.kernel.lab.waiting import wait_until

AROUND = 4  # answers shown before and after the outage
LINES = (*SHARING_WELL, "monitor_links = 1")
ARPS_WITHIN_S = 15.0


def play(pair: Pair) -> Iterator[str]:
    """Let the director crash and come back; yield the transcript's lines."""
    pair.start()
    logged = {name: len(director.log) for name, director in pair.directors.items()}
    with Crowd("dirB") as crowd:
        crowd.go_on(50)
        crashed = time.monotonic()
        pair.crash("dirA")
        wait_until(lambda: "dirB" in holders(), "dirB holds the virtual IP")
        crowd.go_on(100)
        incomplete = crowd.incomplete()
    yield f"{clock(crashed)} dirA's cables are cut and its pulse is killed"
    yield from heading("a client that opens a connection every 10 ms")
    yield from outcomes(crowd.load.outcomes, crashed)
    yield f"downloads: {DOWNLOADS - incomplete} of {DOWNLOADS} complete, byte for byte"
    wait_until(lambda: pair["dirB"].log.count("arps finished"), "five times", ARPS_WITHIN_S)
    mend(*cables_of("dirA"))
    pair["dirA"].start()
    pair.settle("dirB")
    for name, director in pair.directors.items():
        yield from heading(f"{name}: pulse says, from when the clients came")
        yield from director.log[logged[name] :].splitlines()
    for name, director in pair.directors.items():
        yield from heading(f"{name}: lvsctl history")
        yield from director.lvsctl("history").splitlines()


def heading(text: str) -> Iterator[str]:
    yield ""
    yield f"--- {text}"


def clock(moment: float) -> str:
    """The time of day of a moment of the steady clock."""
    seen = datetime.fromtimestamp(time.time() - time.monotonic() + moment)  # noqa: DTZ006
    return f"{seen:%H:%M:%S.%f}"[:-3]


def outcomes(all_of_them: Sequence[Outcome], crashed: float) -> Iterator[str]:
    """What the client saw: the last answers before the longest gap, and the first after it."""
    answered = sorted((o for o in all_of_them if o.server), key=lambda o: o.began + o.seconds)
    gaps = [
        (after.began + after.seconds - before.began - before.seconds, number)
        for number, (before, after) in enumerate(pairwise(answered), 1)
    ]
    outage_s, first_after = max(gaps)
    yield from map(_line, answered[max(0, first_after - AROUND) : first_after])
    end = answered[first_after].began + answered[first_after].seconds
    waited = [o for o in all_of_them if o.began < end and o.began + o.seconds >= end - outage_s]
    failed = [o for o in waited if o.failure]
    yield f"             no answer for {outage_s:.3f} s; meanwhile {len(waited)} were asked,"
    yield f"             {len(failed)} of them in vain: {sorted({o.failure for o in failed})}"
    yield from map(_line, answered[first_after : first_after + AROUND])
    late = [o.seconds for o in answered if crashed <= o.began < end]
    yield f"the slowest answer to one that was asked meanwhile: {max(late, default=0):.3f} s"
    everything = len(all_of_them), sum(bool(o.failure) for o in all_of_them)
    yield "connections: {} opened, {} failed".format(*everything)


def _line(outcome: Outcome) -> str:
    ms = 1000 * outcome.seconds
    return f"{clock(outcome.began)} asked, {outcome.server} answered after {ms:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the transcript of a crash drill.")
    parser.add_argument("--keepalive", type=float, default=0.1, metavar="S")
    parser.add_argument("--deadtime", type=float, default=0.3, metavar="S")
    options = parser.parse_args()
    network = Network()
    network.build()
    real_servers = RealServers()
    try:
        with a_pair() as pair:
            pair.write(
                Virtual("web"),
                keepalive_s=options.keepalive,
                deadtime_s=options.deadtime,
                lines=LINES,
            )
            for line in play(pair):
                print(line, flush=True)
    finally:
        real_servers.stop()
        network.remove()


if __name__ == "__main__":
    main()
