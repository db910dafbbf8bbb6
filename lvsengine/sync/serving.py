"""Answer SFTP for the peer's key, on two pipes, with two things to be had and nothing else.

`/lvs.cf` may be read. `/incoming/NAME` may be written and read back, for the few names that
`orders.destination` knows. There are no links, folders, renames, modes: what a stolen key can
do is this. A written file is kept in memory, bounded, until its size is asked, and then put
on the disk whole: so a client hears of a full disk, and a cut leaves nothing half.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lvsengine.errors import EngineError
from lvsengine.lvscf import files
from lvsengine.sync import orders, sftp_words
from lvsengine.sync.host import MAX_FILE, Host
from lvsengine.sync.values import LVS_CF

MAX_OPEN = 4
MAX_PIECE = 128 * 1024
INCOMING = "/incoming/"

Receive = Callable[[int], bytes]  # at most so many bytes; none at the end
Send = Callable[[bytes], object]


@dataclass(slots=True)
class _File:
    """An open file. `beside`: where it goes; None where it is only read."""

    data: bytearray
    beside: Path | None = None
    most: int = 0
    failed: EngineError | None = None
    stored: bool = False


def serve(host: Host, receive: Receive, send: Send) -> None:
    """Answer until the peer hangs up, or says something that is no SFTP."""
    session = _Session(host)
    while (packet := _packet(receive)) is not None:
        try:
            request = sftp_words.parse(packet)
        except ValueError:
            return
        send(session.answer(request))


def _packet(receive: Receive) -> bytes | None:
    head = _exactly(receive, 4)
    if head is None:
        return None
    (length,) = struct.unpack(">I", head)
    return _exactly(receive, length) if 0 < length <= sftp_words.MAX_PACKET else None


def _exactly(receive: Receive, size: int) -> bytes | None:
    pieces = []
    while size:
        piece = receive(size)
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


@dataclass(slots=True)
class _Session:
    host: Host
    files: dict[bytes, _File] = field(default_factory=dict)
    opened: int = 0

    def answer(self, request: sftp_words.Request) -> bytes:
        if isinstance(request, sftp_words.Init):
            return sftp_words.version()
        try:
            return self._answer(request)
        except EngineError as error:
            code = sftp_words.FAILURE
            if error.code == "no-file":
                code = sftp_words.NO_SUCH_FILE
            elif error.code in ("not-allowed", "not-permitted"):
                code = sftp_words.PERMISSION_DENIED
            return sftp_words.status(request.number, code, orders.encode_error(error))

    def _answer(self, request: sftp_words.Request) -> bytes:
        match request:
            case sftp_words.Open(number, path, flags):
                return sftp_words.handle(number, self._open(path, flags))
            case sftp_words.Read(number, handle, offset, length):
                return _piece(number, self._file(handle).data, offset, length)
            case sftp_words.Write(number, handle, offset, data):
                self._write(self._file(handle), offset, data)
                return sftp_words.status(number, sftp_words.OK)
            case sftp_words.StatOpen(number, handle):
                return sftp_words.attributes(number, self._store(self._file(handle)))
            case sftp_words.Stat(number, path):
                return sftp_words.attributes(number, len(self._read(path)))
            case sftp_words.Close(number, handle):
                self.files.pop(handle, None)
                return sftp_words.status(number, sftp_words.OK)
            case sftp_words.Other(number):
                return sftp_words.status(number, sftp_words.UNSUPPORTED, "not offered here")
        raise EngineError("not-allowed", "a second greeting")

    def _open(self, path: str, flags: int) -> bytes:
        if len(self.files) >= MAX_OPEN:
            raise EngineError("not-allowed", "too many files are open")
        if flags & sftp_words.WRITE:
            beside = self.host.beside(_name(path))
            most = files.MAX_BYTES if beside.name == LVS_CF else MAX_FILE
            opened = _File(bytearray(), beside, most)
        else:
            opened = _File(bytearray(self._read(path)))
        self.opened += 1
        handle = str(self.opened).encode()
        self.files[handle] = opened
        return handle

    def _read(self, path: str) -> bytes:
        if path in (LVS_CF, f"/{LVS_CF}"):
            return self.host.fetch()
        return files.read_whole(self.host.beside(_name(path)))

    def _file(self, handle: bytes) -> _File:
        found = self.files.get(handle)
        if found is None:
            raise EngineError("not-allowed", "no such file is open")
        return found

    def _write(self, file: _File, offset: int, data: bytes) -> None:
        file.failed = file.failed or _refusal(file, offset, len(data))
        if file.failed is not None:
            raise file.failed
        file.data += data

    def _store(self, file: _File) -> int:
        """Put a written file on the disk."""
        if file.failed is not None:
            raise file.failed
        if file.beside is not None and not file.stored:
            with files.locked(file.beside.parent):
                files.replace(file.beside, bytes(file.data), like=file.beside)
            file.stored = True
        return len(file.data)


def _refusal(file: _File, offset: int, size: int) -> EngineError | None:
    if file.beside is None or offset != len(file.data) or file.stored:
        return EngineError("not-allowed", "files are written from front to back, once")
    if offset + size > file.most:
        return EngineError("too-large", f"{file.beside.name} is larger than {file.most} bytes")
    return None


def _name(path: str) -> str:
    if not path.startswith(INCOMING):
        raise EngineError("not-allowed", f"there is no file {path!r} for this key")
    return path.removeprefix(INCOMING)


def _piece(number: int, data: bytearray, offset: int, length: int) -> bytes:
    piece = bytes(data[offset : offset + min(length, MAX_PIECE)])
    if not piece:
        return sftp_words.status(number, sftp_words.EOF)
    return sftp_words.data(number, piece)
