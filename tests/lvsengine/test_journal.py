from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lvsengine import journal

JOURNAL = {"JOURNAL_STREAM": "8:1234"}


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    handlers = list(logging.getLogger().handlers)
    levels = {name: logging.getLogger(name).level for name in journal.IDENTS}
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def log_to(environ: dict[str, str], *, verbose: bool = False) -> io.StringIO:
    stream = io.StringIO()
    journal.set_up(verbose=verbose, environ=environ, stream=stream)
    return stream


def test_on_a_terminal_a_line_has_the_time_the_ident_and_the_text() -> None:
    stream = log_to({})
    logging.getLogger("nanny").info("making %s available", "10.0.0.1:80")
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d nanny: making 10\.0\.0\.1:80 available\n", stream.getvalue()
    )


@pytest.mark.parametrize(
    ("level", "number"),
    [
        (logging.DEBUG, 7),
        (logging.INFO, 6),
        (logging.WARNING, 4),
        (logging.ERROR, 3),
        (logging.CRITICAL, 2),
        (logging.CRITICAL + 5, 2),
    ],
)
def test_under_systemd_a_line_begins_with_its_priority(level: int, number: int) -> None:
    stream = log_to(JOURNAL, verbose=True)
    logging.getLogger("lvs").log(level, "hello")
    assert stream.getvalue() == f"<{number}>lvs: hello\n"


def test_details_are_told_only_when_asked_for() -> None:
    quiet = log_to(JOURNAL)
    logging.getLogger("pulse").debug("detail")
    assert quiet.getvalue() == ""
    verbose = log_to(JOURNAL, verbose=True)
    logging.getLogger("pulse").debug("detail")
    assert verbose.getvalue() == "<7>pulse: detail\n"


def test_others_are_heard_only_with_warnings_even_when_verbose() -> None:
    stream = log_to(JOURNAL, verbose=True)
    logging.getLogger("asyncio").info("Using selector")
    logging.getLogger("asyncio").warning("slow callback")
    assert stream.getvalue() == "<4>asyncio: slow callback\n"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a\n<2>pulse: forged", r"a\n<2>pulse: forged"),
        ("bell\x07 escape\x1b[31m", r"bell\x07 escape\x1b[31m"),
        ("line\u2028mark\u202e", r"line\u2028mark\u202e"),
        ("lone \udcff", r"lone \udcff"),
        ("Größe 東京", "Größe 東京"),
    ],
)
def test_what_a_real_server_sent_cannot_forge_a_line(sent: str, shown: str) -> None:
    stream = log_to(JOURNAL)
    logging.getLogger("nanny").info("received %s", sent)
    assert stream.getvalue() == f"<6>nanny: received {shown}\n"


def test_every_line_of_a_traceback_has_the_same_beginning() -> None:
    stream = log_to(JOURNAL)
    error = ValueError("first\n<2>pulse: forged")
    logging.getLogger("pulse").error("it broke", exc_info=error)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "<3>pulse: it broke"
    assert lines[-2] == "<3>pulse: | ValueError: first"
    assert lines[-1] == "<3>pulse: | <2>pulse: forged"


def test_a_second_set_up_takes_the_place_of_the_first_and_leaves_those_of_others() -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    first, second = log_to(JOURNAL), log_to(JOURNAL)
    logging.getLogger("pulse").info("once")
    assert (first.getvalue(), second.getvalue()) == ("", "<6>pulse: once\n")
    assert other in logging.getLogger().handlers


def test_a_stream_that_was_sent_elsewhere_is_not_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        status = os.fstat(stream.fileno())
        same = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert journal.is_journal(same, stream)
        assert not journal.is_journal(JOURNAL, stream)
        assert not journal.is_journal({}, stream)
