"""A TCP proxy that cuts or stalls a connection after so many bytes, as bad wires do."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

RST_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER


@dataclass
class Fault:
    """What happens to each connection.

    Attributes:
        to_peer, from_peer: Bytes that pass in this direction until the fault; None: all.
        stalls: Whether no more bytes pass then; else the connection is reset on both sides.
        passed: Bytes that have passed so far: to the peer, and from it.
    """

    to_peer: int | None = None
    from_peer: int | None = None
    stalls: bool = False
    passed: list[int] = field(default_factory=lambda: [0, 0])


class Proxy:
    """Listens on `address`, and passes what comes to `target`."""

    def __init__(self, address: tuple[str, int], target: tuple[str, int]) -> None:
        self.fault = Fault()
        self._target = target
        self._listener = socket.create_server(address)
        self._ends = threading.Event()
        self._threads: list[threading.Thread] = []

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            self._ends.set()
            accepting.join(5)
            for thread in self._threads:
                thread.join(5)
            self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._ends.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._pass, args=(client, self.fault))
                self._threads.append(thread)
                thread.start()

    def _pass(self, client: socket.socket, fault: Fault) -> None:
        with client, socket.create_connection(self._target) as peer:
            ends = (client, peer)
            for one in ends:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                self._shovel(ends, fault)
            for one in ends:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)

    def _shovel(self, ends: tuple[socket.socket, socket.socket], fault: Fault) -> None:
        limits = (fault.to_peer, fault.from_peer)
        with selectors.DefaultSelector() as selector:
            for index, one in enumerate(ends):
                selector.register(one, selectors.EVENT_READ, index)
            while not self._ends.is_set():
                for key, _ in selector.select(0.05):
                    way = int(key.data)
                    limit = limits[way]
                    left = 65536 if limit is None else min(65536, limit - fault.passed[way])
                    data = ends[way].recv(left) if left else b""
                    ends[1 - way].sendall(data)
                    fault.passed[way] += len(data)
                    if limit is not None and fault.passed[way] >= limit:
                        if fault.stalls:
                            self._ends.wait()
                        return
                    if not data:
                        return
