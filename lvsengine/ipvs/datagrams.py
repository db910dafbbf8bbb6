"""UDP through the userspace plane: one socket towards a real server for each client.

A client keeps its real server until it has been silent for the UDP timeout (with one-packet
scheduling each datagram is given anew). What does not fit into a socket is dropped, as on a wire.
"""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from lvsengine.ipvs.choosing import Call
from lvsengine.ipvs.limits import Limits
from lvsengine.ipvs.live import LiveService, Seat
from lvsengine.ipvs.streams import address_of, new_socket
from lvsengine.ipvs.table import AddressKey, DestinationKey

LARGEST = 65535  # bytes in a datagram
AT_ONCE = 64  # datagrams of one socket; then the others get their turn

Peer = tuple[Any, ...]  # an address as the socket module gives it
FlowKey = tuple[Peer, DestinationKey | None]


class DatagramListener:
    """One UDP service's door."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        key: AddressKey,
        service: LiveService,
        door: socket.socket,
        limits: Limits,
    ) -> None:
        self.loop = loop
        self.key = key
        self.service = service
        self.limits = limits
        self.flows: dict[FlowKey, Flow] = {}
        self._door = door
        loop.add_reader(door, self._receive)

    def close(self) -> None:
        self.loop.remove_reader(self._door)
        for flow in list(self.flows.values()):
            flow.end()
        self._door.close()

    def sweep(self, now_s: float) -> None:
        """End what has been silent too long; to be called every few seconds."""
        for flow in list(self.flows.values()):
            if flow.idle_s(now_s) >= self.limits.timeouts.udp_s:
                flow.end()

    def answer(self, data: bytes, peer: Peer) -> None:
        with suppress(OSError):  # a full or vanished client loses a datagram, no more
            self._door.sendto(data, peer)

    def _receive(self) -> None:
        for _ in range(AT_ONCE):
            try:
                data, peer = self._door.recvfrom(LARGEST)
            except OSError:
                return
            flow = self._flow_of(peer)
            if flow:
                flow.send(data)

    def _flow_of(self, peer: Peer) -> Flow | None:
        if self.service.value.one_packet:
            return self._scheduled(peer)
        return self.flows.get((peer, None)) or self._scheduled(peer)

    def _scheduled(self, peer: Peer) -> Flow | None:
        """Give a datagram its real server; None where there is none to be had."""
        flow = Flow(self, peer)
        call = Call(ip_address(peer[0]), peer[1], self.key.address, self.limits.clock())
        seat = self.service.admit(call, flow.end, active=False)
        if seat is None:
            self.limits.refused.no_real_server += 1
            return None
        key = (peer, seat.destination.key if self.service.value.one_packet else None)
        opened = self.flows.get(key) or flow.open(key, seat)
        if opened is not flow:
            seat.leave(call.now_s)
        return opened


class Flow:
    """One client's datagrams to one real server, and the answers."""

    def __init__(self, listener: DatagramListener, peer: Peer) -> None:
        self._listener = listener
        self._peer = peer
        self._key: FlowKey = (peer, None)
        self._server: socket.socket | None = None
        self._seat: Seat | None = None
        self._idle_since = 0.0
        self._busy = True

    def open(self, key: FlowKey, seat: Seat) -> Flow | None:
        """Make the socket; None where there is no room, no socket or no way to the real server."""
        limits = self._listener.limits
        if limits.full:
            limits.refused.no_room += 1
            return None
        server = connected(seat.destination.key)
        if server is None:
            limits.refused.not_connected += 1
            return None
        self._key, self._seat, self._server = key, seat, server
        self._listener.flows[key] = self
        limits.enter()
        self._listener.loop.add_reader(server, self._receive)
        return self

    def idle_s(self, now_s: float) -> float:
        if self._busy:
            self._busy = False
            self._idle_since = now_s
        return now_s - self._idle_since

    def send(self, data: bytes) -> None:
        if not (self._server and self._seat):
            return
        self._busy = True
        self._seat.inward(len(data))
        try:
            self._server.send(data)
        except ConnectionRefusedError:
            # That is the answer to an earlier datagram; this one has not been sent.
            with suppress(OSError):
                self._server.send(data)
        except OSError:
            return

    def end(self) -> None:
        if not (self._server and self._seat):
            return
        self._listener.loop.remove_reader(self._server)
        self._server.close()
        self._seat.leave(self._listener.limits.clock())
        del self._listener.flows[self._key]
        self._listener.limits.leave()
        self._server = None

    def _receive(self) -> None:
        for _ in range(AT_ONCE):
            if not (self._server and self._seat):
                return
            try:
                data = self._server.recv(LARGEST)
            except OSError:
                return
            self._busy = True
            self._seat.outward(len(data))
            self._listener.answer(data, self._peer)


def connected(key: DestinationKey) -> socket.socket | None:
    server = None
    try:
        server = new_socket(key, socket.SOCK_DGRAM)
        server.connect(address_of(key))
    except OSError:
        if server:
            server.close()
        return None
    return server
