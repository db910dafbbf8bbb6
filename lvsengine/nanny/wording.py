"""The sentences of the checks and of their log lines, bounded and fit to be printed."""

from __future__ import annotations

from lvsengine.nanny.check import Definition
from lvsengine.net import Address, endpoint

SHOWN_BYTES = 256  # of what went over the wire, in a transcript
QUOTED_BYTES = 60  # of it, in a sentence


def printable(data: bytes, limit: int = SHOWN_BYTES) -> str:
    r"""Show bytes as text: control characters escaped (`\r\n`), cut after `limit` bytes."""
    text = data[:limit].decode("utf-8", "backslashreplace")
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
    return f"{shown}..." if len(data) > limit else shown


def quoted(data: bytes) -> str:
    return f"'{printable(data, QUOTED_BYTES)}'"


def headline(data: bytes) -> str:
    """Quote the first line only, for what is as expected; the transcript has the rest."""
    first, *more = data.splitlines() or [b""]
    shown = printable(first, QUOTED_BYTES)
    return f"'{shown}...'" if more and not shown.endswith("...") else f"'{shown}'"


def place(definition: Definition) -> str:
    return endpoint(definition.address, definition.port)


def no_answer(definition: Definition) -> str:
    return f"no answer on {place(definition)} within {definition.timeout_s:g} s"


def refused(definition: Definition) -> str:
    return f"connection refused by {place(definition)}"


def failed(definition: Definition, error: OSError) -> str:
    """Say what the system said of a connection, such as `No route to host`."""
    if isinstance(error, ConnectionRefusedError):
        return refused(definition)
    if isinstance(error, TimeoutError):
        return no_answer(definition)
    return f"no connection to {place(definition)}: {error.strerror or error}"


def endless_search(wanted: object) -> str:
    return f"looking for {wanted} in it took too long and was broken off"


def broke(definition: Definition, error: Exception) -> str:
    what = printable(f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace"))
    return f"the check of {place(definition)} broke: {what}"


def making_available(address: Address, port: int) -> str:
    """The log line of an admission, in the original's wording."""
    return f"[ active ] making {endpoint(address, port)} available"


def shutting_down(address: Address, port: int) -> str:
    """The log line of a removal, in the original's wording."""
    return f"[inactive] shutting down {endpoint(address, port)} due to connection failure"
