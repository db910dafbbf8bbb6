from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.sync import sftp_words
from lvsengine.sync.sftp_words import Close, Init, Open, Other, Read, Stat, StatOpen, Write


def text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


@pytest.mark.parametrize(
    ("packet", "request_"),
    [
        (b"\x01" + struct.pack(">I", 3), Init()),
        (b"\x03" + struct.pack(">I", 1) + text(b"/a") + struct.pack(">I", 2), Open(1, "/a", 2)),
        (b"\x04" + struct.pack(">I", 1) + text(b"h"), Close(1, b"h")),
        (
            b"\x05" + struct.pack(">I", 1) + text(b"h") + struct.pack(">QI", 9, 4),
            Read(1, b"h", 9, 4),
        ),
        (
            b"\x06" + struct.pack(">I", 1) + text(b"h") + struct.pack(">Q", 9) + text(b"data"),
            Write(1, b"h", 9, b"data"),
        ),
        (b"\x07" + struct.pack(">I", 1) + text(b"/a"), Stat(1, "/a")),
        (b"\x11" + struct.pack(">I", 1) + text(b"/a"), Stat(1, "/a")),
        (b"\x08" + struct.pack(">I", 1) + text(b"h"), StatOpen(1, b"h")),
        (b"\x12" + struct.pack(">I", 7) + b"whatever", Other(7)),
    ],
)
def test_a_packet_is_read_as_its_request(packet: bytes, request_: object) -> None:
    assert sftp_words.parse(packet) == request_
    for end in range(min(len(packet), 5)):
        with pytest.raises(ValueError, match="ends too early"):
            sftp_words.parse(packet[:end])


@given(st.binary(max_size=60))
def test_garbage_is_a_request_or_a_value_error(packet: bytes) -> None:
    try:
        assert sftp_words.parse(packet) is not None
    except ValueError:
        assert True


def test_answers_say_their_length_kind_and_number() -> None:
    assert sftp_words.version() == struct.pack(">IBI", 5, 2, 3)
    assert sftp_words.handle(4, b"h") == struct.pack(">IBI", 10, 102, 4) + text(b"h")
    assert sftp_words.data(4, b"abc") == struct.pack(">IBI", 12, 103, 4) + text(b"abc")
    assert sftp_words.attributes(4, 9) == struct.pack(">IBIIQ", 17, 105, 4, 1, 9)
    told = sftp_words.status(4, sftp_words.FAILURE, "no")
    assert told == struct.pack(">IBII", 21, 101, 4, 4) + text(b"no") + text(b"en")
