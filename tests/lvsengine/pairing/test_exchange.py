from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.errors import EngineError
from lvsengine.pairing import exchange, messages, sealing
from lvsengine.pairing.code import Code
from lvsengine.pairing.exchange import Action, Finished, Machine, Offered, Send, Stage, Step, Write
from lvsengine.pairing.messages import Breach, Frame, Kind, Reason
from lvsengine.pairing.sealing import Side
from tests.lvsengine.pairing.directors import CODE, OTHER_CODE

SECRET = b"what only a director may know"
JOINS, INVITES = b"j" * 32, b"i" * 32
privates = st.binary(min_size=32, max_size=32)


@dataclass
class End:
    """One machine, and all that it asked for."""

    machine: Machine
    said: list[Frame] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    def take(self, taken: Step) -> None:
        self.machine, actions = taken
        self.said += [one.frame for one in actions if isinstance(one, Send)]
        self.actions += [one for one in actions if not isinstance(one, Send)]

    def hear(self, frame: Frame) -> list[Frame]:
        """Step, and do at once what is asked for; give what it answers."""
        before = len(self.said)
        self.take(exchange.step(self.machine, frame))
        if self.machine.stage is Stage.JUDGEMENT:
            self.take(exchange.agree(self.machine, SECRET * 3000 if self.is_primary else b""))
        if self.machine.stage is Stage.WRITING:
            self.take(exchange.done(self.machine))
        return self.said[before:]

    @property
    def is_primary(self) -> bool:
        return self.machine.side is Side.INVITE


def both(joins: Code = CODE, invites: Code = CODE) -> tuple[End, End]:
    machine, actions = exchange.join(joins, JOINS, b"the backup's offer")
    backup = End(machine)
    backup.take((machine, actions))
    return backup, End(exchange.invite(invites, INVITES)[0])


def played(backup: End, primary: End) -> None:
    """Carry frames to and fro until nobody says anything."""
    said = list(backup.said)
    while said:
        said = [answer for frame in said for answer in primary.hear(frame)]
        said = [answer for frame in said for answer in backup.hear(frame)]


def breach(machine: Machine, frame: Frame) -> Reason:
    with pytest.raises(Breach) as caught:
        exchange.step(machine, frame)
    return caught.value.reason


def test_two_ends_with_one_code_exchange_everything_and_then_both_write() -> None:
    backup, primary = both()
    played(backup, primary)
    assert primary.actions == [Offered(b"the backup's offer"), Write(), Finished()]
    assert backup.actions == [Offered(SECRET * 3000), Write(), Finished()]
    assert backup.machine.stage is primary.machine.stage is Stage.OVER
    assert [frame.kind for frame in primary.said[:2]] == [Kind.HELLO, Kind.PROOF]


def test_nothing_secret_goes_over_the_wire_as_it_is() -> None:
    backup, primary = both()
    played(backup, primary)
    wire = b"".join(messages.encode(frame) for frame in (*backup.said, *primary.said))
    for secret in (SECRET, b"the backup's offer", CODE.secret[-12:], JOINS, INVITES):
        assert secret not in wire
    assert all(len(frame.body) <= messages.MAX_BODY for frame in primary.said)


def test_the_primary_proves_nothing_to_who_does_not_know_the_code() -> None:
    backup, primary = both(joins=OTHER_CODE)
    (hello,) = primary.hear(backup.said[0])
    (proof,) = backup.hear(hello)
    assert breach(primary.machine, proof) is Reason.WRONG_CODE
    assert [frame.kind for frame in primary.said] == [Kind.HELLO]


def test_the_backup_tells_nothing_to_who_does_not_know_the_code() -> None:
    backup, primary = both()
    backup.hear(primary.hear(backup.said[0])[0])
    assert breach(backup.machine, Frame(Kind.PROOF, bytes(32))) is Reason.WRONG_CODE
    assert [frame.kind for frame in backup.said] == [Kind.HELLO, Kind.PROOF]


@st.composite
def strangers(draw: st.DrawFn) -> list[Frame]:
    """Draw what somebody might say who knows the protocol, but not the code."""
    said = [Frame(draw(st.sampled_from(Kind)), draw(st.binary(max_size=80))) for _ in range(3)]
    return draw(st.permutations([*hello_of(OTHER_CODE, draw(privates)), *said]))


def hello_of(code: Code, private: bytes) -> list[Frame]:
    _, actions = exchange.join(code, private, b"")
    return [one.frame for one in actions if isinstance(one, Send)]


@given(said=strangers(), guess=st.integers(0, 2**100 - 1), private=privates)
def test_no_stream_without_the_code_gets_more_than_a_greeting(
    said: list[Frame], guess: int, private: bytes
) -> None:
    machine, _ = exchange.invite(CODE, INVITES)
    got: list[Action] = []
    for frame in (*hello_of(Code(guess), private), *said):
        try:
            machine, actions = exchange.step(machine, frame)
        except Breach:
            break
        got += actions
    kinds = [one.frame.kind for one in got if isinstance(one, Send)]
    assert kinds in ([], [Kind.HELLO])
    assert not any(isinstance(one, Offered | Write | Finished) for one in got)


def test_a_proof_of_an_earlier_connection_is_worth_nothing() -> None:
    backup, primary = both()
    played(backup, primary)
    machine, _ = exchange.invite(CODE, b"n" * 32)
    machine, _ = exchange.step(machine, backup.said[0])
    assert breach(machine, backup.said[1]) is Reason.WRONG_CODE


def test_what_is_sent_back_is_known_as_ones_own() -> None:
    backup, primary = both()
    assert breach(backup.machine, backup.said[0]) is Reason.REFLECTED
    backup.hear(primary.hear(backup.said[0])[0])
    assert breach(backup.machine, backup.said[1]) is Reason.WRONG_CODE


def test_a_sealed_message_counts_once_and_in_its_turn() -> None:
    backup, primary = both()
    hello, proof = backup.said[0], backup.hear(primary.hear(backup.said[0])[0])[0]
    (offer,) = backup.hear(primary.hear(proof)[0])
    gift = primary.hear(offer)
    assert breach(backup.machine, gift[1]) is Reason.TAMPERED
    backup.hear(gift[0])
    assert breach(backup.machine, gift[0]) is Reason.TAMPERED
    assert breach(primary.machine, offer) is Reason.TAMPERED
    assert breach(primary.machine, hello) is Reason.OUT_OF_TURN


@given(at=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_a_greeting_that_was_changed_on_its_way_leads_nowhere(at: int, mask: int) -> None:
    backup, primary = both()
    body = bytearray(backup.said[0].body)
    body[at % len(body)] ^= mask
    backup.said[0] = Frame(Kind.HELLO, bytes(body))
    with pytest.raises(Breach):
        played(backup, primary)
    assert not primary.actions


GREETING = exchange._hello_body(Side.JOIN, sealing.public_of(JOINS))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.GARBAGE),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Reason.GARBAGE),
        (GREETING.replace(b" 1 ", b" 2 "), Reason.VERSION),
        (GREETING.replace(b"join", b"jump"), Reason.GARBAGE),
        (GREETING + b"x", Reason.GARBAGE),
        (GREETING[:-32] + bytes(32), Reason.GARBAGE),  # a point of small order
    ],
)
def test_a_greeting_of_another_kind_is_refused(body: bytes, reason: Reason) -> None:
    machine, _ = exchange.invite(CODE, INVITES)
    assert breach(machine, Frame(Kind.HELLO, body)) is reason


def sealed_by(end: End, plain: bytes) -> Frame:
    """What the other end would have sealed as its next message."""
    machine = end.machine
    assert machine.keys is not None
    body = sealing.seal(machine.keys, machine.side.other, machine.came, plain)
    return Frame(Kind.SEALED, body)


def met() -> tuple[End, End]:
    """Both ends have proved the code; the backup's offer was not heard yet."""
    backup, primary = both()
    proof = backup.hear(primary.hear(backup.said[0])[0])[0]
    backup.hear(primary.hear(proof)[0])
    return backup, primary


@pytest.mark.parametrize("plain", [b"\x02", b"\x03", b"\x04", b"\x09", b"\xff"])
def test_who_knows_the_code_still_keeps_the_order(plain: bytes) -> None:
    _, primary = met()
    assert breach(primary.machine, sealed_by(primary, plain)) is Reason.OUT_OF_TURN


def test_an_empty_sealed_message_is_none() -> None:
    _, primary = met()
    assert breach(primary.machine, sealed_by(primary, b"")) is Reason.TAMPERED


def test_sealed_messages_come_after_both_proofs() -> None:
    backup, primary = both()
    assert breach(primary.machine, Frame(Kind.SEALED, b"x")) is Reason.OUT_OF_TURN
    primary.hear(backup.said[0])
    assert breach(primary.machine, Frame(Kind.SEALED, b"x")) is Reason.OUT_OF_TURN
    assert breach(primary.machine, backup.said[0]) is Reason.OUT_OF_TURN


def test_an_offer_has_an_end_however_many_pieces_it_has() -> None:
    _, primary = met()
    piece = b"\0" + b"x" * 60_000
    primary.hear(sealed_by(primary, piece))
    assert breach(primary.machine, sealed_by(primary, piece)) is Reason.TOO_MUCH


def test_either_end_may_say_why_it_cannot_go_on() -> None:
    backup, primary = met()
    error = EngineError("full", "the disk is full\x1b[2J", "make room")
    heard = End(replace(primary.machine, came=backup.machine.sent))
    heard.take(exchange.step(heard.machine, exchange.fail(backup.machine, error)))
    assert heard.actions == [exchange.PeerFailed("the disk is full?[2J", "make room")]
    assert heard.machine.stage is Stage.OVER


@pytest.mark.parametrize("data", [b"", b"[1]", b"[" * 5000, b"7"])
def test_a_failure_without_a_sentence_is_refused(data: bytes) -> None:
    _, primary = met()
    assert breach(primary.machine, sealed_by(primary, b"\x05" + data)) is Reason.GARBAGE


def test_a_refusal_ends_it_and_its_words_move_no_cursor() -> None:
    machine, _ = exchange.join(CODE, JOINS, b"")
    assert exchange.refusal(Reason.WRONG_CODE) == Frame(Kind.REFUSED, b"wrong-code")
    machine, actions = exchange.step(machine, Frame(Kind.REFUSED, b"no\x1b" + b"x" * 500))
    assert actions == [exchange.PeerRefused("no?" + "x" * 97)]
    assert breach(machine, Frame(Kind.REFUSED, b"again")) is Reason.OUT_OF_TURN


def test_who_drives_it_must_keep_the_order_too() -> None:
    machine, _ = exchange.invite(CODE, INVITES)
    for act in (exchange.agree, exchange.done):
        with pytest.raises(ValueError, match="waits for hello"):
            act(machine)
    with pytest.raises(ValueError, match="before both ends have said HELLO"):
        exchange.fail(machine, EngineError("x", "y"))


def test_no_text_of_a_machine_shows_a_secret() -> None:
    backup, primary = both()
    played(backup, primary)
    text = f"{backup!r} {primary!r}"
    for secret in (SECRET, JOINS, INVITES, str(CODE.number).encode()):
        assert secret.decode() not in text
