"""Addresses in the kernel, set at the speed of a takeover: many in one message to rtnetlink.

How an address is kept:

- IPv4 as the original's ifconfig kept it: with its alias as label and its broadcast, scope
  global (host for 127.0.0.0/8), and with the route to its network. Where the interface has an
  address in that network already, ours is a secondary and brings no second route; where it has
  none, clients on that wire are reached by this route only.
- IPv6 without duplicate address detection, for a takeover cannot wait a second and a late
  answer of the peer must not disable the address; and deprecated (preferred lifetime 0), so
  that connections this director opens itself do not start from an address that may move.

Nothing here waits: the kernel has dealt with a request when `send` returns, and its answers lie
in the socket.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import groupby

from lvsengine.errors import EngineError
from lvsengine.net import Address
from lvsengine.vip.address_messages import present, request
from lvsengine.vip.addresses import AddressFailure, refused
from lvsengine.vip.desired import HeldAddress
from lvsengine.vip.diff import AddressChange, PresentAddress, Verb, dropped_along
from lvsengine.vip.promotion import promoting
from lvsengine.vip.route_socket import NetlinkSocket, RouteSocket
from lvsengine.vip.rtnetlink import (
    GET_ADDRESS,
    INTERRUPTED,
    Message,
    ask_all,
    end_of,
    messages,
)

DEADLINE_S = 1.0  # of an answer that should lie there already
AT_ONCE = 100  # changes in one message; the answers to that many fit a default buffer
TRIES = 3  # of a list that changed while it was read

Indexes = Mapping[str, int]  # of this machine's interfaces, by name


class KernelAddresses:
    """An `AddressPlane` on the network namespace of the thread that first asks."""

    def __init__(
        self,
        connect: Callable[[], RouteSocket] = NetlinkSocket,
        promoting: Callable[[str], AbstractContextManager[bool]] = promoting,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._connect = connect
        self._promoting = promoting
        self._deadline_s = deadline_s
        self._socket: RouteSocket | None = None
        self._sequence = 0

    async def read(self) -> tuple[PresentAddress, ...]:
        return self._read()

    async def apply(self, changes: Sequence[AddressChange]) -> list[AddressFailure]:
        indexes = {name: index for index, name in socket.if_nameindex()}
        failures: list[AddressFailure] = []
        for verb, some in groupby(changes, lambda change: change.verb):
            make = self._remove if verb is Verb.REMOVE else self._change
            failures += make(list(some), indexes)
        return failures

    async def close(self) -> None:
        self._close()

    # --- changes --------------------------------------------------------------------------

    def _remove(self, changes: Sequence[AddressChange], indexes: Indexes) -> list[AddressFailure]:
        """Remove addresses, and none beside them."""
        interfaces = {change.address.interface for change in changes if _may_lead(change.address)}
        with ExitStack() as stack:
            promote = {name: stack.enter_context(self._promoting(name)) for name in interfaces}
            if all(promote.values()):
                return self._change(changes, indexes)
            failures: list[AddressFailure] = []
            for change in changes:  # what goes along depends on what has gone before
                held = change.address
                along = [] if promote.get(held.interface) else self._along(held)
                if along:
                    failures.append(refused(change, errno.EBUSY, along=along))
                else:
                    failures += self._change([change], indexes)
            return failures

    def _along(self, held: HeldAddress) -> list[Address]:
        return dropped_along(self._read(), held) if _may_lead(held) else []

    def _change(self, changes: Sequence[AddressChange], indexes: Indexes) -> list[AddressFailure]:
        numbers: list[int] = []
        for start in range(0, len(changes), AT_ONCE):
            numbers += self._numbers(changes[start : start + AT_ONCE], indexes)
        return [
            refused(change, number, interfaces=tuple(indexes), detail=os.strerror(number))
            for change, number in zip(changes, numbers, strict=True)
            if number
        ]

    def _numbers(self, changes: Sequence[AddressChange], indexes: Indexes) -> list[int]:
        """Ask for changes in one message; answer the errno of each, 0 where it was made."""
        asked: dict[int, bytes] = {}
        place: list[int | None] = []
        for change in changes:
            index = indexes.get(change.address.interface)
            place.append(None if index is None else self._next())
            if index is not None:
                asked[self._sequence] = request(change, index, self._sequence)
        ended = self._answers(asked)
        return [
            errno.ENODEV if number is None else ended.get(number, errno.ETIMEDOUT)
            for number in place
        ]

    def _answers(self, asked: Mapping[int, bytes]) -> dict[int, int]:
        """Give the errno of each request that the kernel has answered."""
        ended: dict[int, int] = {}
        if not asked:
            return ended
        route = self._opened()
        try:
            route.send(b"".join(asked.values()))
            while not asked.keys() <= ended.keys():
                for message in messages(route.receive(self._deadline_s)):
                    end = end_of(message)
                    if end is not None:
                        ended[end.sequence] = end.errno
        except OSError:  # no answer in time, or lost: what comes now is nobody's
            self._close()
        return ended

    # --- the list -------------------------------------------------------------------------

    def _read(self) -> tuple[PresentAddress, ...]:
        names = dict(socket.if_nameindex())
        listed: list[Message] = []
        try:
            for _ in range(TRIES):
                listed = self._listed()
                if not any(message.flags & INTERRUPTED for message in listed):
                    break
        except OSError as error:
            self._close()
            raise EngineError(
                "netlink-silent",
                f"the kernel did not list its addresses within {self._deadline_s:g} s"
                if isinstance(error, TimeoutError)
                else f"the kernel did not list its addresses: {error.strerror or error}",
                "it is tried again",
            ) from error
        found = (present(message, names) for message in listed)
        return tuple(entry for entry in found if entry is not None)

    def _listed(self) -> list[Message]:
        route, number = self._opened(), self._next()
        route.send(ask_all(GET_ADDRESS, number))
        listed: list[Message] = []
        while True:
            for message in messages(route.receive(self._deadline_s)):
                if message.sequence != number:
                    continue
                listed.append(message)
                end = end_of(message)
                if end is not None and end.errno:
                    raise OSError(end.errno, os.strerror(end.errno))
                if end is not None:
                    return listed

    # --- the socket -----------------------------------------------------------------------

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _opened(self) -> RouteSocket:
        if self._socket is None:
            try:
                self._socket = self._connect()
            except OSError as error:
                raise EngineError(
                    "no-netlink",
                    f"the kernel cannot be asked about addresses: {error.strerror or error}",
                    "pulse needs a netlink socket (AF_NETLINK)",
                ) from error
        return self._socket

    def _close(self) -> None:
        route, self._socket = self._socket, None
        if route is not None:
            route.close()


def _may_lead(held: HeldAddress) -> bool:
    """Whether others may be secondaries to it, which the kernel drops along with it."""
    return held.address.version == 4 and held.prefix < held.address.max_prefixlen
