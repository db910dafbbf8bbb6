"""The promise of what carries heartbeats between the two directors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lvsengine.heartbeat.words import Link
from lvsengine.net import Address

Receive = Callable[[bytes, Address, Link], None]


class Transport(Protocol):
    """Carries datagrams of at most 512 bytes to the peer, as best it can.

    They may be lost, doubled, delayed and come in another order. What comes in may be from
    anybody. The transport says by which link it came, and its source address.
    """

    @property
    def sources(self) -> frozenset[Address]:
        """The peer's addresses; whatever comes from another is not the peer's."""

    def open(self, receive: Receive) -> None:
        """Begin to receive; `receive` is called on the running loop and must not block.

        Raises:
            EngineError: `no-heartbeat-socket`.
        """

    def send(self, link: Link, data: bytes) -> str:
        """Send one datagram, never waiting; answer why not, or the empty string."""

    def close(self) -> None:
        """Receive no more; may be called twice, and unopened."""
