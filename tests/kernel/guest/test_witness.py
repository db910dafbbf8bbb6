"""Reaching witnesses over a real network, by raw and by unprivileged sockets."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from ipaddress import ip_address

import pytest

from lvsengine.witness.reach import reaches_any
from tests.kernel.lab.namespaces import in_namespace, sysctl
from tests.kernel.lab.network import Network, cable

PING_GROUPS = "net/ipv4/ping_group_range"
NOBODY = 65534


def asked(*witnesses: str, timeout_s: float = 2.0, as_nobody: bool = False) -> tuple[bool, str]:
    """Ask from dirA."""
    with in_namespace("dirA"), unprivileged() if as_nobody else nullcontext():
        return asyncio.run(reaches_any([ip_address(one) for one in witnesses], timeout_s))


@contextmanager
def unprivileged() -> Iterator[None]:
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def open_to_all(lab: Network) -> Iterator[None]:
    sysctl("dirA", PING_GROUPS, "0 2147483647")
    yield
    sysctl("dirA", PING_GROUPS, "1 0")


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    "witness", [cable("rs1", "private").address, cable("rs2", "private").address6]
)
def test_a_real_server_answers_a_raw_socket(witness: str) -> None:
    assert asked(witness) == (True, f"{witness} answers")


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize(
    "witness", [cable("rs1", "private").address, cable("rs2", "private").address6]
)
@pytest.mark.parametrize("as_nobody", [False, True])
def test_a_real_server_answers_an_unprivileged_socket(witness: str, as_nobody: bool) -> None:
    assert asked(witness, as_nobody=as_nobody) == (True, f"{witness} answers")


@pytest.mark.usefixtures("lab")
def test_with_neither_root_nor_a_group_that_may_nobody_is_asked() -> None:
    reached, told = asked("10.11.12.1", as_nobody=True)
    assert not reached
    assert "10.11.12.1: not permitted. Run pulse as root" in told


def test_with_the_cable_out_no_witness_is_reached_and_with_it_in_again_one_is(
    lab: Network,
) -> None:
    witnesses = [cable(name, "private").address for name in ("rs1", "rs2")]
    private = cable("dirA", "private")
    lab.pull(private)
    start = time.monotonic()
    reached, told = asked(*witnesses, timeout_s=0.5)
    assert not reached
    assert told.startswith("no witness answers within 0.5 s (10.11.12.1: ")
    assert 0.4 < time.monotonic() - start < 1.5
    lab.plug(private)
    assert asked(*witnesses)[0]


def test_one_that_answers_is_enough_and_is_not_waited_beyond(lab: Network) -> None:
    start = time.monotonic()
    gone, there = "192.168.26.77", "192.168.26.100"
    assert asked(gone, there, timeout_s=10) == (True, "192.168.26.100 answers")
    assert time.monotonic() - start < 2
    lab.forget_neighbours()


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    "own", [cable("dirA", "public").address, cable("dirA", "public").address6]
)
def test_this_machine_itself_bears_no_witness(own: str) -> None:
    assert asked(own) == (
        False,
        f"no witness answers within 2 s ({own}: this machine itself, which bears no witness)",
    )


@pytest.mark.usefixtures("lab")
def test_an_address_that_nothing_leads_to_is_told() -> None:
    assert asked("203.0.113.1")[1].endswith("(203.0.113.1: Network is unreachable)")
