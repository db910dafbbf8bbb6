"""What needs no root. The rest is in tests/kernel/guest/test_virtual_ips.py."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from lvsengine.errors import EngineError
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb
from lvsengine.vip.netlink import Message, NetlinkAddresses

ADD = AddressChange(Verb.ADD, HeldAddress(ip_address("127.0.0.9"), 32, "lo", "lo:1"))


@dataclass
class FakeMessage:
    fields: dict[str, int]
    attributes: dict[str, str]

    def __getitem__(self, field: str) -> int:
        return self.fields[field]

    def get_attr(self, name: str) -> str | None:
        return self.attributes.get(name)


@dataclass
class FakeRoute:
    """A kernel that lists `messages`, or says nothing at all."""

    messages: list[Message] = field(default_factory=list)
    silent: bool = False
    closed: bool = False

    async def addr(self, command: str, **values: object) -> AsyncIterator[Message]:
        assert not self.closed
        if self.silent:
            await asyncio.Event().wait()
        return self._listing()

    async def _listing(self) -> AsyncIterator[Message]:
        for message in self.messages:
            yield message

    def close(self) -> None:
        self.closed = True


@dataclass
class Opener:
    routes: list[FakeRoute]
    opened: int = 0

    async def __call__(self) -> FakeRoute:
        self.opened += 1
        return self.routes[self.opened - 1]


def lo_message(index: int = 1, **attributes: str) -> FakeMessage:
    fields = {"index": index, "prefixlen": 8, "scope": 254, "flags": 128}
    return FakeMessage(fields, attributes)


async def test_a_change_without_an_answer_fails_and_the_next_one_asks_on_a_new_socket() -> None:
    opener = Opener([FakeRoute(silent=True), FakeRoute()])
    plane = NetlinkAddresses(opener, deadline_s=0.01)
    assert [failure.errno for failure in await plane.apply([ADD, ADD])] == [errno.ETIMEDOUT]
    assert [route.closed for route in opener.routes] == [True, False]


async def test_a_listing_without_an_answer_is_an_error() -> None:
    plane = NetlinkAddresses(Opener([FakeRoute(silent=True)]), deadline_s=0.01)
    with pytest.raises(EngineError, match=r"did not list its addresses within 0\.01 s"):
        await plane.read()


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), ImportError("pyroute2")])
async def test_without_a_socket_or_pyroute2_there_is_a_sentence(error: Exception) -> None:
    async def fail() -> FakeRoute:
        raise error

    plane = NetlinkAddresses(fail)
    with pytest.raises(EngineError, match="the kernel cannot be asked about addresses"):
        await plane.read()
    with pytest.raises(EngineError, match="the kernel cannot be asked about addresses"):
        await plane.apply([ADD])


async def test_a_cancelled_request_leaves_no_socket_with_an_answer_to_come() -> None:
    opener = Opener([FakeRoute(silent=True), FakeRoute()])
    plane = NetlinkAddresses(opener)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await plane.read()
    assert opener.routes[0].closed
    assert await plane.read() == ()


async def test_the_socket_is_kept_until_closed() -> None:
    opener = Opener([FakeRoute(), FakeRoute()])
    plane = NetlinkAddresses(opener)
    await plane.read()
    await plane.read()
    assert opener.opened == 1
    await plane.close()
    await plane.close()
    assert opener.routes[0].closed


async def test_on_a_point_to_point_link_the_local_end_is_the_address() -> None:
    message = lo_message(IFA_LOCAL="10.0.0.1", IFA_ADDRESS="10.0.0.2", IFA_LABEL="lo")
    plane = NetlinkAddresses(Opener([FakeRoute([message])]))
    assert await plane.read() == (
        PresentAddress(ip_address("10.0.0.1"), 8, "lo", "lo", scope=254),
    )


async def test_an_address_whose_interface_went_away_meanwhile_is_left_out() -> None:
    message = lo_message(index=999_999, IFA_LOCAL="10.0.0.1")
    assert await NetlinkAddresses(Opener([FakeRoute([message])])).read() == ()
