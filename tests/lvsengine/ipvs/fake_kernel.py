"""A kernel at the other end of a netlink link, with the faults that a real one has.

It refuses as the plane in memory does, acknowledges only where asked to, lists destinations last
added first, and never answers a message twice.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Coroutine
from typing import TypeVar

from lvsengine.ipvs import codec, netlink, syncd
from lvsengine.ipvs.codec import Command
from lvsengine.ipvs.diff import Change, Verb
from lvsengine.ipvs.memory import MemoryPlane
from lvsengine.ipvs.netlink import ACKNOWLEDGE, CONTROL_FAMILY, DONE, DUMP, ERROR, Message
from lvsengine.ipvs.syncd import SyncDaemon, SyncRole
from lvsengine.ipvs.table import ServiceKey

T = TypeVar("T")

VERBS = {
    Command.NEW_SERVICE: Verb.ADD,
    Command.SET_SERVICE: Verb.SET,
    Command.DEL_SERVICE: Verb.REMOVE,
    Command.NEW_DEST: Verb.ADD,
    Command.SET_DEST: Verb.SET,
    Command.DEL_DEST: Verb.REMOVE,
}
OF_DESTINATIONS = (Command.NEW_DEST, Command.SET_DEST, Command.DEL_DEST)


def at_once(work: Coroutine[object, None, T]) -> T:
    """Run what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("the plane in memory has waited")


class FakeKernel:
    """Hand `connect` to the plane.

    Attributes:
        number: The family's; `reload` changes it. 0: there is no IPVS.
        refuses: An errno for every IPVS message, such as EPERM.
        deaf: So many datagrams to come are not even read.
        mute: So many datagrams to come are carried out, but the answers are lost.
        overrun: As `mute`, and the receiver is told so (ENOBUFS).
        daemon_refuses: An errno for every NEW_DAEMON.
        silent_stop: DEL_DAEMON is carried out and never acknowledged.
        received: How many datagrams were carried out.
        answered: How many datagrams were sent back.
    """

    def __init__(self) -> None:
        self.number = 28
        self.refuses = 0
        self.deaf = self.mute = self.overrun = 0
        self.silent_stop = False
        self.daemon_refuses = 0
        self.received = self.answered = 0
        self.commands: list[int] = []
        self.plane = MemoryPlane()
        self.daemons: dict[SyncRole, SyncDaemon] = {}
        self.interfaces = ("eth0",)
        self.links: list[FakeLink] = []

    def connect(self) -> FakeLink:
        self.links.append(FakeLink(self))
        return self.links[-1]

    def reload(self) -> None:
        self.number += 1
        self.plane = MemoryPlane()

    def answer(self, datagram: bytes) -> list[bytes]:
        self.received += 1
        told = [reply for message in netlink.messages(datagram) for reply in self._answer(message)]
        self.answered += len(told)
        return told

    def _answer(self, message: Message) -> list[bytes]:
        number, replies = self._carry_out(message)
        if message.flags & DUMP == DUMP and not number:
            end = netlink.HEADER.pack(20, DONE, 2, message.sequence, 1) + bytes(4)
            return [*replies, end]
        if number < 0 or not (number or message.flags & ACKNOWLEDGE):
            return replies
        error = (-number).to_bytes(4, "little", signed=True)
        return [*replies, netlink.HEADER.pack(20, ERROR, 0, message.sequence, 1) + error]

    def _carry_out(self, message: Message) -> tuple[int, list[bytes]]:
        """Answer the errno (-1: not even an acknowledgement) and the replies."""
        if message.kind == CONTROL_FAMILY:
            reply = netlink.u16(netlink.FAMILY_ID, self.number)
            told = netlink.message(CONTROL_FAMILY, 0, message.sequence, 1, reply)
            return (0, [told]) if self.number else (errno.ENOENT, [])
        if message.kind != self.number:
            return errno.ENOENT, []
        if self.refuses:
            return self.refuses, []
        command = Command(message.payload[0])
        self.commands.append(command)
        body = netlink.body_of(message)
        number, bodies = self._ipvs(command, body, listed=message.flags & DUMP == DUMP)
        reply_to = {
            Command.GET_SERVICE: Command.NEW_SERVICE,
            Command.GET_DEST: Command.NEW_DEST,
            Command.GET_DAEMON: Command.NEW_DAEMON,
            Command.GET_CONFIG: Command.SET_CONFIG,
            Command.GET_INFO: Command.SET_INFO,
        }
        replies = [
            netlink.message(self.number, 0, message.sequence, reply_to[command], told)
            for told in bodies
        ]
        return number, replies

    def _ipvs(
        self, command: Command, body: dict[int, bytes], *, listed: bool
    ) -> tuple[int, list[bytes]]:
        match command:
            case Command.GET_SERVICE if listed:
                services = at_once(self.plane.read()).services
                return 0, [codec.service_body(*entry) for entry in services.items()]
            case Command.GET_SERVICE:
                key = _service(body)
                held = at_once(self.plane.read({key})).services
                return (0, [codec.service_body(key, held[key])]) if held else (errno.ESRCH, [])
            case Command.GET_DEST:
                destinations = at_once(self.plane.read({_service(body)})).destinations
                added = [Change(Verb.ADD, *entry) for entry in destinations.items()]
                return 0, [codec.change_request(change)[1] for change in reversed(added)]
            case Command.GET_INFO:
                return 0, [netlink.u32(1, 0x010201) + netlink.u32(2, 4096)]
            case Command.GET_CONFIG:
                return 0, [codec.timeouts_body(self.plane.timeouts)]
            case Command.SET_CONFIG:
                at_once(self.plane.set_timeouts(codec.timeouts_of(body)))
            case Command.FLUSH:
                self.plane = MemoryPlane()
            case Command.ZERO:
                known = not body or at_once(self.plane.read({_service(body)})).services
                return (0 if known else errno.ESRCH), []
            case Command.NEW_DAEMON | Command.DEL_DAEMON | Command.GET_DAEMON:
                return self._daemon(command, body)
            case _:
                return self._change(command, body), []
        return 0, []

    def _change(self, command: Command, body: dict[int, bytes]) -> int:
        failures = at_once(self.plane.apply([_change_of(command, body)]))
        return failures[0].errno if failures else 0

    def _daemon(self, command: Command, body: dict[int, bytes]) -> tuple[int, list[bytes]]:
        if command is Command.GET_DAEMON:
            return 0, [syncd.start_body(daemon) for daemon in self.daemons.values()]
        if command is Command.DEL_DAEMON:
            state = netlink.number(netlink.attributes(body[codec.DAEMON])[1])
            stopped = self.daemons.pop(SyncRole(state), None)
            return (-1 if self.silent_stop else 0) if stopped else errno.ESRCH, []
        if self.daemon_refuses:
            return self.daemon_refuses, []
        daemon = syncd.daemon_of(body)
        if daemon.role in self.daemons:
            return errno.EEXIST, []
        if daemon.interface not in self.interfaces:
            return errno.ENODEV, []
        self.daemons[daemon.role] = daemon
        return 0, []


class FakeLink:
    """One end of it; `threads` are those that have sent on it."""

    def __init__(self, kernel: FakeKernel) -> None:
        self.kernel = kernel
        self.closed = False
        self.threads: set[int] = set()
        self._waiting: deque[bytes] = deque()
        self._overrun = False

    def send(self, data: bytes) -> None:
        assert not self.closed
        self.threads.add(threading.get_ident())
        if self.kernel.deaf:
            self.kernel.deaf -= 1
            return
        answers = self.kernel.answer(data)
        if self.kernel.overrun:
            self.kernel.overrun -= 1
            self._overrun = True
        elif self.kernel.mute:
            self.kernel.mute -= 1
        else:
            self._waiting.extend(answers)

    def receive(self) -> bytes:
        assert not self.closed
        if self._overrun:
            self._overrun = False
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        if not self._waiting:
            raise TimeoutError
        return self._waiting.popleft()

    def close(self) -> None:
        self.closed = True


def _service(body: dict[int, bytes]) -> ServiceKey:
    key = codec.service_key(netlink.attributes(body[codec.SERVICE]))
    assert key
    return key


def _change_of(command: Command, body: dict[int, bytes]) -> Change:
    service = _service(body)
    verb = VERBS[command]
    if command in OF_DESTINATIONS:
        if verb is Verb.REMOVE:
            inside = netlink.attributes(body[codec.DESTINATION])
            return Change(verb, codec.destination_key(service, inside))
        return Change(verb, *codec.destination_of(service, body))
    entry = None if verb is Verb.REMOVE else codec.service_of(body)
    return Change(verb, *entry) if entry else Change(verb, service)
