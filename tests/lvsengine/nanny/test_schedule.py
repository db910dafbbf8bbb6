from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from lvsengine.nanny.check import Definition
from lvsengine.nanny.schedule import FIRST_WITHIN_S, first_due, next_due, share

ADDRESSES = [ip_address("10.0.0.0") + n for n in range(1000)]
INTERVALS = st.floats(0.01, 3600)


def test_a_thousand_checks_are_spread_evenly() -> None:
    parts = [share(Definition("tcp_connect", address, 80)) for address in ADDRESSES]
    for tenth in range(10):
        assert 60 < sum(tenth <= part * 10 < tenth + 1 for part in parts) < 140


def test_the_spread_is_the_same_in_every_run() -> None:
    program = (
        "from ipaddress import ip_address; from lvsengine.nanny.check import Definition;"
        "from lvsengine.nanny.schedule import share;"
        "print(share(Definition('tcp_connect', ip_address('10.0.0.0'), 80)))"
    )
    there = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    assert float(there.stdout) == share(Definition("tcp_connect", ADDRESSES[0], 80))


@given(part=st.floats(0, 1, exclude_max=True), interval_s=INTERVALS)
def test_the_first_try_is_soon_and_the_second_within_one_interval(
    part: float, interval_s: float
) -> None:
    first = first_due(100.0, part, interval_s)
    second = next_due(100.0 + part * interval_s, interval_s, after=first)
    assert 100.0 <= first <= 100.0 + min(interval_s, FIRST_WITHIN_S)
    assert first < second <= first + interval_s * 1.00001


@given(anchor=st.floats(0, 1e6), interval_s=INTERVALS, beats=st.integers(0, 1000))
def test_a_beat_is_followed_by_the_next_one_not_by_itself(
    anchor: float, interval_s: float, beats: int
) -> None:
    due = anchor + beats * interval_s
    gap = next_due(anchor, interval_s, after=due) - due
    assert abs(gap - interval_s) < interval_s * 0.01
