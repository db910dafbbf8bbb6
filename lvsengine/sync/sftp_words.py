"""The part of SFTP version 3 that copying needs: packets <-> values, by `struct`.

Source: draft-ietf-secsh-filexfer-02, which OpenSSH and paramiko speak. Whatever else a client
asks is `Other` and gets SSH_FX_OP_UNSUPPORTED.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

VERSION = 3
MAX_PACKET = 256 * 1024  # bytes; as sftp-server
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8
READ, WRITE = 1, 2  # of an open's flags
_VERSION, _STATUS, _HANDLE, _DATA, _ATTRS = 2, 101, 102, 103, 105
_HAS_SIZE = 1


@dataclass(frozen=True, slots=True)
class Init:
    pass


@dataclass(frozen=True, slots=True)
class Open:
    number: int
    path: str
    flags: int


@dataclass(frozen=True, slots=True)
class Close:
    number: int
    handle: bytes


@dataclass(frozen=True, slots=True)
class Read:
    number: int
    handle: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Write:
    number: int
    handle: bytes
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Stat:
    """Of a path."""

    number: int
    path: str


@dataclass(frozen=True, slots=True)
class StatOpen:
    """Of an open file."""

    number: int
    handle: bytes


@dataclass(frozen=True, slots=True)
class Other:
    number: int


Request = Init | Open | Close | Read | Write | Stat | StatOpen | Other


class _Reader:
    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        self._at = 0

    def number(self, form: str) -> int:
        size = struct.calcsize(form)
        (number,) = struct.unpack(form, self._take(size))
        return int(number)

    def text(self) -> bytes:
        return self._take(self.number(">I"))

    def _take(self, size: int) -> bytes:
        piece = self._packet[self._at : self._at + size]
        if len(piece) != size:
            raise ValueError("the packet ends too early")
        self._at += size
        return piece


def parse(packet: bytes) -> Request:
    """Read a packet, without its length.

    Raises:
        ValueError: It is none.
    """
    reader = _Reader(packet)
    kind = reader.number(">B")
    number = reader.number(">I")
    match kind:
        case 1:
            return Init()
        case 3:
            return Open(number, _path(reader), reader.number(">I"))
        case 4:
            return Close(number, reader.text())
        case 5:
            return Read(number, reader.text(), reader.number(">Q"), reader.number(">I"))
        case 6:
            return Write(number, reader.text(), reader.number(">Q"), reader.text())
        case 7 | 17:
            return Stat(number, _path(reader))
        case 8:
            return StatOpen(number, reader.text())
    return Other(number)


def _path(reader: _Reader) -> str:
    return reader.text().decode("utf-8", "replace")


def version() -> bytes:
    return _packet(_VERSION, struct.pack(">I", VERSION))


def status(number: int, code: int, message: str = "") -> bytes:
    told = _text(message.encode()) + _text(b"en")
    return _packet(_STATUS, struct.pack(">II", number, code) + told)


def handle(number: int, name: bytes) -> bytes:
    return _packet(_HANDLE, struct.pack(">I", number) + _text(name))


def data(number: int, piece: bytes) -> bytes:
    return _packet(_DATA, struct.pack(">I", number) + _text(piece))


def attributes(number: int, size: int) -> bytes:
    return _packet(_ATTRS, struct.pack(">IIQ", number, _HAS_SIZE, size))


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body
