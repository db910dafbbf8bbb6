"""Ask several machines at once, by ICMP echo, whether any of them can be reached."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Protocol

from lvsengine.net import Address
from lvsengine.witness.echo import TOKEN_LENGTH, is_reply, request, without_ip_header

TRIES = 3  # requests to each within the time, for one may be lost
LONGEST_PACKET = 2048
AT_ONCE = 100  # packets read in one turn of the loop

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_PROTOCOLS = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}


class Echo(Protocol):
    """One machine that can be asked."""

    def fileno(self) -> int: ...

    def ask(self) -> None:
        """Send a request, or raise OSError."""

    def has_answered(self) -> bool:
        """Read what waits; answer whether a reply is among it. May raise OSError."""

    def close(self) -> None: ...


class EchoSocket:
    """An `Echo` by an unprivileged socket where net.ipv4.ping_group_range lets us, else a raw one.

    Raises:
        OSError: No route, not permitted, or the address is this machine's own.
    """

    def __init__(self, address: Address) -> None:
        self._family = address.version
        self._token = secrets.token_bytes(TOKEN_LENGTH)
        self._sequence = 0
        self._socket, is_raw = _opened(address.version)
        self._has_ip_header = is_raw and address.version == 4
        try:
            self._socket.settimeout(0)
            self._socket.connect((str(address), 0))  # then it hears nobody else
            _refuse_own(address, self._socket)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self) -> None:
        self._sequence += 1
        self._socket.send(request(self._family, self._token, self._sequence))

    def has_answered(self) -> bool:
        try:
            return any(self._is_reply(self._socket.recv(LONGEST_PACKET)) for _ in range(AT_ONCE))
        except BlockingIOError:
            return False

    def close(self) -> None:
        self._socket.close()

    def _is_reply(self, packet: bytes) -> bool:
        if self._has_ip_header:
            packet = without_ip_header(packet)
        return is_reply(self._family, packet, self._token)


def _opened(family: int) -> tuple[socket.socket, bool]:
    """Open a socket; answer also whether it is a raw one."""
    try:
        return socket.socket(_FAMILIES[family], socket.SOCK_DGRAM, _PROTOCOLS[family]), False
    except PermissionError:
        return socket.socket(_FAMILIES[family], socket.SOCK_RAW, _PROTOCOLS[family]), True


def _refuse_own(address: Address, connected: socket.socket) -> None:
    """Refuse an address that the kernel answers for itself: it would always be reached."""
    if ip_address(connected.getsockname()[0]) == address:
        raise OSError(errno.EADDRINUSE, "this machine itself, which bears no witness")


async def reaches_any(
    addresses: Sequence[Address],
    timeout_s: float,
    connect: Callable[[Address], Echo] = EchoSocket,
) -> tuple[bool, str]:
    """Ask all at once whether they are there; the first reply is enough.

    Returns:
        Whether any has replied within `timeout_s` seconds, and a sentence that names it, or
        says of each why not. Never raises for what is wrong with the network.
    """
    if not addresses:
        return False, "lvs.cf names no witness"
    asking = _Asking(connect)
    with asking.listening(dict.fromkeys(addresses)):
        for _ in range(TRIES):
            asking.ask()
            if not asking.silent:
                break  # nobody could be asked at all
            await asyncio.wait([asking.first], timeout=timeout_s / TRIES)
            if asking.first.done():
                return True, f"{asking.first.result()} answers"
    reasons = "; ".join(f"{address}: {why}" for address, why in asking.reasons.items())
    return False, f"no witness answers within {timeout_s:g} s ({reasons})"


class _Asking:
    """One question to several machines.

    Attributes:
        first: Whoever has answered.
        reasons: Of each machine, why it has not.
        silent: Those that could be asked.
    """

    def __init__(self, connect: Callable[[Address], Echo]) -> None:
        self.first: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
        self.reasons: dict[Address, str] = {}
        self.silent: dict[Address, Echo] = {}
        self._connect = connect

    @contextmanager
    def listening(self, addresses: Iterable[Address]) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        try:
            for address in addresses:
                self._open(address)
            yield
        finally:
            for echo in self.silent.values():
                loop.remove_reader(echo.fileno())
                echo.close()

    def _open(self, address: Address) -> None:
        try:
            echo = self._connect(address)
        except OSError as error:
            self.reasons[address] = _why(error)
            return
        self.reasons[address] = "silent"
        self.silent[address] = echo
        asyncio.get_running_loop().add_reader(echo.fileno(), self._on_readable, address)

    def ask(self) -> None:
        for address, echo in self.silent.items():
            try:
                echo.ask()
            except OSError as error:
                self.reasons[address] = _why(error)

    def _on_readable(self, address: Address) -> None:
        try:
            has_answered = self.silent[address].has_answered()
        except OSError as error:
            self.reasons[address] = _why(error)
            return
        if has_answered and not self.first.done():
            self.first.set_result(address)


def _why(error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EACCES):
        return (
            "not permitted. Run pulse as root, or give it CAP_NET_RAW, or its group a place in"
            " net.ipv4.ping_group_range"
        )
    return error.strerror or os.strerror(error.errno or errno.EIO)
