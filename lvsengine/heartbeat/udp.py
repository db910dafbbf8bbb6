"""Heartbeats by UDP: one socket on each link, from port 539 to port 539 as the original."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from lvsengine.errors import EngineError
from lvsengine.heartbeat.transport import Receive
from lvsengine.heartbeat.words import Link
from lvsengine.net import Address, endpoint

AT_ONCE = 64  # datagrams read in one turn of the loop, so that a flood leaves it to others
LONGEST = 2048  # longer is cut by the kernel, and then refused for its length
PRIORITY = 6  # interactive, and the highest that takes no privilege; socket(7), SO_PRIORITY
TRAFFIC_CLASS = 0xC0  # DSCP CS6, network control; RFC 4594
RECEIVE_BUFFER = 1 << 20  # a quarter of a second of 10 000 datagrams a second


@dataclass(frozen=True, slots=True)
class Ends:
    """The two addresses of one link."""

    own: Address
    peer: Address


class UdpTransport:
    """A `Transport` over UDP, IPv4 or IPv6."""

    def __init__(self, links: Mapping[Link, Ends], port: int) -> None:
        self._links = dict(links)
        self._port = port
        self._sockets: dict[Link, socket.socket] = {}

    @property
    def sources(self) -> frozenset[Address]:
        return frozenset(ends.peer for ends in self._links.values())

    def open(self, receive: Receive) -> None:
        loop = asyncio.get_running_loop()
        try:
            for link, ends in self._links.items():
                self._sockets[link] = _bound(ends.own, self._port)
        except EngineError:
            self.close()
            raise
        for link, opened in self._sockets.items():
            loop.add_reader(opened, _read, opened, link, receive)

    def send(self, link: Link, data: bytes) -> str:
        opened, ends = self._sockets.get(link), self._links.get(link)
        if opened is None or ends is None:
            return "there is no such link"
        try:
            opened.sendto(data, (str(ends.peer), self._port))
        except OSError as error:  # BlockingIOError too: what cannot go now goes next time
            return error.strerror or str(error)
        return ""

    def close(self) -> None:
        while self._sockets:
            _, opened = self._sockets.popitem()
            with suppress(RuntimeError):  # no loop runs: then nothing is being read
                asyncio.get_running_loop().remove_reader(opened)
            opened.close()


def _read(opened: socket.socket, link: Link, receive: Receive) -> None:
    for _ in range(AT_ONCE):
        try:
            data, source = opened.recvfrom(LONGEST)
        except OSError:  # nothing more, or an error of the link: `send` says it
            return
        # A link-local address carries its interface behind a %.
        receive(data, ip_address(source[0].partition("%")[0]), link)


def _bound(own: Address, port: int) -> socket.socket:
    family = socket.AF_INET6 if own.version == 6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, PRIORITY)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if own.version == 6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, TRAFFIC_CLASS)
        else:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, TRAFFIC_CLASS)
        opened.bind((str(own), port))
    except OSError as error:
        opened.close()
        raise EngineError(
            "no-heartbeat-socket",
            f"failed to bind to heartbeat address {endpoint(own, port)}: {error.strerror}",
            "is the address on this machine, the port free, and has pulse CAP_NET_BIND_SERVICE?",
        ) from error
    return opened
