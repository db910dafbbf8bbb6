"""What needs no root and no network. The rest is in tests/kernel/guest/test_witness.py."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from lvsengine.net import Address
from lvsengine.witness.reach import TRIES, Echo, reaches_any

GATEWAY, ONE, TWO = map(ip_address, ("192.0.2.1", "10.0.0.1", "2001:db8::2"))


@dataclass
class Machines:
    """Machines that answer, those that refuse with an errno, and what was asked.

    Attributes:
        answers: How many requests each needs until it replies; who is missing never does.
        refuse: Raised when asked; `unreachable` when connected; `reports` when read.
    """

    answers: dict[Address, int] = field(default_factory=dict)
    refuse: dict[Address, int] = field(default_factory=dict)
    unreachable: dict[Address, int] = field(default_factory=dict)
    reports: dict[Address, int] = field(default_factory=dict)
    asked: list[Address] = field(default_factory=list)
    open: set[Address] = field(default_factory=set)

    def connect(self, address: Address) -> Echo:
        if address in self.unreachable:
            raise OSError(self.unreachable[address], "")
        assert address not in self.open
        self.open.add(address)
        return FakeEcho(self, address)


class FakeEcho:
    def __init__(self, machines: Machines, address: Address) -> None:
        self._machines, self._address = machines, address
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def fileno(self) -> int:
        return self._near.fileno()

    def ask(self) -> None:
        machines, address = self._machines, self._address
        machines.asked.append(address)
        if address in machines.refuse:
            raise OSError(machines.refuse[address], "")
        if machines.asked.count(address) == machines.answers.get(address):
            self._far.send(b"reply")
            self._far.send(b"reply")
        else:
            self._far.send(b"something else")

    def has_answered(self) -> bool:
        heard = self._near.recv(100)
        if self._address in self._machines.reports:
            raise OSError(self._machines.reports[self._address], "")
        return heard == b"reply"

    def close(self) -> None:
        self._machines.open.remove(self._address)
        self._near.close()
        self._far.close()


async def test_the_first_answer_is_enough() -> None:
    machines = Machines(answers={ONE: 1})
    reached = await reaches_any([GATEWAY, ONE, TWO], 30, machines.connect)
    assert reached == (True, "10.0.0.1 answers")
    assert machines.asked == [GATEWAY, ONE, TWO]
    assert machines.open == set()


async def test_a_lost_packet_is_sent_again_within_the_time() -> None:
    machines = Machines(answers={ONE: TRIES})
    assert (await reaches_any([ONE], 0.03, machines.connect))[0]
    assert machines.asked == [ONE] * TRIES


async def test_where_none_answers_each_is_named_with_its_reason() -> None:
    machines = Machines(
        refuse={GATEWAY: errno.ENETUNREACH},
        unreachable={ONE: errno.EACCES},
        reports={TWO: errno.EHOSTUNREACH},
    )
    three = ip_address("10.0.0.3")
    reached, told = await reaches_any([GATEWAY, ONE, TWO, three, three], 0.03, machines.connect)
    assert not reached
    assert told == (
        "no witness answers within 0.03 s (192.0.2.1: Network is unreachable; 10.0.0.1: not"
        " permitted. Run pulse as root, or give it CAP_NET_RAW, or its group a place in"
        " net.ipv4.ping_group_range; 2001:db8::2: No route to host; 10.0.0.3: silent)"
    )
    assert machines.open == set()


async def test_where_nobody_can_be_asked_nobody_is_waited_for() -> None:
    machines = Machines(unreachable={ONE: errno.EADDRINUSE})
    assert await reaches_any([ONE], 3600, machines.connect) == (
        False,
        "no witness answers within 3600 s (10.0.0.1: Address already in use)",
    )


async def test_without_witnesses_none_is_reached() -> None:
    assert await reaches_any([], 3600) == (False, "lvs.cf names no witness")


async def test_a_question_that_is_cut_short_leaves_nothing_open() -> None:
    machines = Machines()

    def connect(address: Address) -> Echo:
        if address == TWO:
            raise ValueError("no")
        return machines.connect(address)

    with pytest.raises(ValueError, match="no"):
        await reaches_any([ONE, TWO], 1, connect)
    assert machines.open == set()
