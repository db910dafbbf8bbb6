from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lvsengine.pairing import sealing
from lvsengine.pairing.sealing import Keys, Side

A, B = b"a" * 32, b"b" * 32


def agreed(private: bytes, other: bytes, secret: bytes = b"code", said: bytes = b"said") -> Keys:
    keys = sealing.agree(private, sealing.public_of(other), secret, said)
    assert keys is not None
    return keys


def test_both_ends_compute_the_same_keys() -> None:
    assert agreed(A, B) == agreed(B, A)


def test_another_code_transcript_or_key_gives_other_keys_throughout() -> None:
    several = [
        agreed(A, B),
        agreed(A, B, secret=b"c0de"),
        agreed(A, B, said=b"unsaid"),
        agreed(A, b"c" * 32),
    ]
    every = [
        key for one in several for table in (one.proving, one.sealing) for key in table.values()
    ]
    assert len(set(every)) == len(every) == 16


def test_a_point_of_small_order_is_no_partner() -> None:
    assert sealing.agree(A, bytes(32), b"code", b"said") is None


def test_a_proof_is_of_one_side() -> None:
    keys = agreed(A, B)
    proof = sealing.proof(keys, Side.JOIN)
    assert len(proof) == sealing.PROOF_SIZE
    assert sealing.proves(keys, Side.JOIN, proof)
    assert not sealing.proves(keys, Side.INVITE, proof)
    assert not sealing.proves(agreed(A, B, secret=b"c0de"), Side.JOIN, proof)


@given(plain=st.binary(max_size=100), number=st.integers(0, 2**64))
def test_what_is_sealed_opens_as_just_that_message_of_that_side(plain: bytes, number: int) -> None:
    keys = agreed(A, B)
    sealed = sealing.seal(keys, Side.JOIN, number, plain)
    assert len(sealed) == len(plain) + sealing.TAG_SIZE
    assert sealing.opened(keys, Side.JOIN, number, sealed) == plain
    assert sealing.opened(keys, Side.JOIN, number + 1, sealed) is None
    assert sealing.opened(keys, Side.INVITE, number, sealed) is None
    assert sealing.opened(keys, Side.JOIN, number, sealed[:-1]) is None
    assert sealing.opened(keys, Side.JOIN, number, b"") is None


def test_no_text_of_the_keys_shows_them() -> None:
    keys = agreed(A, B)
    assert repr(keys) == f"Keys(transcript={keys.transcript!r})"


def test_each_side_is_the_other_ones_other() -> None:
    assert Side.JOIN.other is Side.INVITE
    assert Side.INVITE.other is Side.JOIN
