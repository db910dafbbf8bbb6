from __future__ import annotations

import hmac
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lvsengine.heartbeat import packet
from lvsengine.heartbeat.packet import (
    LONGEST,
    MAC_SIZE,
    SHORTEST,
    Echo,
    Flaw,
    FlawError,
    Key,
    Original,
    Packet,
    Sender,
)
from lvsengine.heartbeat.words import Handover, Stance, Step, Word

KEY = Key(7, bytes(range(32)))
KEYS = {7: KEY}
PLAIN = Packet(Sender.PRIMARY, 0x1122334455667788, 5, Word(Stance.ACTIVE, ready=True))
FULL = Packet(
    Sender.BACKUP,
    1,
    2**64 - 1,
    Word(
        Stance.STANDBY,
        link_failed=True,
        handover=Handover(0xABCDEF, Step.ASK, force=True),
        reasons="Tabelle verschieden: größer",
        revision="0123456789ab",
        connections=2**40,
    ),
    (Echo(9, 10), Echo(11, 12, believed=False)),
)
PLAIN_HEX = (
    "504c5653" "003c" "01" "01" "0007" "1122334455667788" "0000000000000005" "01" "01"
    "cc33ab4546cb748e24056fe6dfa201616791372b214213bc75c1beef1d55a283"
)  # fmt: skip


def flaw_of(data: bytes) -> Flaw:
    with pytest.raises(FlawError) as caught:
        packet.unseal(KEYS, data)
    return caught.value.flaw


def signed(body: bytes) -> bytes:
    """A packet that only somebody with the key could have made."""
    body = body[:4] + (len(body) + MAC_SIZE).to_bytes(2, "big") + body[6:]
    return body + hmac.digest(KEY.secret, body, "sha256")


# --- the original's -----------------------------------------------------------------------------


def test_the_original_form_is_what_was_seen_on_the_wire() -> None:
    """As x86 sends it; a host of the other byte order turns it round."""
    turn = 1 if sys.byteorder == "little" else -1
    assert packet.original(Stance.STANDBY)[::turn].hex(" ") == "bd da bd ad"
    assert packet.original(Stance.ACTIVE)[::turn].hex(" ") == "da db ad bd"


@pytest.mark.parametrize("stance", [stance for stance in Stance if stance is not Stance.ACTIVE])
def test_in_the_original_form_whatever_is_not_active_is_stopped(stance: Stance) -> None:
    assert packet.read_original(packet.original(stance)) is Original.STANDBY


@pytest.mark.parametrize("value", list(Original))
def test_every_value_of_the_original_is_known_by_name(value: Original) -> None:
    data = value.value.to_bytes(4, sys.byteorder)
    assert packet.read_original(data) is value


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (b"", Flaw.BAD_LENGTH),
        (b"\xbd\xda\xbd", Flaw.BAD_LENGTH),
        (b"\xbd\xda\xbd\xad\x00", Flaw.BAD_LENGTH),
        (b"\x00\x00\x00\x00", Flaw.UNKNOWN),
        (b"\xad\xbd\xda\xbd" if sys.byteorder == "little" else b"\xbd\xda\xbd\xad", Flaw.UNKNOWN),
    ],
)
def test_anything_else_is_no_heartbeat_of_the_original(data: bytes, flaw: Flaw) -> None:
    with pytest.raises(FlawError) as caught:
        packet.read_original(data)
    assert caught.value.flaw is flaw


# --- ours ---------------------------------------------------------------------------------------


def test_the_authenticated_form_keeps_its_bytes() -> None:
    """The MAC was computed by `openssl dgst -sha256 -mac HMAC`."""
    assert packet.seal(KEY, PLAIN).hex() == PLAIN_HEX
    assert packet.unseal(KEYS, bytes.fromhex(PLAIN_HEX)) == PLAIN


def test_every_field_has_its_number() -> None:
    body = packet.seal(KEY, FULL)[:-MAC_SIZE]
    assert body[28:].hex(" ") == (
        "01 11 00 00 00 00 00 00 00 09 00 00 00 00 00 00 00 0a 01"
        " 01 11 00 00 00 00 00 00 00 0b 00 00 00 00 00 00 00 0c 00"
        " 02 0a 00 00 00 00 00 ab cd ef 01 01"
        " 05 08 00 00 01 00 00 00 00 00"
        " 03 0c "
        + b"0123456789ab".hex(" ")
        + " 04 1d "
        + "Tabelle verschieden: größer".encode().hex(" ")
    )


words = st.builds(
    Word,
    st.sampled_from(Stance),
    st.booleans(),
    st.booleans(),
    st.none()
    | st.builds(Handover, st.integers(0, 2**64 - 1), st.sampled_from(Step), st.booleans()),
    st.text(max_size=300),
    st.text(max_size=100),
    st.none() | st.integers(0, 2**64 - 1),
)
u64 = st.integers(0, 2**64 - 1)
packets = st.builds(
    Packet,
    st.sampled_from(Sender),
    u64,
    u64,
    words,
    st.lists(st.builds(Echo, u64, u64, st.booleans()), max_size=9).map(tuple),
)


@given(packets)
def test_what_is_sealed_can_be_read_and_texts_are_cut_to_what_fits(sent: Packet) -> None:
    sealed = packet.seal(KEY, sent)
    assert SHORTEST <= len(sealed) <= LONGEST
    read = packet.unseal(KEYS, sealed)
    assert (read.sender, read.boot, read.counter) == (sent.sender, sent.boot, sent.counter)
    assert read.echoes == sent.echoes[:5]
    assert (read.word.stance, read.word.handover) == (sent.word.stance, sent.word.handover)
    assert read.word.ready == sent.word.ready
    assert read.word.link_failed == sent.word.link_failed
    assert read.word.connections == sent.word.connections
    for got, said in [
        (read.word.reasons, sent.word.reasons),
        (read.word.revision, sent.word.revision),
    ]:
        assert said.encode("utf-8", "replace").decode().startswith(got)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_bit_anywhere_makes_it_a_forgery_or_worse(at: int, change: int) -> None:
    sealed = bytearray(packet.seal(KEY, FULL))
    sealed[at % len(sealed)] ^= change
    assert flaw_of(bytes(sealed)) in (Flaw.FORGED, Flaw.TRUNCATED, Flaw.BAD_LENGTH)


@given(st.binary(max_size=700))
@example(b"PLVS" + SHORTEST.to_bytes(2, "big") + bytes(SHORTEST - 6))
def test_no_bytes_without_the_key_are_a_packet(data: bytes) -> None:
    assert flaw_of(data) is not Flaw.UNKNOWN


@given(st.binary(max_size=100))
def test_whoever_has_the_key_cannot_break_it_either(fields: bytes) -> None:
    head = packet.seal(KEY, PLAIN)[:28]
    outcome: Packet | Flaw
    try:
        outcome = packet.unseal(KEYS, signed(head + fields))
    except FlawError as error:
        outcome = error.flaw
    assert outcome is Flaw.UNKNOWN or isinstance(outcome, Packet)


@pytest.mark.parametrize("length", [4, 5, 6, 30, 59, 61, 100])
def test_a_packet_that_was_cut_short_is_truncated(length: int) -> None:
    assert flaw_of(packet.seal(KEY, FULL)[:length]) is Flaw.TRUNCATED


def test_what_is_too_long_is_refused_unread() -> None:
    assert flaw_of(packet.seal(KEY, FULL) + b"\x00") is Flaw.BAD_LENGTH
    assert flaw_of(b"PLVS" + bytes(LONGEST)) is Flaw.BAD_LENGTH


def test_the_old_form_has_a_name_of_its_own_but_other_short_things_are_forged() -> None:
    assert flaw_of(packet.original(Stance.ACTIVE)) is Flaw.OLD_FORM
    assert flaw_of(b"\x00\x00\x00\x00") is Flaw.FORGED


def test_another_key_under_the_same_number_and_an_unknown_number_are_forged() -> None:
    for key in (Key(7, b"other" * 7), Key(8, KEY.secret)):
        assert flaw_of(packet.seal(key, PLAIN)) is Flaw.FORGED


def test_fields_of_a_later_version_are_passed_over() -> None:
    body = packet.seal(KEY, FULL)[:-MAC_SIZE] + b"\xc8\x03new"
    assert packet.unseal(KEYS, signed(body)) == packet.unseal(KEYS, packet.seal(KEY, FULL))


@pytest.mark.parametrize(
    ("at", "value"), [(6, 2), (7, 9), (26, 77)], ids=["version", "sender", "stance"]
)
def test_what_this_version_does_not_understand_is_unknown(at: int, value: int) -> None:
    body = bytearray(packet.seal(KEY, PLAIN)[:-MAC_SIZE])
    body[at] = value
    assert flaw_of(signed(bytes(body))) is Flaw.UNKNOWN


@pytest.mark.parametrize("field", [b"\x01\x02ab", b"\x02\x0a" + bytes(10), b"\x03\xff", b"\x03"])
def test_a_field_that_is_not_whole_is_unknown(field: bytes) -> None:
    assert flaw_of(signed(packet.seal(KEY, PLAIN)[:-MAC_SIZE] + field)) is Flaw.UNKNOWN


def test_a_key_never_shows_its_secret() -> None:
    assert repr(KEY) == str(KEY) == "Key(7)"
    assert str(FlawError(Flaw.FORGED)) == "forged"
