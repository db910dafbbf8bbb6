from __future__ import annotations

import struct
from pathlib import Path

import pytest

from lvsengine.sync import serving
from tests.lvsengine.sync.peers import Side, text

WRITE, READ = 2 | 8 | 16, 1


def field(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def opened(number: int, path: str, flags: int) -> bytes:
    body = struct.pack(">I", number) + field(path.encode()) + struct.pack(">II", flags, 0)
    return packet(3, body)


def on(kind: int, number: int, handle: bytes, rest: bytes = b"") -> bytes:
    return packet(kind, struct.pack(">I", number) + field(handle) + rest)


@pytest.fixture
def side(tmp_path: Path) -> Side:
    side = Side(tmp_path, "192.0.2.12")
    side.write(text(1))
    return side


def said(side: Side, *packets: bytes) -> list[bytes]:
    """Serve these packets; give each answer without its length."""
    waiting, answers = [b"".join(packets)], []

    def receive(most: int) -> bytes:
        piece, waiting[0] = waiting[0][:most], waiting[0][most:]
        return piece

    serving.serve(side.host, receive, lambda data: answers.append(data[4:]))
    return answers


def code(answer: bytes) -> int:
    assert answer[0] == 101
    return int(struct.unpack(">I", answer[5:9])[0])


def test_lvs_cf_is_read_in_pieces_and_ends(side: Side) -> None:
    size = len(text(1))
    hello, handle, piece, end, closed = said(
        side,
        packet(1, struct.pack(">I", 3)),
        opened(1, "/lvs.cf", READ),
        on(5, 2, b"1", struct.pack(">QI", 7, 4)),
        on(5, 3, b"1", struct.pack(">QI", size, 4)),
        on(4, 4, b"1"),
    )
    assert (hello[0], handle[0], piece[9:]) == (2, 102, text(1).encode()[7:11])
    assert (code(end), code(closed)) == (1, 0)


def test_a_file_is_on_the_disk_once_its_size_was_asked_and_not_before(side: Side) -> None:
    beside = side.folder / "incoming" / "lvs.cf"
    write = on(6, 2, b"1", struct.pack(">Q", 0) + field(b"abc"))
    said(side, opened(1, "/incoming/lvs.cf", WRITE), write, on(4, 3, b"1"))
    assert not beside.exists()
    answers = said(side, opened(1, "/incoming/lvs.cf", WRITE), write, on(8, 3, b"1"))
    assert beside.read_bytes() == b"abc"
    assert answers[-1] == struct.pack(">BIIQ", 105, 3, 1, 3)
    (stat,) = said(side, packet(17, struct.pack(">I", 9) + field(b"/incoming/lvs.cf")))
    assert stat == struct.pack(">BIIQ", 105, 9, 1, 3)


def test_half_a_file_is_never_put_on_the_disk(side: Side) -> None:
    write = on(6, 2, b"1", struct.pack(">Q", 0) + field(b"abc"))
    later = on(6, 3, b"1", struct.pack(">Q", 7) + field(b"abc"))
    answers = said(side, opened(1, "/incoming/lvs.cf", WRITE), write, later, on(8, 4, b"1"))
    assert [code(answer) for answer in answers[1:]] == [0, 3, 3]
    assert not (side.folder / "incoming" / "lvs.cf").exists()


def test_too_large_a_file_is_refused_before_it_fills_the_memory(side: Side) -> None:
    piece = field(b"x" * 200_000)
    writes = [on(6, 2, b"1", struct.pack(">Q", index * 200_000) + piece) for index in range(6)]
    answers = said(side, opened(1, "/incoming/etc:sysctl.conf", WRITE), *writes)
    assert [code(answer) for answer in answers[1:]] == [0] * 5 + [4]
    assert b"too-large" in answers[-1]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/incoming/../id_ed25519",
        "/incoming/",
        "/incoming/ready",
        "/incoming//etc/passwd",
        "/incoming/.lvs.cf.new",
        "",
        "lvs.cf/../x",
        "\x00",
    ],
)
def test_no_other_file_is_opened_read_or_described(side: Side, path: str) -> None:
    stat = packet(17, struct.pack(">I", 1) + field(path.encode()))
    for answer in said(side, opened(1, path, READ), opened(1, path, WRITE), stat):
        assert code(answer) == 3


def test_lvs_cf_itself_is_not_written(side: Side) -> None:
    (answer,) = said(side, opened(1, "/lvs.cf", WRITE))
    assert code(answer) == 3


def test_what_was_opened_for_reading_is_not_written(side: Side) -> None:
    write = on(6, 2, b"1", struct.pack(">Q", 0) + field(b"abc"))
    assert code(said(side, opened(1, "/lvs.cf", READ), write)[1]) == 3


def test_few_files_are_open_at_once(side: Side) -> None:
    answers = said(side, *(opened(number, "/lvs.cf", READ) for number in range(6)))
    assert [answer[0] for answer in answers] == [102] * 4 + [101] * 2


def test_a_missing_file_a_strange_handle_and_other_wishes_have_their_answers(side: Side) -> None:
    side.config.unlink()
    missing, strange, rename = said(
        side,
        opened(1, "/lvs.cf", READ),
        on(5, 2, b"7", struct.pack(">QI", 0, 4)),
        packet(18, struct.pack(">I", 3) + field(b"/a") + field(b"/b")),
    )
    assert (code(missing), code(strange), code(rename)) == (2, 3, 8)


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\0\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x05\x03", packet(3, b"\0\0\0\1")],
)
def test_what_is_no_sftp_ends_the_conversation(side: Side, garbage: bytes) -> None:
    assert said(side, garbage) == []
