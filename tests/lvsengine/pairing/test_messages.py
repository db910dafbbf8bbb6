from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.errors import EngineError
from lvsengine.pairing import messages, public_keys
from lvsengine.pairing.messages import Breach, Frame, Gift, Identity, Kind, Reason
from tests.lvsengine.pairing.directors import public_line

HOST, SYNC = public_keys.parse(public_line(1)), public_keys.parse(public_line(2))
RSA = public_keys.parse("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAACQAACQ==")
IDENTITY = Identity("dir-a", (RSA, HOST), SYNC)
GIFT = Gift(IDENTITY, "1 abcd\n", b"serial_no = 1\n\xff", ("0123456789ab",))


@given(kind=st.sampled_from(Kind), body=st.binary(max_size=200))
def test_a_frame_says_its_kind_and_length(kind: Kind, body: bytes) -> None:
    data = messages.encode(Frame(kind, body))
    assert messages.read_header(data[: messages.HEADER_SIZE]) == (kind, len(body))
    assert data[messages.HEADER_SIZE :] == body


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"GET /", Reason.GARBAGE),
        (b"\0\0\0\0\0", Reason.GARBAGE),
        (b"\x01\0\x01\0\x01", Reason.TOO_LONG),
        (b"\x03\xff\xff\xff\xff", Reason.TOO_LONG),
    ],
)
def test_what_is_no_header_is_refused(header: bytes, reason: Reason) -> None:
    with pytest.raises(Breach) as caught:
        messages.read_header(header)
    assert caught.value.reason is reason


def test_the_longest_message_has_64_kib() -> None:
    assert messages.read_header(b"\x03\0\x01\0\0") == (Kind.SEALED, 65536)


def test_what_is_told_is_read_as_it_was() -> None:
    assert messages.read_identity(messages.write_identity(IDENTITY)) == IDENTITY
    assert messages.read_gift(messages.write_gift(GIFT)) == GIFT


def test_no_text_of_a_gift_shows_the_key() -> None:
    assert "abcd" not in repr(GIFT)


def head(**changes: object) -> bytes:
    plain = json.loads(messages.write_gift(GIFT).partition(b"\n")[0])
    return json.dumps(plain | changes).encode() + b"\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "its head is too long"),
        (b"{" * 70_000 + b"\n", "its head is too long"),
        (b"[" * 60_000 + b"\n", "its head is no JSON"),
        (b"\xff\n", "its head is no JSON"),
        (b"[]\n", "its head is no object"),
        (head(name=1), "name is missing or too long"),
        (head(name="n" * 1001), "name is missing or too long"),
        (head(host_keys=None), "host_keys is missing or too long"),
        (head(host_keys=[str(HOST)] * 17), "host_keys is missing or too long"),
        (head(host_keys=[1]), "host_keys is no list of texts"),
        (head(host_keys=[]), "it has no host key"),
        (head(host_keys=["ssh-dss AAAA"]), "a public key is of none of the kinds"),
        (head(sync_key=str(RSA)), "its sync key is not of the kind ssh-ed25519"),
        (head(heartbeat_key="a" * 4097), "heartbeat_key is missing or too long"),
        (head(earlier=["a"] * 101), "earlier is missing or too long"),
    ],
)
def test_an_offer_that_cannot_be_used_says_why(data: bytes, why: str) -> None:
    with pytest.raises(EngineError) as caught:
        messages.read_gift(data)
    assert why in caught.value.sentence


def test_the_backup_may_tell_nothing_more() -> None:
    with pytest.raises(EngineError, match="bytes follow that nobody asked for"):
        messages.read_identity(messages.write_identity(IDENTITY) + b"x")


@given(data=st.binary(max_size=300))
def test_whatever_bytes_come_there_is_an_offer_or_a_sentence(data: bytes) -> None:
    for read in (messages.read_identity, messages.read_gift):
        with pytest.raises(EngineError):
            read(data)


def test_a_name_moves_no_cursor() -> None:
    one = Identity("a\x1b[2J\nb", (HOST,), SYNC)
    assert messages.read_identity(messages.write_identity(one)).name == "a?[2J?b"
