"""A blocking client of the engine's socket, for lvsctl and the web."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair
from pathlib import Path
from typing import TypeVar

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.plain import PlainError, from_plain

DEFAULT_SOCKET = Path("/run/piranha/pulse.sock")
TIMEOUT_S = 2.0
_TIMEVAL = struct.Struct("@ll")
T = TypeVar("T")


def ask(path: Path, request: messages.Request, kind: type[T], timeout_s: float = TIMEOUT_S) -> T:
    """Ask the engine one thing and read the answer as a `kind`.

    Raises:
        EngineError: `not-running` (nobody listens), `no-answer` (not within `timeout_s`
            seconds), `not-permitted`, or the engine's own.
    """
    with _connected(path, timeout_s) as stream:
        stream.write(messages.encode_request(request))
        stream.flush()
        return _read(stream, kind)


def follow(path: Path, request: messages.Events) -> Iterator[messages.Event]:
    """Yield events as they come, for ever where `request.follow` says so."""
    with _connected(path, None if request.follow else TIMEOUT_S) as stream:
        stream.write(messages.encode_request(request))
        stream.flush()
        while line := stream.readline(messages.MAX_LINE):
            yield _decoded(line, messages.Event)


@contextmanager
def _connected(path: Path, timeout_s: float | None) -> Iterator[BufferedRWPair]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            _connect(connection, path)
            connection.settimeout(timeout_s)
            with connection.makefile("rwb") as stream:
                yield stream
        except (FileNotFoundError, ConnectionError, BrokenPipeError) as error:
            raise EngineError(
                "not-running",
                f"pulse is not running: nobody answers at {path}",
                "start it, or name its socket by --socket",
            ) from error
        except PermissionError as error:
            raise EngineError(
                "not-permitted", f"you may not use {path}", "become root or join its group"
            ) from error
        except TimeoutError as error:
            wait = TIMEOUT_S if timeout_s is None else timeout_s
            raise EngineError(
                "no-answer", f"pulse does not answer at {path} within {wait:g} s"
            ) from error


def _connect(connection: socket.socket, path: Path) -> None:
    """Connect, and wait in the kernel's queue where others do: Python's own wait would not."""
    wait = _TIMEVAL.pack(int(TIMEOUT_S), int(TIMEOUT_S % 1 * 1e6))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
    try:
        connection.connect(str(path))
    except BlockingIOError:
        raise TimeoutError from None


def _read(stream: BufferedRWPair, kind: type[T]) -> T:
    line = stream.readline(messages.MAX_LINE * 4)
    if not line.endswith(b"\n"):
        raise EngineError("no-answer", "pulse hung up before its answer was whole")
    return _decoded(line, kind)


def _decoded(line: bytes, kind: type[T]) -> T:
    try:
        return from_plain(kind, messages.decode_answer(line), "answer")
    except PlainError as error:
        raise EngineError("bad-answer", f"pulse's answer is not understood: {error}") from error
