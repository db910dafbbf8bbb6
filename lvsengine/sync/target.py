"""The promise of a peer that files are copied to: `sftp` keeps it by ssh, `local` by a folder."""

from __future__ import annotations

from typing import Protocol

from lvsengine.errors import EngineError
from lvsengine.sync.orders import Install
from lvsengine.sync.values import HostKey, Installed, PeerStatus


class Target(Protocol):
    """A peer, reached. Whatever fails is an `EngineError`; the peer's files are whole then.

    Attributes:
        address: Which of the peer's addresses answered.
    """

    address: str

    def status(self) -> PeerStatus:
        """Ask for its revisions. Changes nothing."""

    def fetch(self) -> bytes:
        """Read its lvs.cf; `no-file` where it has none."""

    def put(self, name: str, data: bytes) -> None:
        """Lay a file beside, read it back and compare. What is in place stays as it is.

        Args:
            name: As `orders.staged` writes it.
        """

    def install(self, order: Install) -> Installed:
        """Put what was laid beside in its place, where that is at the expected revision.

        Raises:
            EngineError: `changed-meanwhile` where it is not; `not-staged` where what lies
                beside is not what the order names. After `cut` or `too-slow` the outcome is
                not known: ask for the status.
        """

    def close(self) -> None:
        """Hang up; never raises."""


class HostKeyRefused(EngineError):
    """The peer showed a host key that is not the pinned one; nothing was sent to it.

    Attributes:
        offered: What it showed.
        pinned: The fingerprint that was expected; empty: none is known yet.
    """

    def __init__(self, address: str, offered: HostKey, pinned: str) -> None:
        self.offered = offered
        self.pinned = pinned
        if pinned:
            super().__init__(
                "host-key-changed",
                f"{address} shows the host key {offered.fingerprint}, not {pinned}: it is another"
                " machine, or was installed anew",
                "compare it at the peer: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            )
        else:
            super().__init__(
                "host-key-unknown",
                f"{address} shows the host key {offered.fingerprint}, which nobody has compared",
                "compare it at the peer: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            )
