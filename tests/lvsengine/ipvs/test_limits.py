from __future__ import annotations

import pytest

from lvsengine.ipvs.limits import KERNEL_TIMEOUTS, Limits, affordable
from lvsengine.ipvs.plane import Timeouts


def limits(most: int) -> Limits:
    return Limits(lambda: 0.0, most)


def test_who_waits_is_called_once_when_there_is_room() -> None:
    called: list[str] = []
    bounded = limits(1)
    bounded.enter()
    assert bounded.full
    bounded.wait(lambda: called.append("waited"))
    bounded.leave()
    assert not bounded.full
    bounded.enter()
    bounded.leave()
    assert called == ["waited"]


def test_who_no_longer_waits_is_not_called() -> None:
    called: list[str] = []

    def resume() -> None:
        called.append("waited")

    bounded = limits(1)
    bounded.enter()
    bounded.wait(resume)
    bounded.no_longer_waiting(resume)
    bounded.leave()
    assert called == []


def test_a_timeout_of_zero_leaves_the_kernels_value() -> None:
    bounded = limits(1)
    bounded.set_timeouts(Timeouts(tcp_s=60))
    assert bounded.timeouts == Timeouts(60, KERNEL_TIMEOUTS.tcpfin_s, KERNEL_TIMEOUTS.udp_s)
    bounded.set_timeouts(Timeouts(tcpfin_s=7, udp_s=5))
    assert bounded.timeouts == Timeouts(60, 7, 5)


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (100_000, 100_000, (10_000, 100_000)),
        (-1, -1, (10_000, -1)),
        (1024, 1_048_576, (10_000, 20_256)),  # raised as far as is needed
        (1024, -1, (10_000, 20_256)),
        (1024, 4096, (1_920, 4096)),  # raised as far as it goes: fewer connections
        (64, 64, (1, 64)),
    ],
)
def test_connections_fit_into_the_files_this_process_may_open(
    soft: int, hard: int, expected: tuple[int, int]
) -> None:
    assert affordable(10_000, soft, hard) == expected
