"""A peer that is a folder on this machine: the same promise, as strict as the one by ssh."""

from __future__ import annotations

import hashlib

from lvsengine.errors import EngineError
from lvsengine.lvscf import files
from lvsengine.sync import orders
from lvsengine.sync.host import Host
from lvsengine.sync.orders import Install
from lvsengine.sync.values import Installed, PeerStatus


class LocalTarget:
    """Keeps the promise of `target.Target`; orders go through their words as by ssh."""

    def __init__(self, host: Host, address: str = "127.0.0.1") -> None:
        self.address = address
        self._host = host
        self._open = True

    def status(self) -> PeerStatus:
        self._need_open()
        return orders.decode(orders.encode(self._host.status()).encode(), PeerStatus)

    def fetch(self) -> bytes:
        self._need_open()
        return self._host.fetch()

    def put(self, name: str, data: bytes) -> None:
        self._need_open()
        path = self._host.beside(name)
        with files.locked(path.parent):
            files.replace(path, data, like=path)
        back = files.read_whole(path)
        if hashlib.sha256(back).digest() != hashlib.sha256(data).digest():
            raise EngineError("read-back", f"{name} was not stored at the peer as it was sent")

    def install(self, order: Install) -> Installed:
        self._need_open()
        read = orders.read(orders.line(order))
        if not isinstance(read, Install):
            raise TypeError(f"{order} is written as {read}")
        return orders.decode(orders.encode(self._host.install(read)).encode(), Installed)

    def close(self) -> None:
        self._open = False

    def _need_open(self) -> None:
        if not self._open:
            raise EngineError("cut", f"the connection to {self.address} is closed")
