from __future__ import annotations

from ipaddress import ip_address

import pytest

from lvsengine.nanny import wording
from lvsengine.nanny.check import Definition

ONE = Definition("tcp_connect", ip_address("10.0.0.1"), 80, timeout_s=6.0)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"HTTP/1.0 200 OK\r\n", r"HTTP/1.0 200 OK\r\n"),
        (b"\x1b[31m\x00", r"\x1b[31m\x00"),
        ("grün".encode(), "grün"),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"x" * 300, "x" * 256 + "..."),
    ],
)
def test_bytes_are_shown_printable_and_bounded(data: bytes, shown: str) -> None:
    assert wording.printable(data) == shown


def test_a_quotation_in_a_sentence_is_short() -> None:
    assert wording.quoted(b"y" * 61) == "'" + "y" * 60 + "...'"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TimeoutError(110, "Connection timed out"), "no answer on 10.0.0.1:80 within 6 s"),
        (ConnectionRefusedError(111, "refused"), "connection refused by 10.0.0.1:80"),
        (OSError(113, "No route to host"), "no connection to 10.0.0.1:80: No route to host"),
        (OSError("odd"), "no connection to 10.0.0.1:80: odd"),
    ],
)
def test_a_failed_connection_is_a_sentence(error: OSError, sentence: str) -> None:
    assert wording.failed(ONE, error) == sentence


def test_an_exception_in_a_check_is_a_bounded_sentence() -> None:
    broken = wording.broke(ONE, ValueError("a\nb" + "c" * 400))
    assert broken.startswith(r"the check of 10.0.0.1:80 broke: ValueError: a\nbccc")
    assert len(broken) < 350


def test_the_log_lines_keep_the_wording_that_operators_search_for() -> None:
    assert wording.making_available(ONE.address, 80) == "[ active ] making 10.0.0.1:80 available"
    assert (
        wording.shutting_down(ip_address("2001:db8::1"), 80)
        == "[inactive] shutting down [2001:db8::1]:80 due to connection failure"
    )


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"", "''"),
        (b"220 ready\r\n", "'220 ready'"),
        (b"HTTP/1.0 200 OK\r\nServer: x\r\n", "'HTTP/1.0 200 OK...'"),
        (b"x" * 80 + b"\nmore", f"'{'x' * 60}...'"),
    ],
)
def test_a_headline_is_the_first_line_and_says_when_there_is_more(data: bytes, shown: str) -> None:
    assert wording.headline(data) == shown
