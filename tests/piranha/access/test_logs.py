from __future__ import annotations

import logging

import pytest

from piranha.access.logs import OneLine


@pytest.mark.parametrize(
    "sent", ["\n", "\r\n", "\x1b[2J", "\x00", "\u2028", "\x85", "\u202e", "\ud800"]
)
def test_what_a_client_sends_cannot_begin_a_line_of_its_own(sent: str) -> None:
    record = logging.LogRecord(
        "web", logging.INFO, "", 0, "GET %s", (f"/a{sent}INFO x: forged",), None
    )
    line = OneLine("%(levelname)s %(message)s").format(record)
    assert sent not in line
    assert "forged" in line


def test_a_traceback_keeps_its_lines() -> None:
    with pytest.raises(ValueError, match="no") as raised:
        int("no")
    error = raised.value
    found = (type(error), error, error.__traceback__)
    record = logging.LogRecord("web", logging.ERROR, "", 0, "broken", (), found)
    assert len(OneLine("%(message)s").format(record).splitlines()) > 2
