"""TCP through the userspace plane: accept, connect to the chosen real server, pass on both ways.

Plain non-blocking sockets on the loop's readiness callbacks: no task, so nothing is left behind
when a socket is closed, and a reset or a half-close is passed on as what it was.
"""

from __future__ import annotations

import errno
import logging
import socket
import struct
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from ipaddress import ip_address

from lvsengine.ipvs.choosing import Call
from lvsengine.ipvs.limits import Limits
from lvsengine.ipvs.live import LiveService, Seat
from lvsengine.ipvs.table import AddressKey, DestinationKey

log = logging.getLogger(__name__)

CHUNK = 65536  # bytes that one direction of one connection holds at most
ACCEPT_AT_ONCE = 64  # then the connections that are open get their turn
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 s
SHORTAGE_PAUSE_S = 1.0
SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class StreamListener:
    """One TCP service's door."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        key: AddressKey,
        service: LiveService,
        door: socket.socket,
        limits: Limits,
        pause_s: float = SHORTAGE_PAUSE_S,
    ) -> None:
        self.loop = loop
        self.key = key
        self.service = service
        self.limits = limits
        self._pause_s = pause_s
        self.relays: set[Relay] = set()
        self._door = door
        self._retry: TimerHandle | None = None
        self.resume()

    def resume(self) -> None:
        self._retry = None
        self.loop.add_reader(self._door, self._accept)

    def pause(self) -> None:
        """Leave clients in the kernel's backlog, where they wait as long as they like."""
        self.loop.remove_reader(self._door)

    def close(self) -> None:
        """Close the door and cut what came through it."""
        if self._retry:
            self._retry.cancel()
        self.limits.no_longer_waiting(self.resume)
        self.pause()
        self._door.close()
        for relay in list(self.relays):
            relay.abort()

    def sweep(self, now_s: float) -> None:
        """Cut what has been idle too long; to be called every few seconds."""
        for relay in list(self.relays):
            if relay.idle_s(now_s) >= relay.patience_s:
                relay.abort()

    def _accept(self) -> None:
        for _ in range(ACCEPT_AT_ONCE):
            if self.limits.full:
                self.pause()
                self.limits.wait(self.resume)
                return
            try:
                client, peer = self._door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._fall_short(error)
                return
            self._take(client, peer)

    def _fall_short(self, error: OSError) -> None:
        log.warning("cannot accept connections on %s: %s", self.key, error.strerror)
        if error.errno in SHORTAGES:
            # The client stays in the backlog, so the door would report it without end.
            self.pause()
            self._retry = self.loop.call_later(self._pause_s, self.resume)

    def _take(self, client: socket.socket, peer: tuple[str, int]) -> None:
        client.settimeout(0)  # non-blocking
        relay = Relay(self, client)
        call = Call(ip_address(peer[0]), peer[1], self.key.address, self.limits.clock())
        seat = self.service.admit(call, relay.abort, active=True)
        if seat is None:
            self.limits.refused.no_real_server += 1
            reset(client)
            return
        relay.start(seat)


class Relay:
    """One client's connection and the one to its real server.

    A failed connect, a reset or an expiry on one side ends both by a reset, so that the other
    learns of it at once; an end of data on one side is passed on as just that.
    """

    def __init__(self, listener: StreamListener, client: socket.socket) -> None:
        self._listener = listener
        self._loop = listener.loop
        self._client = client
        self._server: socket.socket | None = None
        self._seat: Seat | None = None
        self._deadline: TimerHandle | None = None
        self._pipes: tuple[Pipe, ...] = ()
        self._idle_since = 0.0
        self.patience_s = 0.0
        self.busy = True

    def start(self, seat: Seat) -> None:
        """Connect to the real server; until that is done the client is not read."""
        limits = self._listener.limits
        limits.enter()
        self._listener.relays.add(self)
        self._seat = seat
        self.patience_s = limits.timeouts.tcp_s
        key = seat.destination.key
        try:
            self._server = new_socket(key, socket.SOCK_STREAM)
            code = self._server.connect_ex(address_of(key))
        except OSError as error:
            code = error.errno or errno.EIO
        if code == errno.EINPROGRESS and self._server:
            self._deadline = self._loop.call_later(limits.connect_s, self._too_late)
            self._loop.add_writer(self._server, self._connecting)
        else:
            self._connected(code)

    def idle_s(self, now_s: float) -> float:
        if self.busy:
            self.busy = False
            self._idle_since = now_s
        return now_s - self._idle_since

    def half_closed(self) -> None:
        """Take note that one direction has ended; both: the connection is over."""
        if all(pipe.ended for pipe in self._pipes):
            self._close()
        elif self._seat:
            self.patience_s = self._listener.limits.timeouts.tcpfin_s
            self._seat.fade()

    def abort(self) -> None:
        """End both connections by a reset."""
        for side in (self._client, self._server):
            if side:
                will_reset(side)
        self._close()

    def _connecting(self) -> None:
        if self._server:
            self._loop.remove_writer(self._server)
            self._connected(self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _too_late(self) -> None:
        self._connected(errno.ETIMEDOUT)

    def _connected(self, code: int) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
        if code or not (self._server and self._seat):
            self._listener.limits.refused.not_connected += 1
            self.abort()
            return
        for side in (self._client, self._server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pipes = (
            Pipe(self, self._loop, self._client, self._server, self._seat.inward),
            Pipe(self, self._loop, self._server, self._client, self._seat.outward),
        )

    def _close(self) -> None:
        if self not in self._listener.relays:
            return
        self._listener.relays.discard(self)
        if self._deadline:
            self._deadline.cancel()
        for side in (self._client, self._server):
            if side:
                self._loop.remove_reader(side)
                self._loop.remove_writer(side)
                side.close()
        limits = self._listener.limits
        if self._seat:
            self._seat.leave(limits.clock())
        limits.leave()


class Pipe:
    """One direction of a relay. It reads only while nothing waits to be sent."""

    def __init__(
        self,
        relay: Relay,
        loop: AbstractEventLoop,
        source: socket.socket,
        sink: socket.socket,
        count: Callable[[int], None],
    ) -> None:
        self.ended = False
        self._relay = relay
        self._loop = loop
        self._source = source
        self._sink = sink
        self._count = count
        self._pending = memoryview(b"")
        loop.add_reader(source, self._read)

    def _read(self) -> None:
        try:
            data = self._source.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._relay.abort()
            return
        if not data:
            self._end()
            return
        self._relay.busy = True
        self._count(len(data))
        self._send(memoryview(data))
        if self._pending:
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._sink, self._write)

    def _write(self) -> None:
        self._relay.busy = True
        self._send(self._pending)
        if not self._pending and not self.ended:
            self._loop.remove_writer(self._sink)
            self._loop.add_reader(self._source, self._read)

    def _send(self, data: memoryview) -> None:
        try:
            sent = self._sink.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.ended = True
            self._pending = memoryview(b"")
            self._relay.abort()
            return
        self._pending = data[sent:]

    def _end(self) -> None:
        self.ended = True
        self._loop.remove_reader(self._source)
        try:
            self._sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._relay.abort()
            return
        self._relay.half_closed()


def new_socket(key: DestinationKey, kind: socket.SocketKind) -> socket.socket:
    """Make a non-blocking socket towards a real server."""
    family = socket.AF_INET6 if key.address.version == 6 else socket.AF_INET
    return socket.socket(family, kind | socket.SOCK_NONBLOCK)


def address_of(key: DestinationKey) -> tuple[str, int]:
    """Say where to connect to; port 0 stands for the port that the client asked for."""
    service = key.service
    asked = service.port if isinstance(service, AddressKey) else 0
    return str(key.address), key.port or asked


def will_reset(side: socket.socket) -> None:
    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def reset(side: socket.socket) -> None:
    will_reset(side)
    side.close()
