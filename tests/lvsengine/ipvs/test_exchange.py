"""The exchange over a real netlink socket, where anybody may ask for the generic families."""

from __future__ import annotations

import errno

import pytest

from lvsengine.ipvs import netlink
from lvsengine.ipvs.exchange import Exchange, Link, NoAnswer, NoFamily, SocketLink, patiently
from lvsengine.ipvs.netlink import Message, body_of

GET_FAMILY = netlink.GET_FAMILY
CONTROL = "nlctrl"
NAME = netlink.text(netlink.FAMILY_NAME, CONTROL)


def test_a_real_kernel_is_asked_and_lists() -> None:
    exchange = Exchange(SocketLink, CONTROL)
    [reply] = exchange.ask(GET_FAMILY, NAME)
    assert netlink.number(body_of(reply)[netlink.FAMILY_ID]) == netlink.CONTROL_FAMILY
    listed = exchange.dump(GET_FAMILY)
    assert CONTROL in {netlink.string(body_of(reply)[netlink.FAMILY_NAME]) for reply in listed}
    exchange.close()


def test_a_real_kernels_refusal_is_an_oserror() -> None:
    exchange = Exchange(SocketLink, CONTROL)
    with pytest.raises(FileNotFoundError):
        exchange.ask(GET_FAMILY, netlink.text(netlink.FAMILY_NAME, "no-such-thing"))
    exchange.close()


def test_a_family_that_is_not_there_is_told() -> None:
    exchange = Exchange(SocketLink, "no-such-thing")
    with pytest.raises(NoFamily):
        exchange.ask(1)
    exchange.close()


def test_a_batch_to_a_real_kernel_tells_which_were_refused() -> None:
    exchange = Exchange(SocketLink, CONTROL)
    wrong = netlink.text(netlink.FAMILY_NAME, "no-such-thing")
    requests = [(GET_FAMILY, body) for body in (wrong, NAME, wrong, NAME)]
    assert exchange.many(requests) == {0: errno.ENOENT, 2: errno.ENOENT}
    exchange.close()


def test_a_change_and_a_list_go_together() -> None:
    exchange = Exchange(SocketLink, CONTROL)
    number, listed = exchange.ask_and_dump((GET_FAMILY, NAME), (GET_FAMILY, b""))
    assert number == 0
    assert len(listed) >= 1
    exchange.close()


def test_a_kernel_that_says_nothing_is_waited_for_no_longer_than_the_deadline() -> None:
    link = SocketLink(deadline_s=0.01)
    with pytest.raises(TimeoutError):
        link.receive()
    link.close()


class ScriptedLink:
    """Answers each datagram with the next of the scripts; then says nothing."""

    def __init__(self, *answers: list[bytes | OSError]) -> None:
        self.answers = list(answers)
        self.waiting: list[bytes | OSError] = []
        self.closed = False

    def send(self, data: bytes) -> None:
        self.waiting += self.answers.pop(0) if self.answers else []

    def receive(self) -> bytes:
        if not self.waiting:
            raise TimeoutError
        answer = self.waiting.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


def exchange_on(link: ScriptedLink) -> Exchange:
    return Exchange(lambda: link, "X")


def ended(sequence: int, number: int = 0) -> bytes:
    error = (-number).to_bytes(4, "little", signed=True)
    return netlink.HEADER.pack(20, netlink.ERROR, 0, sequence, 0) + error


FAMILY = netlink.message(16, 0, 2, 1, netlink.u16(netlink.FAMILY_ID, 28)) + ended(2)
"""The first question is number 1, but that for the family, number 2, is sent before it."""


def reply(sequence: int, text: bytes) -> bytes:
    return netlink.message(28, 0, sequence, 4, netlink.attribute(9, text))


def test_answers_of_one_datagram_and_of_several_are_the_same() -> None:
    for answers in ([reply(1, b"abcd") + ended(1)], [reply(1, b"abcd"), ended(1)]):
        link = ScriptedLink([FAMILY], [*answers])
        [told] = exchange_on(link).ask(4)
        assert body_of(told) == {9: b"abcd"}


def test_answers_to_other_questions_are_left_out() -> None:
    link = ScriptedLink([FAMILY], [reply(77, b"late"), ended(77, errno.EEXIST), ended(1)])
    assert exchange_on(link).ask(4) == []


def test_the_unreadable_and_the_lost_are_no_answers_and_close_the_link() -> None:
    lost = OSError(errno.ENOBUFS, "")
    for answers in ([b"garbage"], [lost], []):
        link = ScriptedLink([FAMILY], list(answers))
        exchange = exchange_on(link)
        with pytest.raises(NoAnswer):
            exchange.ask(4)
        assert link.closed


def test_a_link_that_fails_is_closed_and_a_new_one_opened() -> None:
    links: list[Link] = [
        ScriptedLink([FAMILY], [OSError(errno.ECONNRESET, "")]),
        ScriptedLink([ended(3)]),
    ]
    exchange = Exchange(lambda: links.pop(0), "X")
    with pytest.raises(ConnectionResetError):
        exchange.ask(4)
    assert exchange.ask(4) == []


def test_a_kernel_that_goes_on_about_something_else_is_not_listened_to_for_ever() -> None:
    endless = ScriptedLink([FAMILY], [reply(77, b"more")] * 1000)
    times = iter(range(1000))
    exchange = Exchange(lambda: endless, "X", deadline_s=10, clock=lambda: float(next(times)))
    with pytest.raises(NoAnswer):
        exchange.ask(4)
    assert len(endless.waiting) > 900


def test_the_number_of_a_family_whose_number_is_refused_is_an_oserror() -> None:
    exchange = exchange_on(ScriptedLink([ended(2, errno.EPERM)]))
    with pytest.raises(PermissionError):
        exchange.ask(4)


def test_patience_is_for_one_more_try() -> None:
    tries = []

    def question() -> list[Message]:
        tries.append(1)
        raise NoAnswer

    with pytest.raises(NoAnswer):
        patiently(question)
    assert len(tries) == 2
