"""Where log lines go and how they look: one line each, for a terminal or for the journal.

    terminal   14:02:11 nanny: [ active ] making 10.0.0.1:80 available
    journal    <6>nanny: [ active ] making 10.0.0.1:80 available

Loggers are named by the words that operators of the original grep for (`IDENTS`). What a real
server or a peer sent cannot forge a line: whatever is not printable is escaped.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TextIO

from lvsengine.printing import printable

IDENTS = ("pulse", "lvs", "nanny")
# sd-daemon(3): the same numbers as syslog's.
PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that a second set-up replaces it and leaves those of others."""


class LineFormatter(logging.Formatter):
    """Write a record as one line, and each line of its traceback with the same beginning."""

    def __init__(self, *, for_journal: bool) -> None:
        super().__init__(datefmt="%H:%M:%S")
        self._for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        start = self._start(record)
        lines = [start + printable(record.getMessage())]
        if record.exc_info:
            traceback = self.formatException(record.exc_info).splitlines()
            # The bar keeps a forged line inside an exception from looking like ours.
            lines += (f"{start}| {printable(line)}" for line in traceback)
        return "\n".join(lines)

    def _start(self, record: logging.LogRecord) -> str:
        if self._for_journal:
            return f"<{priority(record.levelno)}>{record.name}: "
        return f"{self.formatTime(record, self.datefmt)} {record.name}: "


def set_up(*, verbose: bool, environ: Mapping[str, str], stream: TextIO) -> None:
    """Send all log lines to `stream`; of our own those of level INFO up, or all when verbose."""
    handler = _Handler(stream)
    handler.setFormatter(LineFormatter(for_journal=is_journal(environ, stream)))
    root = logging.getLogger()
    for earlier in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    for name in IDENTS:
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else logging.INFO)


def is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Tell whether `stream` is the one that systemd connected to the journal.

    JOURNAL_STREAM is inherited by whatever runs below a unit, so its device and inode count,
    not its presence (systemd.exec(5)). A stream that is no file is believed to be it.
    """
    expected = environ.get("JOURNAL_STREAM")
    if not expected:
        return False
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return True
    return expected == f"{status.st_dev}:{status.st_ino}"


def priority(level: int) -> int:
    """Translate a level of `logging` to syslog's priority, 2 (critical) to 7 (debug)."""
    return next(number for least, number in PRIORITIES if level >= least)
