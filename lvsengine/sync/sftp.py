"""A peer by ssh and SFTP: the promise of `target`, by paramiko.

Key only: no agent, no other key than the sync's own, no password. The host key is compared
before anything is sent. All of a connection together has one deadline: a watch closes it then,
so that no slow byte after another can hold anybody. paramiko says nothing in the log: what
failed is said once, by whoever tried.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import paramiko
from paramiko.ssh_exception import IncompatiblePeer as _Incompatible

from lvsengine.errors import EngineError
from lvsengine.lvscf import files
from lvsengine.sync import known_hosts, orders
from lvsengine.sync.orders import Install
from lvsengine.sync.places import KNOWN_HOSTS, PRIVATE_KEY
from lvsengine.sync.plan import COPY_DEADLINE_S, Peer
from lvsengine.sync.target import HostKeyRefused
from lvsengine.sync.values import LVS_CF, Installed, PeerStatus, not_paired

CONNECT_S = 8.0  # for one of two addresses
MOST_PREFETCHED = 32
_REFUSED = {"keys": ["ssh-rsa", "ssh-dss"], "pubkeys": ["ssh-rsa", "ssh-dss"]}  # SHA-1

T = TypeVar("T")

logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are at the peer. `folder` holds the key and the pinned host key."""

    folder: Path
    user: str


def connect(peer: Peer, login: Login, deadline_s: float = COPY_DEADLINE_S) -> SftpTarget:
    """Reach the peer at the first of its addresses that answers.

    Raises:
        HostKeyRefused: It shows another host key than the pinned one.
        EngineError: `not-paired`, `unreachable`, `too-slow`, `cut`, `wrong-key`.
    """
    key = _private_key(login.folder / PRIVATE_KEY)
    ends_at = time.monotonic() + deadline_s
    wait_s = min(CONNECT_S, deadline_s) if len(peer.addresses) > 1 else deadline_s
    failures = []
    for address in peer.addresses:
        try:
            remaining_s = max(0.1, min(wait_s, ends_at - time.monotonic()))
            wire = socket.create_connection((address, peer.port), remaining_s)
        except OSError as error:
            failures.append(f"{address} port {peer.port}: {_why(error)}")
            continue
        target = SftpTarget(address, wire, ends_at - time.monotonic(), deadline_s)
        try:
            target.log_in(login, key)
        except BaseException:
            target.close()
            raise
        return target
    raise EngineError(
        "unreachable",
        f"the peer cannot be reached at {'; '.join(failures)}",
        "is it on, is its sshd running, does a packet filter stand between?",
    )


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return (error.strerror or str(error)).lower()


def _private_key(path: Path) -> paramiko.Ed25519Key:
    try:
        data = files.read_whole(path)
    except EngineError as error:
        if error.code != "no-file":
            raise
        raise not_paired() from error
    if os.stat(path).st_mode & 0o077:
        raise EngineError(
            "open-key", f"{path} may be read by others", f"chmod 600 {path}, and pair anew"
        )
    try:
        return paramiko.Ed25519Key.from_private_key(io.StringIO(data.decode("ascii")))
    except (paramiko.SSHException, ValueError) as error:
        raise EngineError(
            "bad-key", f"{path} is no ed25519 key", "pair the directors anew: lvsctl pair invite"
        ) from error


class SftpTarget:
    """One connection; see `target.Target`. Not for two threads at once."""

    def __init__(
        self, address: str, wire: socket.socket, remaining_s: float, deadline_s: float
    ) -> None:
        self.address = address
        self._deadline_s = deadline_s
        self._ends_at = time.monotonic() + remaining_s
        self._expired = threading.Event()
        self._sftp: paramiko.SFTPClient | None = None
        self._wire = wire
        self._transport: paramiko.Transport | None = None
        self._watch = threading.Timer(max(0.0, remaining_s), self._expire)
        self._watch.daemon = True
        self._watch.start()

    def log_in(self, login: Login, key: paramiko.Ed25519Key) -> None:
        """Compare the host key, then show ours."""
        keys = known_hosts.pinned(_text(login.folder / KNOWN_HOSTS))
        with self._told():
            transport = paramiko.Transport(self._wire, disabled_algorithms=_REFUSED)
            self._transport = transport
            transport.daemon = True
            transport.banner_timeout = transport.auth_timeout = self._left_s()
            transport.handshake_timeout = transport.channel_timeout = self._left_s()
            _prefer(transport, {pin.kind for pin in keys})
            transport.start_client(timeout=self._left_s())
            shown = transport.get_remote_server_key()
            offered = known_hosts.host_key(shown.get_name(), shown.asbytes())
            if offered not in keys:
                raise HostKeyRefused(self.address, offered, keys[0].fingerprint if keys else "")
            self._show_key(transport, login.user, key)

    def _show_key(
        self, transport: paramiko.Transport, user: str, key: paramiko.Ed25519Key
    ) -> None:
        try:
            transport.auth_publickey(user, key)
        except paramiko.AuthenticationException as error:
            if self._expired.is_set() or not transport.is_active():
                raise
            raise EngineError(
                "wrong-key",
                f"{self.address} does not take this director's sync key for user {user}",
                "pair the directors anew: lvsctl pair invite",
            ) from error

    def status(self) -> PeerStatus:
        return self._order("status", PeerStatus)

    def install(self, order: Install) -> Installed:
        return self._order(orders.line(order), Installed)

    def fetch(self) -> bytes:
        with self._told():
            return self._read(f"/{LVS_CF}")

    def put(self, name: str, data: bytes) -> None:
        path = f"/incoming/{name}"
        with self._told():
            with self._client().open(path, "wb") as file:
                file.set_pipelined(True)
                file.write(data)
                file.stat()  # only now it is on the disk there, or refused with the reason
            back = self._read(path)
        if hashlib.sha256(back).digest() != hashlib.sha256(data).digest():
            raise EngineError(
                "read-back",
                f"{name} was not stored at the peer as it was sent",
                "look at the disk there",
            )

    def close(self) -> None:
        self._watch.cancel()
        with suppress(Exception):
            if self._transport is not None:
                self._transport.close()
        self._wire.close()

    def _read(self, path: str) -> bytes:
        with self._client().open(path, "rb") as file:
            size = file.stat().st_size or 0
            if size > files.MAX_BYTES:
                raise EngineError("too-large", f"{path} at the peer is larger than 16 MiB")
            file.prefetch(size, MOST_PREFETCHED)
            return bytes(file.read(size))

    def _client(self) -> paramiko.SFTPClient:
        if self._sftp is None:
            channel = self._channel()
            channel.invoke_subsystem("sftp")
            self._sftp = paramiko.SFTPClient(channel)
        return self._sftp

    def _order(self, line: str, kind: type[T]) -> T:
        with self._told():
            channel = self._channel()
            try:
                channel.exec_command(line)
                answer = _all(channel.recv)
            finally:
                channel.close()
        if not answer:
            raise self._cut()
        return orders.decode(answer, kind)

    def _channel(self) -> paramiko.Channel:
        if self._transport is None:
            raise self._cut()
        channel = self._transport.open_session(timeout=self._left_s())
        channel.settimeout(self._left_s())
        return channel

    def _left_s(self) -> float:
        return max(0.05, self._ends_at - time.monotonic())

    def _expire(self) -> None:
        self._expired.set()
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        transport = self._transport
        if transport is not None:
            with suppress(Exception):
                transport.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in our own words what paramiko raises."""
        try:
            yield
        except EngineError:
            raise
        except (paramiko.SSHException, OSError, EOFError, ValueError) as error:
            if self._expired.is_set() or isinstance(error, TimeoutError):
                raise self._too_slow() from error
            raise _said_by_peer(error, self.address) or self._cut() from error

    def _too_slow(self) -> EngineError:
        return EngineError(
            "too-slow",
            f"{self.address} did not finish within {self._deadline_s:g} s",
            "is the line or the machine overloaded?",
        )

    def _cut(self) -> EngineError:
        if self._expired.is_set():
            return self._too_slow()
        return EngineError(
            "cut",
            f"the connection to {self.address} was cut",
            "it is tried again by itself; what was sent last may have been done",
        )


def _prefer(transport: paramiko.Transport, kinds: set[str]) -> None:
    """Ask for a host key of the kind that is pinned, where the peer has several."""
    options = transport.get_security_options()
    wanted = {"rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in kinds else set()
    wanted |= kinds
    options.key_types = tuple(sorted(options.key_types, key=lambda kind: kind not in wanted))


def _text(path: Path) -> str:
    try:
        return files.read_whole(path).decode("utf-8", "replace")
    except EngineError as error:
        if error.code == "no-file":
            return ""
        raise


def _all(receive: Callable[[int], bytes]) -> bytes:
    answer = b""
    while piece := receive(32768):
        answer += piece
        if len(answer) > orders.MAX_ANSWER:
            raise EngineError("bad-answer", "the peer's answer is endless")
    return answer


def _said_by_peer(error: Exception, address: str) -> EngineError | None:
    """Find the peer's own sentence in an error; None: the wire broke."""
    told = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    if told.startswith("{"):
        try:
            orders.decode(told.encode(), Installed)
        except EngineError as own:
            return own
    if isinstance(error, paramiko.ChannelException | paramiko.SFTPError | _Incompatible):
        return EngineError(
            "refused", f"{address} refuses: {told}", "is the other director of the same version?"
        )
    return None
