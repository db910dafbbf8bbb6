"""The kernel plane: Linux's own IPVS, over one netlink socket, without any library.

The socket is used by one thread, so that the event loop never waits for the kernel and questions
never meet. What the kernel holds stays when the plane is closed.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from lvsengine.errors import EngineError
from lvsengine.ipvs import codec, kernel_table, syncd
from lvsengine.ipvs.codec import Command, Info
from lvsengine.ipvs.diff import Change
from lvsengine.ipvs.exchange import (
    DEADLINE_S,
    Exchange,
    Link,
    NoAnswer,
    NoFamily,
    SocketLink,
    patiently,
)
from lvsengine.ipvs.netlink import Malformed, Message, body_of
from lvsengine.ipvs.plane import Failure, Timeouts, Usage
from lvsengine.ipvs.rules import check_timeouts
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.ipvs.table import ServiceKey, Table

T = TypeVar("T")

NO_NETLINK = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
NOT_PERMITTED = (errno.EPERM, errno.EACCES)
ROLES = {SyncRole.SENDER: "sends", SyncRole.RECEIVER: "receives"}


class KernelPlane:
    """A `Plane` on the IPVS of one network namespace; get one by `open`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ipvs")

    @classmethod
    async def open(
        cls, connect: Callable[[], Link] = SocketLink, deadline_s: float = DEADLINE_S
    ) -> KernelPlane:
        """Open the plane; the kernel loads its module now where it can.

        Args:
            connect: Opens a link; it decides the network namespace.

        Raises:
            EngineError: `no-ipvs`: this kernel has none; `not-permitted`: we are not root;
                `kernel-silent`, `kernel-refused`.
        """
        plane = cls(Exchange(connect, codec.FAMILY, deadline_s))
        try:
            await plane.info()
        except BaseException:
            await plane.close()
            raise
        return plane

    @property
    def name(self) -> str:
        return "kernel"

    async def read(self, only: Collection[ServiceKey] | None = None) -> Table:
        return await self._run(partial(kernel_table.read_table, self._exchange, only))

    async def apply(self, changes: Sequence[Change]) -> list[Failure]:
        return await self._run(partial(kernel_table.make, self._exchange, changes))

    async def counters(self) -> Usage:
        """Read all counters. The kernel brings those of traffic up to date every 2 s."""
        return await self._run(partial(kernel_table.read_counters, self._exchange))

    async def timeouts(self) -> Timeouts:
        [reply] = await self._ask(Command.GET_CONFIG)
        return codec.timeouts_of(body_of(reply))

    async def set_timeouts(self, timeouts: Timeouts) -> None:
        """Set the idle timeouts that are not 0.

        Raises:
            RuleError: One is out of range; nothing is set.
        """
        check_timeouts(timeouts)
        await self._ask(Command.SET_CONFIG, codec.timeouts_body(timeouts))

    async def zero(self, key: ServiceKey | None = None) -> None:
        """Set the counters of one service, or all, to 0."""
        await self._ask(Command.ZERO, codec.service_body(key) if key else b"")

    async def info(self) -> Info:
        [reply] = await self._ask(Command.GET_INFO)
        return codec.info_of(body_of(reply))

    async def flush(self) -> None:
        """Remove every service, foreign ones too. The engine never does."""
        await self._ask(Command.FLUSH)

    async def syncd(self) -> tuple[SyncDaemon, ...]:
        """The connection-sync daemons that run: none, one, or one of each role."""
        return await self._run(lambda: patiently(self._daemons))

    async def start_syncd(self, daemon: SyncDaemon) -> None:
        """Start a daemon.

        Raises:
            RuleError: A value is out of range.
            EngineError: `sync-running`: one of this role runs; `no-interface`; `sync-refused`.
        """
        body = syncd.start_body(daemon)
        number = await self._run(
            lambda: self._order(Command.NEW_DAEMON, body, daemon.role, runs=True)
        )
        if number:
            raise _start_refused(daemon, number)

    async def stop_syncd(self, role: SyncRole) -> None:
        """Stop the daemon of this role.

        Raises:
            EngineError: `sync-not-running`; `sync-refused`.
        """
        body = syncd.stop_body(role)
        number = await self._run(lambda: self._order(Command.DEL_DAEMON, body, role, runs=False))
        if number == errno.ESRCH:
            raise EngineError(
                "sync-not-running", f"no connection-sync daemon that {ROLES[role]} runs here"
            )
        if number:
            raise EngineError(
                "sync-refused",
                f"the connection-sync daemon that {ROLES[role]} did not stop (errno {number})",
            )

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        self._exchange.close()

    def _order(self, command: Command, body: bytes, role: SyncRole, *, runs: bool) -> int:
        """Start or stop a daemon, and return the errno.

        The kernel does not answer DEL_DAEMON where the daemon had not run yet: stopping it is
        then an interrupted call, for which netlink sends no word. So the daemons are listed in
        the same breath, and where the answer is missing the list is the answer.
        """
        try:
            number, listed = self._exchange.ask_and_dump(
                (command, body), (Command.GET_DAEMON, b"")
            )
            daemons = [syncd.daemon_of(body_of(reply)) for reply in listed]
        except NoAnswer:
            number, daemons = None, list(patiently(self._daemons))
        if number is not None:
            return number
        as_ordered = any(daemon.role is role for daemon in daemons) is runs
        return 0 if as_ordered else errno.ETIMEDOUT

    def _daemons(self) -> tuple[SyncDaemon, ...]:
        replies = self._exchange.dump(Command.GET_DAEMON)
        return tuple(syncd.daemon_of(body_of(reply)) for reply in replies)

    async def _ask(self, command: Command, body: bytes = b"") -> list[Message]:
        """Ask what may be asked twice."""
        return await self._run(lambda: patiently(lambda: self._exchange.ask(command, body)))

    async def _run(self, work: Callable[[], T]) -> T:
        """Do blocking work in the plane's thread, which does one thing at a time.

        Where the caller is cancelled the work still ends, and the next waits for it.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, _told, work)


def _told(work: Callable[[], T]) -> T:
    """Do it, and turn what went wrong with the plane as a whole into a sentence."""
    try:
        return work()
    except NoFamily:
        raise _no_ipvs() from None
    except NoAnswer as error:
        raise EngineError(
            "kernel-silent",
            "the kernel does not answer questions about its IPVS table",
            "see its log (dmesg); it is tried again",
        ) from error
    except (Malformed, KeyError) as error:
        raise EngineError(
            "kernel-unreadable",
            f"the kernel's answer about IPVS cannot be read ({error!r})",
            "this may be a kernel too new or too old for this version",
        ) from error
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> EngineError:
    if error.errno in NOT_PERMITTED:
        return EngineError(
            "not-permitted",
            "this process may not read or change the kernel's IPVS table",
            "run it as root, or give it CAP_NET_ADMIN",
        )
    if error.errno in NO_NETLINK:
        return _no_ipvs()
    return EngineError(
        "kernel-refused", f"the kernel refuses to answer about IPVS: {error.strerror}"
    )


def _no_ipvs() -> EngineError:
    return EngineError(
        "no-ipvs",
        "this kernel has no IPVS, or has not loaded it",
        "as root: modprobe ip_vs (in a container: on its host)",
    )


def _start_refused(daemon: SyncDaemon, number: int) -> EngineError:
    subject = f"the connection-sync daemon that {ROLES[daemon.role]}"
    match number:
        case errno.EEXIST:
            return EngineError("sync-running", f"{subject} runs already")
        case errno.ENODEV:
            return EngineError("no-interface", f"{subject}: no interface {daemon.interface} here")
        case errno.EINVAL:
            return EngineError(
                "sync-refused",
                f"{subject}: the kernel does not take these values",
                "no virtual server may mix IPv4 and IPv6 while it runs",
            )
    return EngineError("sync-refused", f"{subject} did not start (errno {number})")
