"""The engine's unix socket: one request a connection, answered by a handler.

Bounded in every way: connections, length of a line, time to say it, memory for all that is
being said, events waiting for a slow follower. `crowd` says who goes when it is too much.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from lvsengine import accounts, scarcity
from lvsengine.control import crowd, messages, peers
from lvsengine.control.crowd import Caller
from lvsengine.errors import EngineError
from lvsengine.privileges import name_of

log = logging.getLogger("pulse")

QUEUE = 128  # who is not accepted yet
PIECE = 64 * 1024  # bytes; a longer request is held in pieces, which are counted
REQUEST_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 10.0
SOCKET_MODE = 0o660
GROUP = accounts.PIRANHA
AGAIN = "ask again in a moment"
SO_PEERGROUPS = 59  # asm-generic/socket.h

Answer = Callable[[messages.Request], Awaitable[object]]
Follow = Callable[[messages.Events], AsyncIterator[messages.Event]]


class ControlServer:
    """Answers requests on a unix socket until it is closed.

    Args:
        answer: Turns a request into a result dataclass; its EngineError goes to the asker.
        follow: Yields the events an `events` request asked for.
        group: Whose members may use it, where the system has that group and we may give it.
    """

    def __init__(self, path: Path, answer: Answer, follow: Follow, *, group: str = GROUP) -> None:
        self.path = path
        self._answer = answer
        self._follow = follow
        self._group_name = group
        self._serving: dict[Caller, asyncio.Task[None]] = {}
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            EngineError: `already-running`, when another engine answers there; `no-socket`.
        """
        listener = _listener(self.path, self._group_name)
        # The loop accepts as many in a row as it is told may queue: after each one it shall look
        # what those before have said, and at everything else.
        self._server = await asyncio.start_unix_server(
            self._connected, sock=listener, limit=PIECE, backlog=1
        )
        listener.listen(QUEUE)

    async def close(self) -> None:
        """Stop listening, and hang up on whoever is still there."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self.path.unlink(missing_ok=True)
        ending = [task for task in self._serving.values() if task is not asyncio.current_task()]
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Make the task here: one that asyncio's streams make logs an error when cancelled."""
        connection: socket.socket = writer.get_extra_info("socket")
        caller = Caller(_peer(connection).uid)
        task = asyncio.get_running_loop().create_task(self._serve(caller, reader, writer))
        self._serving[caller] = task
        task.add_done_callback(lambda _: self._disconnect(caller, writer))
        self._make_room(caller, connection.fileno())

    def _disconnect(self, caller: Caller, writer: asyncio.StreamWriter) -> None:
        """Hang up, also on who was never listened to; say so to whom others have driven out."""
        if self._serving.pop(caller, None) is None:
            writer.write(messages.encode_error(_busy()))
        writer.close()

    async def _serve(
        self, caller: Caller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await self._serve_one(caller, reader, writer)
        except (ConnectionError, TimeoutError):
            log.debug("a control connection was lost")

    def _make_room(self, newcomer: Caller, descriptor: int) -> None:
        scarce = scarcity.is_near_limit(descriptor, scarcity.LEFT_BY_CONTROL)
        if scarce or len(self._serving) > crowd.AT_ONCE:
            others = [caller for caller in self._serving if caller is not newcomer]
            self._hang_up(crowd.one_to_go(others))

    def _hang_up(self, caller: Caller | None) -> None:
        if caller is not None:
            self._serving.pop(caller).cancel()

    async def _serve_one(
        self, caller: Caller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            request = self._permitted(await self._request(caller, reader), writer)
            if isinstance(request, messages.Events):
                await self._send_events(request, reader, writer)
                return
            line = messages.encode_result(await self._answered(caller, request))
        except EngineError as error:
            line = messages.encode_error(error)
        await _send(writer, line)

    def _permitted(
        self, request: messages.Request, writer: asyncio.StreamWriter
    ) -> messages.Request:
        """Let an order pass with the name of who gives it, or refuse it. Questions pass."""
        if not isinstance(request, messages.Order):
            return request
        peer = _peer(writer.get_extra_info("socket"))
        name = name_of(peer.uid)
        group = self._group()
        if not peers.may_change(peer, os.geteuid(), group):
            command = messages.NAMES[type(request)]
            log.warning("refused order=%s by=%s", command, name)
            raise peers.refusal(name, command, _group_name(group))
        return replace(request, by=peers.actor(name, request.by))

    def _group(self) -> int:
        try:
            return self.path.stat().st_gid
        except FileNotFoundError:
            raise EngineError("stopping", "pulse is being stopped", AGAIN) from None

    async def _answered(self, caller: Caller, request: messages.Request) -> object:
        if crowd.asks_too_much(self._serving, caller.uid):
            raise _busy()
        caller.answered = True
        try:
            return await self._answer(request)
        except (EngineError, ConnectionError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in scarcity.SCARCE:
                raise EngineError(
                    "busy", f"pulse cannot answer: {error.strerror}", AGAIN
                ) from error
            # A fault of ours in one answer must not take the director down.
            log.exception("a control request broke: %s", type(request).__name__)
            raise EngineError(
                "internal", f"pulse failed to answer: {error!r}", "its log says where"
            ) from error
        finally:
            caller.answered, caller.held = False, 0

    async def _request(self, caller: Caller, reader: asyncio.StreamReader) -> messages.Request:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            line = await self._line(caller, reader)
        return messages.decode_request(line)

    async def _line(self, caller: Caller, reader: asyncio.StreamReader) -> bytes:
        """Read up to the line's end, by pieces where it is long."""
        line = bytearray()
        while (end := line.find(b"\n", max(0, len(line) - PIECE))) < 0:
            if len(line) > messages.MAX_LINE:
                raise EngineError("bad-request", "the request is too long")
            piece = await reader.read(PIECE)
            if not piece:
                raise ConnectionResetError
            line += piece
            if len(line) > PIECE:
                caller.held = len(line)
                self._hang_up(crowd.too_heavy(self._serving))
                await asyncio.sleep(0)  # where that was this one, it ends here
        return bytes(line[:end])

    async def _send_events(
        self, request: messages.Events, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Send events until they end or the follower hangs up, which only reading can tell."""
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._send_each(request, writer))
            hung_up = group.create_task(reader.read(1))
            await asyncio.wait({sending, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            hung_up.cancel()

    async def _send_each(self, request: messages.Events, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async for event in self._follow(request):
                await _send(writer, messages.encode_result(event))


def _busy() -> EngineError:
    return EngineError("busy", "others are asking too much of pulse at once", "try again")


async def _send(writer: asyncio.StreamWriter, line: bytes) -> None:
    writer.write(line)
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await writer.drain()


def _peer(connection: socket.socket) -> peers.Peer:
    """Ask the kernel who has connected."""
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, peers.CREDENTIALS.size
    )
    try:
        read = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, peers.GROUPS_SIZE)
    except OSError:  # older than Linux 4.13, or more groups than are read
        return peers.peer_of(credentials, _groups_by_name(credentials))
    return peers.peer_of(credentials, peers.groups_of(read))


def _groups_by_name(credentials: bytes) -> list[int]:
    """Look the groups up that this user would get by a new login."""
    _, uid, gid = peers.CREDENTIALS.unpack(credentials)
    try:
        return os.getgrouplist(name_of(uid), gid)
    except KeyError:
        return []


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _give_to_group(path: Path, group: str) -> None:
    """Let a group use the socket, where there is such a group and we are root or a member."""
    try:
        gid = grp.getgrnam(group).gr_gid
    except KeyError:
        return
    if os.geteuid() == 0 or gid in os.getgroups():
        os.chown(path, -1, gid)


def _listener(path: Path, group: str) -> socket.socket:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        _give_to_group(path, group)
        path.chmod(SOCKET_MODE)
        listener.listen(QUEUE)
    except OSError as error:
        raise EngineError(
            "no-socket",
            f"the control socket {path} cannot be made: {error.strerror}",
            "name another place by --socket",
        ) from error
    return listener


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise EngineError("no-socket", f"{path} is there and is no socket", "move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(1)
        try:
            attempt.connect(str(path))
        except (ConnectionRefusedError, TimeoutError):
            path.unlink(missing_ok=True)
            return
    raise EngineError(
        "already-running", f"another pulse answers at {path}", "stop it, or use --socket"
    )
