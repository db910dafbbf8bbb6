"""Log lines that stay lines: what a client sends cannot begin one of its own."""

from __future__ import annotations

import logging
import re

# And what turns the direction of a line, and what no file or database takes.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    """Escape what a log line, a terminal or a table would not show as what it is."""
    return CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


class OneLine(logging.Formatter):
    """Escapes control characters in the message; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = escaped(record.message)
        return super().formatMessage(record)
