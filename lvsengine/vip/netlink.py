"""Addresses in the kernel, by pyroute2: the plane of `pulse --release`.

It lets go of what a pulse has left, perhaps by a fault of its own, so it shares nothing with the
plane of the engine: `kernel`, where it stands how an address is kept, too. It takes tenths of a
second and megabytes that a takeover does not have. Tests hold the two against each other.

pyroute2 is imported when it is first needed, and in a thread. No other module knows it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from importlib import import_module
from ipaddress import ip_address
from typing import Protocol

from lvsengine.errors import EngineError
from lvsengine.vip.addresses import AddressFailure, refused
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb, dropped_along
from lvsengine.vip.promotion import promoting

DEADLINE_S = 5.0
IFA_F_SECONDARY = 0x01  # linux/if_addr.h
IFA_F_NODAD = 0x02
SCOPE_HOST = 254  # RT_SCOPE_HOST, linux/rtnetlink.h
FOR_EVER = 0xFFFFFFFF  # INFINITY_LIFE_TIME, net/addrconf.h


class Message(Protocol):
    """One RTM_NEWADDR, decoded: fields of its header by index, attributes by name."""

    def __getitem__(self, field: str) -> int: ...

    def get_attr(self, name: str) -> str | None: ...


class Route(Protocol):
    """What we use of pyroute2's AsyncIPRoute."""

    async def addr(self, command: str, **values: object) -> AsyncIterator[Message]:
        """Ask for one change, or for a dump: then the answer is worth reading."""

    def close(self) -> None:
        """Close the socket."""


async def open_route() -> Route:
    pyroute2 = await asyncio.to_thread(import_module, "pyroute2")
    route: Route = pyroute2.AsyncIPRoute()
    return route


class NetlinkAddresses:
    """An `AddressPlane` on the network namespace of the process."""

    def __init__(
        self,
        open_route: Callable[[], Awaitable[Route]] = open_route,
        promoting: Callable[[str], AbstractContextManager[bool]] = promoting,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._open_route = open_route
        self._promoting = promoting
        self._deadline_s = deadline_s
        self._route: Route | None = None

    async def read(self) -> tuple[PresentAddress, ...]:
        names = dict(socket.if_nameindex())
        try:
            async with self._asking() as route:
                entries = [_present(each, names) async for each in await route.addr("dump")]
        except TimeoutError:
            raise EngineError(
                "netlink-silent",
                f"the kernel did not list its addresses within {self._deadline_s:g} s",
                "it is tried again",
            ) from None
        return tuple(entry for entry in entries if entry is not None)

    async def apply(self, changes: Sequence[AddressChange]) -> list[AddressFailure]:
        failures = [await self._try(change) for change in changes]
        return [failure for failure in failures if failure is not None]

    async def close(self) -> None:
        route, self._route = self._route, None
        if route is not None:
            route.close()

    async def _try(self, change: AddressChange) -> AddressFailure | None:
        try:
            index = socket.if_nametoindex(change.address.interface)
        except OSError:
            names = [name for _, name in socket.if_nameindex()]
            return refused(change, errno.ENODEV, interfaces=names)
        if change.verb is Verb.REMOVE:
            return await self._remove(change, index)
        return _failure(change, await self._ask("add", _added(change.address, index)))

    async def _remove(self, change: AddressChange, index: int) -> AddressFailure | None:
        held = change.address
        with self._promotion(held) as promotes:
            along = [] if promotes else dropped_along(await self.read(), held)
            if along:
                return refused(change, errno.EBUSY, along=along)
            return _failure(change, await self._ask("del", _named(held, index)))

    def _promotion(self, held: HeldAddress) -> AbstractContextManager[bool]:
        has_no_secondaries = held.address.version == 6 or held.prefix == held.address.max_prefixlen
        if has_no_secondaries:
            return nullcontext(enter_result=True)
        return self._promoting(held.interface)

    async def _ask(self, command: str, values: Mapping[str, object]) -> int:
        """Ask for one change; answer 0, or the errno of its refusal."""
        try:
            async with self._asking() as route:
                from pyroute2.netlink.exceptions import NetlinkError

                try:
                    await route.addr(command, **values)
                except NetlinkError as error:
                    code: int = error.code
                    return code
        except TimeoutError:
            return errno.ETIMEDOUT
        return 0

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Route]:
        """Lend the socket for one request. One whose answer did not come is not used again."""
        if self._route is None:
            self._route = await self._opened()
        try:
            async with asyncio.timeout(self._deadline_s):
                yield self._route
        except (TimeoutError, asyncio.CancelledError):
            await self.close()
            raise

    async def _opened(self) -> Route:
        try:
            return await self._open_route()
        except (OSError, ImportError) as error:
            raise EngineError(
                "no-netlink",
                f"the kernel cannot be asked about addresses: {error}",
                "pulse needs a netlink socket and the Python package pyroute2",
            ) from error


def _failure(change: AddressChange, number: int) -> AddressFailure | None:
    return refused(change, number, detail=os.strerror(number)) if number else None


def _named(held: HeldAddress, index: int) -> dict[str, object]:
    values: dict[str, object] = {
        "index": index,
        "address": str(held.address),
        "prefixlen": held.prefix,
    }
    if held.label:
        values["label"] = held.label
    return values


def _added(held: HeldAddress, index: int) -> dict[str, object]:
    values = _named(held, index)
    if held.address.version == 6:
        return {**values, "flags": IFA_F_NODAD, "preferred_lft": 0, "valid_lft": FOR_EVER}
    values["scope"] = SCOPE_HOST if held.address.is_loopback else 0
    if held.broadcast is not None:
        values["broadcast"] = str(held.broadcast)
    return values


def _present(message: Message, names: Mapping[int, str]) -> PresentAddress | None:
    """Read one message of the dump; None where its interface went away meanwhile."""
    interface = names.get(message["index"])
    # On a point-to-point link IFA_ADDRESS is the other end.
    text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    if interface is None or text is None:
        return None
    address = ip_address(text)
    broadcast = message.get_attr("IFA_BROADCAST")
    return PresentAddress(
        address,
        message["prefixlen"],
        interface,
        message.get_attr("IFA_LABEL") or "",
        None if broadcast is None else ip_address(broadcast),
        message["scope"],
        secondary=address.version == 4 and bool(message["flags"] & IFA_F_SECONDARY),
    )
