from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.heartbeat import packet
from lvsengine.heartbeat.packet import Key, Original, Sender
from lvsengine.heartbeat.receiving import (
    LONG_AGO,
    RETIRED,
    STRANGERS,
    Copy,
    Fresh,
    Heard,
    LinkState,
    Receiver,
    Rejection,
    Stranger,
)
from lvsengine.heartbeat.words import Link, Stance, Word

KEY = Key(7, b"k" * 32)
OURS, PEERS, ELSEWHERE = map(ip_address, ("10.0.0.1", "10.0.0.2", "10.0.0.3"))
ACTIVE, STANDBY = Word(Stance.ACTIVE), Word(Stance.STANDBY)
DEADTIME_S = 3.0


@dataclass
class End:
    """A receiver, and how it talks to the other one."""

    receiver: Receiver

    def say(self, at: float, word: Word = STANDBY) -> bytes:
        return packet.seal(self.receiver.keys[0], self.receiver.next_packet(word, at))

    def hear(self, data: bytes, at: float, link: Link = Link.PUBLIC) -> Heard:
        source = PEERS if self.receiver.ours is Sender.PRIMARY else OURS
        return self.receiver.receive(data, source, link, at)


def an_end(boot: int, *, primary: bool = True, keys: tuple[Key, ...] = (KEY,)) -> End:
    ours = Sender.PRIMARY if primary else Sender.BACKUP
    source = PEERS if primary else OURS
    return End(Receiver({source}, keys, ours, boot, DEADTIME_S))


def met() -> tuple[End, End]:
    """Two that know each other; all at second 0."""
    us, peer = an_end(1), an_end(2, primary=False)
    assert us.hear(peer.say(0.0), 0.0) == Stranger()
    assert peer.hear(us.say(0.0), 0.0) == Fresh(STANDBY, LONG_AGO)
    assert us.hear(peer.say(0.0), 0.0) == Fresh(STANDBY, 0.0)
    return us, peer


# --- who is believed ----------------------------------------------------------------------------


def test_two_that_start_believe_each_other_after_one_word_there_and_back() -> None:
    us, peer = met()
    assert peer.hear(us.say(1.0, ACTIVE), 1.0) == Fresh(ACTIVE, 0.0)
    assert us.hear(peer.say(2.0), 2.0) == Fresh(STANDBY, 1.0)


def test_to_be_echoed_as_a_stranger_is_not_to_be_acted_by() -> None:
    us, peer = an_end(1), an_end(2, primary=False)
    us.hear(peer.say(0.0), 0.0)
    assert peer.hear(us.say(0.0), 0.0) == Fresh(STANDBY, LONG_AGO)


def test_a_word_is_heard_once_and_its_copy_on_the_other_link_only_proves_the_link() -> None:
    us, peer = met()
    data = peer.say(1.0)
    assert isinstance(us.hear(data, 1.0), Fresh)
    assert us.hear(data, 1.1, Link.PRIVATE) == Copy()
    assert us.receiver.links[Link.PRIVATE].heard_at == 1.1
    for link in Link:
        assert us.hear(data, 1.2, link) is Rejection.REPLAYED


def test_a_word_that_was_overtaken_is_late_and_has_no_effect() -> None:
    us, peer = met()
    first, second = peer.say(1.0, ACTIVE), peer.say(1.1)
    assert isinstance(us.hear(second, 1.2), Fresh)
    assert us.hear(first, 1.3) is Rejection.LATE
    assert us.hear(first, 1.4) is Rejection.REPLAYED


def test_our_own_word_thrown_back_is_a_replay() -> None:
    us, _ = met()
    assert us.hear(us.say(1.0), 1.0) is Rejection.REPLAYED


def test_after_a_silence_of_deadtime_a_word_must_be_proven_again() -> None:
    us, peer = met()
    last_word = peer.say(0.1, ACTIVE)
    us.say(3.9)
    assert us.hear(last_word, 4.0) == Stranger(), "it may have waited anywhere"
    assert peer.hear(us.say(4.0), 4.0) == Stranger(), "it has heard nothing for as long"
    assert us.hear(peer.say(4.0), 4.0) == Fresh(STANDBY, 0.0)
    assert isinstance(peer.hear(us.say(4.1), 4.1), Fresh)
    assert us.hear(peer.say(4.1), 4.1) == Fresh(STANDBY, 4.1)


def test_a_peer_that_does_not_hear_us_is_believed_as_long_as_it_is_heard() -> None:
    us, peer = met()
    for second in range(1, 30):
        us.say(float(second))
        assert us.hear(peer.say(float(second)), float(second)) == Fresh(STANDBY, 0.0)


def test_a_recording_from_before_our_own_start_has_no_effect() -> None:
    us, peer = met()
    tape = [peer.say(0.1 * n, ACTIVE) for n in range(1, 20)]
    us = an_end(3)
    us.say(10.0)
    for data in (*tape, *tape):
        assert not isinstance(us.hear(data, 10.0), Fresh | Copy)
    assert us.receiver.links[Link.PUBLIC].heard_at is None


def test_a_proof_that_is_older_than_deadtime_is_none() -> None:
    us, peer = an_end(1), an_end(2, primary=False)
    peer.hear(us.say(0.0), 0.0)
    data = peer.say(0.0)
    assert us.hear(data, 3.1) == Stranger()
    us, peer = an_end(1), an_end(2, primary=False)
    peer.hear(us.say(0.0), 0.0)
    assert isinstance(us.hear(peer.say(0.0), 3.0), Fresh)


def test_a_run_that_was_followed_by_another_never_speaks_again() -> None:
    us, old = met()
    goodbye = old.say(1.0, Word(Stance.STOPPING))
    new = an_end(5, primary=False)
    new.hear(us.say(1.1), 1.1)
    assert isinstance(us.hear(new.say(1.2), 1.2), Fresh)
    assert us.hear(goodbye, 1.3) is Rejection.LATE


def test_an_echo_of_what_we_never_said_proves_nothing() -> None:
    us, peer = an_end(1), an_end(2, primary=False)
    liar = an_end(1)
    for _ in range(5):
        peer.hear(liar.say(0.0), 0.0)
    us.say(0.0)
    assert us.hear(peer.say(0.0), 0.0) == Stranger()


def test_a_word_too_many_of_ours_ago_proves_nothing() -> None:
    us, peer = an_end(1), an_end(2, primary=False)
    peer.hear(us.say(0.0), 0.0)
    for _ in range(1024):
        us.say(0.0)
    assert us.hear(peer.say(0.0), 0.0) == Stranger()


# --- strangers ----------------------------------------------------------------------------------


def test_a_stranger_is_answered_only_for_a_new_word() -> None:
    us, peer = an_end(1), an_end(2, primary=False)
    first, second = peer.say(0.0), peer.say(0.1)
    assert us.hear(second, 0.2) == Stranger()
    assert us.hear(second, 0.2, Link.PRIVATE) is Rejection.UNPROVEN
    assert us.hear(first, 0.3) is Rejection.REPLAYED


def test_strangers_are_few_and_the_one_that_rose_longest_ago_goes_first() -> None:
    us = an_end(1)
    ends = [an_end(10 + n, primary=False) for n in range(STRANGERS)]
    for end in ends:
        us.hear(end.say(0.0), 0.0)
    us.hear(ends[0].say(0.1), 0.1)
    us.hear(an_end(99, primary=False).say(0.2), 0.2)
    echoes = us.receiver.next_packet(STANDBY, 0.3).echoes
    assert [echo.boot for echo in echoes] == [12, 13, 10, 99]
    assert not any(echo.believed for echo in echoes)


def test_many_restarts_are_not_all_remembered() -> None:
    us = an_end(1)
    for boot in range(100, 100 + 3 * RETIRED):
        peer = an_end(boot, primary=False)
        peer.hear(us.say(0.0), 0.0)
        assert isinstance(us.hear(peer.say(0.0), 0.0), Fresh)
    assert len(us.receiver._retired) == RETIRED


# --- rejections ---------------------------------------------------------------------------------


def test_whatever_has_no_effect_is_counted_by_kind() -> None:
    us, peer = met()
    us.receiver.rejected.clear()
    data = peer.say(1.0)
    stranger = ip_address("10.0.0.3")
    us.receiver.receive(data, stranger, Link.PUBLIC, 1.0)
    for bad in (
        packet.original(Stance.ACTIVE),
        data[:40],
        data + b"x",
        data[:-1] + bytes([data[-1] ^ 1]),
        b"noise",
    ):
        us.hear(bad, 1.0)
    assert dict(us.receiver.rejected) == {
        Rejection.ELSEWHERE: 1,
        Rejection.OLD_FORM: 1,
        Rejection.TRUNCATED: 1,
        Rejection.BAD_LENGTH: 1,
        Rejection.FORGED: 2,
    }


def test_either_key_verifies_and_a_key_taken_away_does_not() -> None:
    us, peer = met()
    new = Key(8, b"n" * 32)
    us.receiver.rekey((KEY, new))
    peer.receiver.rekey((new, KEY))
    assert isinstance(us.hear(peer.say(1.0), 1.0), Fresh)
    us.receiver.rekey((KEY,))
    assert us.hear(peer.say(1.1), 1.1) is Rejection.FORGED


@pytest.mark.parametrize(
    ("value", "heard"),
    [
        (Original.ACTIVE, Fresh(ACTIVE, None)),
        (Original.STANDBY, Fresh(STANDBY, None)),
        (Original.HOLD, Rejection.UNKNOWN),
        (Original.HELD, Rejection.UNKNOWN),
        (Original.FOS_ACTIVE, Rejection.FOREIGN),
        (Original.FOS_STANDBY, Rejection.FOREIGN),
        (Original.FOS_STOP_YOURSELF, Rejection.FOREIGN),
    ],
)
def test_without_a_key_the_original_form_counts(value: Original, heard: Heard) -> None:
    us = an_end(1, keys=())
    data = packet._ORIGINAL.pack(value.value)
    assert us.hear(data, 1.0) == heard
    assert us.hear(data[:3], 1.0) is Rejection.BAD_LENGTH
    assert us.receiver.receive(data, ELSEWHERE, Link.PUBLIC, 1.0) is Rejection.ELSEWHERE
    assert us.receiver.lost(Link.PUBLIC) is None


@given(st.lists(st.tuples(st.binary(max_size=600), st.sampled_from(Link)), max_size=20))
def test_no_bytes_have_an_effect_without_the_key(noise: list[tuple[bytes, Link]]) -> None:
    us, peer = met()
    for data, link in noise:
        assert isinstance(us.hear(data, 1.0, link), Rejection)
    assert us.hear(peer.say(1.0), 1.0) == Fresh(STANDBY, 0.0)


# --- loss ---------------------------------------------------------------------------------------


def test_loss_is_told_for_each_link_by_the_words_that_came_on_either() -> None:
    us, peer = met()
    for number in range(1, 101):
        data = peer.say(number / 10)
        if number % 4:
            us.hear(data, number / 10)
        us.hear(data, number / 10, Link.PRIVATE)
    assert us.receiver.lost(Link.PUBLIC) == pytest.approx(0.25)
    assert us.receiver.lost(Link.PRIVATE) == pytest.approx(0.0, abs=0.011)


def test_a_link_that_is_cut_has_lost_everything_after_a_hundred_words() -> None:
    us, peer = met()
    for number in range(1, 102):
        us.hear(peer.say(number / 10), number / 10)
    assert us.receiver.lost(Link.PRIVATE) == 1.0


def test_nothing_can_be_lost_before_the_first_word() -> None:
    assert LinkState().lost(0) is None
    assert an_end(1).receiver.lost(Link.PUBLIC) is None


def test_a_word_older_than_the_window_counts_no_more() -> None:
    state = LinkState()
    state.begin(0)
    assert state.mark(1)
    assert state.mark(500)
    assert not state.mark(2)
    assert state.mark(450)
    assert not state.mark(450)
    assert state.lost(500) == pytest.approx(0.98)
