"""Two strangers become a pair: the protocol of `lvsctl pair`, as a machine without a socket.

     join (backup)                                invite (primary)
     HELLO   "join", ephemeral key       ->
                                         <-       HELLO   "invite", ephemeral key
     PROOF   of the code                 ->
                                         <-       PROOF   of the code
     offer: name, host keys, sync key    ->       judges it
     judges it                           <-       gift: the same, heartbeat key, lvs.cf
     READY                               ->       writes all
     writes all                          <-       WRITTEN
     DONE                                ->
What stands below the proofs is sealed. Either end may say FAILED and a sentence instead.

Why the code cannot be guessed from what goes over the wire. The keys of proofs and seals come by
HKDF from the X25519 secret AND the code, salted by all that was said. Who only listens does not
know the X25519 secret: to him every code fits equally well, so there is nothing to try guesses
on. Who sits between, or plays one of the ends, knows that secret of his own connection, and then
a proof is one value to compare guesses with. But the code is 100 random bits: a search tries 2^99
codes on average, 2^100 at worst, each by HKDF and HMAC. Nothing can be computed ahead or shared
between invitations, for the salt holds both ephemeral keys, new in each connection. The code is
worthless when the invitation ends. The primary listens where anybody may connect, so it proves
last: who cannot prove the code gets nothing made from it at all. Five wrong proofs end the
invitation, which bounds guesses made there to 5 in 2^100.

Reflected messages fail since each side has its own word and its own keys; replayed, dropped or
exchanged ones since a sealed message counts as its nonce; those of an earlier connection since
the keys are of this one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

from lvsengine.errors import EngineError
from lvsengine.pairing import messages, sealing
from lvsengine.pairing.code import Code
from lvsengine.pairing.messages import Breach, Frame, Kind, Reason
from lvsengine.pairing.sealing import Keys, Side

_MAGIC = b"piranha-pair"
_VERSION = b" 1 "
_PIECE = 32 * 1024
# What the other end may send in all.
_MOST = {
    Side.JOIN: messages.MAX_HEAD + messages.MAX_LVS_CF + 1,
    Side.INVITE: messages.MAX_HEAD + 1,
}


class Inner(IntEnum):
    """The first byte of what is sealed."""

    PIECE = 0
    LAST_PIECE = 1
    READY = 2
    WRITTEN = 3
    DONE = 4
    FAILED = 5


class Stage(Enum):
    """What this end waits for."""

    HELLO = "hello"
    PROOF = "proof"
    OFFER = "offer"
    JUDGEMENT = "judgement"  # of whoever drives this machine: `agree` or `fail`
    READY = "ready"
    WRITING = "writing"  # by whoever drives this machine: `done` or `fail`
    WRITTEN = "written"
    DONE = "done"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Send:
    frame: Frame


@dataclass(frozen=True, slots=True)
class Offered:
    """Judge this, then `agree` or `fail`."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Write:
    """Both ends have all values: write, then `done` or `fail`."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Both ends have written all."""


@dataclass(frozen=True, slots=True)
class PeerFailed:
    """The peer, which knows the code, cannot go on."""

    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class PeerRefused:
    """The other end, which may be anybody, refuses to talk."""

    reason: str


Action = Send | Offered | Write | Finished | PeerFailed | PeerRefused
Step = tuple["Machine", list[Action]]


@dataclass(frozen=True, slots=True)
class Machine:
    """One end of one connection.

    Attributes:
        private: 32 random bytes, used for this connection alone.
        offer: What this end tells once the other has proved the code; of the primary's end it
            is given with `agree`, so that no stranger makes it read its disk.
        sent, came: How many sealed messages went each way.
        gathered: The pieces that came so far.
    """

    side: Side
    code: Code = field(repr=False)
    private: bytes = field(repr=False)
    offer: bytes = field(default=b"", repr=False)
    stage: Stage = Stage.HELLO
    keys: Keys | None = field(default=None, repr=False)
    sent: int = 0
    came: int = 0
    gathered: tuple[bytes, ...] = field(default=(), repr=False)


def join(code: Code, private: bytes, offer: bytes) -> Step:
    """Begin as the backup."""
    machine = Machine(Side.JOIN, code, private, offer)
    return machine, [_hello(machine)]


def invite(code: Code, private: bytes) -> Step:
    """Begin as the primary."""
    return Machine(Side.INVITE, code, private), []


def step(machine: Machine, frame: Frame) -> Step:
    """Take what came.

    Raises:
        Breach: It is not what a director would send now. The connection must be given up.
    """
    if frame.kind is Kind.REFUSED and machine.stage is not Stage.OVER:
        reason = messages.printable(frame.body[:100].decode("ascii", "replace"))
        return replace(machine, stage=Stage.OVER), [PeerRefused(reason)]
    if frame.kind is Kind.HELLO and machine.stage is Stage.HELLO:
        return _greeted(machine, frame.body)
    if frame.kind is Kind.PROOF and machine.stage is Stage.PROOF:
        return _proved(machine, frame.body)
    if frame.kind is Kind.SEALED and machine.keys is not None:
        return _unsealed(machine, machine.keys, frame.body)
    raise Breach(Reason.OUT_OF_TURN)


def agree(machine: Machine, offer: bytes = b"") -> Step:
    """The other's offer is sound, and what it asks for could be written.

    Args:
        offer: What the primary gives.
    """
    _must_be(machine, Stage.JUDGEMENT)
    if machine.side is Side.INVITE:
        return _offer(replace(machine, stage=Stage.READY, offer=offer))
    machine, sent = _sealed(machine, Inner.READY)
    return replace(machine, stage=Stage.WRITTEN), [sent]


def done(machine: Machine) -> Step:
    """All is written here."""
    _must_be(machine, Stage.WRITING)
    if machine.side is Side.INVITE:
        machine, sent = _sealed(machine, Inner.WRITTEN)
        return replace(machine, stage=Stage.DONE), [sent]
    machine, sent = _sealed(machine, Inner.DONE)
    return replace(machine, stage=Stage.OVER), [sent, Finished()]


def fail(machine: Machine, error: EngineError) -> Frame:
    """Tell the peer why this end cannot go on: the last frame of a conversation."""
    data = json.dumps([error.sentence[:1000], error.hint[:1000]]).encode()
    return _sealed(machine, Inner.FAILED, data)[1].frame


def refusal(reason: Reason) -> Frame:
    """What a stranger is told; it holds no secret."""
    return Frame(Kind.REFUSED, reason.value.encode())


def _hello_body(side: Side, public: bytes) -> bytes:
    return _MAGIC + _VERSION + side.value.encode() + b" " + public


def _hello(machine: Machine) -> Send:
    public = sealing.public_of(machine.private)
    return Send(Frame(Kind.HELLO, _hello_body(machine.side, public)))


def _greeted(machine: Machine, body: bytes) -> Step:
    own = _hello(machine)
    theirs = _public_in(machine, body)
    first, second = (own.frame.body, body)[:: 1 if machine.side is Side.JOIN else -1]
    keys = sealing.agree(machine.private, theirs, machine.code.secret, first + second)
    if keys is None:
        raise Breach(Reason.GARBAGE)
    machine = replace(machine, stage=Stage.PROOF, keys=keys)
    if machine.side is Side.INVITE:
        return machine, [own]
    return machine, [_proof(machine, keys)]


def _public_in(machine: Machine, body: bytes) -> bytes:
    """Take the other's ephemeral key out of its HELLO."""
    public = body[-sealing.PUBLIC_SIZE :]
    if not body.startswith(_MAGIC):
        raise Breach(Reason.GARBAGE)
    if not body.startswith(_MAGIC + _VERSION):
        raise Breach(Reason.VERSION)
    if body == _hello_body(machine.side, public):
        raise Breach(Reason.REFLECTED)
    if body != _hello_body(machine.side.other, public):
        raise Breach(Reason.GARBAGE)
    return public


def _proof(machine: Machine, keys: Keys) -> Send:
    return Send(Frame(Kind.PROOF, sealing.proof(keys, machine.side)))


def _proved(machine: Machine, body: bytes) -> Step:
    keys = machine.keys
    if keys is None or not sealing.proves(keys, machine.side.other, body):
        raise Breach(Reason.WRONG_CODE)
    machine = replace(machine, stage=Stage.OFFER)
    if machine.side is Side.INVITE:
        return machine, [_proof(machine, keys)]
    return _offer(machine)


def _offer(machine: Machine) -> Step:
    """Send what this end tells, in pieces."""
    actions: list[Action] = []
    for start in range(0, len(machine.offer), _PIECE):
        end = start + _PIECE
        inner = Inner.PIECE if end < len(machine.offer) else Inner.LAST_PIECE
        machine, sent = _sealed(machine, inner, machine.offer[start:end])
        actions.append(sent)
    return machine, actions


def _sealed(machine: Machine, inner: Inner, data: bytes = b"") -> tuple[Machine, Send]:
    if machine.keys is None:
        raise ValueError("nothing can be sealed before both ends have said HELLO")
    body = sealing.seal(machine.keys, machine.side, machine.sent, bytes([inner]) + data)
    return replace(machine, sent=machine.sent + 1), Send(Frame(Kind.SEALED, body))


def _unsealed(machine: Machine, keys: Keys, body: bytes) -> Step:
    if machine.stage not in (Stage.OFFER, Stage.READY, Stage.WRITTEN, Stage.DONE):
        raise Breach(Reason.OUT_OF_TURN)
    plain = sealing.opened(keys, machine.side.other, machine.came, body)
    if not plain:
        raise Breach(Reason.TAMPERED)
    machine = replace(machine, came=machine.came + 1)
    inner, data = plain[0], plain[1:]
    if inner == Inner.FAILED:
        return replace(machine, stage=Stage.OVER), [_failure(data)]
    if machine.stage is Stage.OFFER and inner in (Inner.PIECE, Inner.LAST_PIECE):
        return _gathered(machine, data, last=inner == Inner.LAST_PIECE)
    if machine.stage is Stage.READY and inner == Inner.READY:
        return replace(machine, stage=Stage.WRITING), [Write()]
    if machine.stage is Stage.WRITTEN and inner == Inner.WRITTEN:
        return replace(machine, stage=Stage.WRITING), [Write()]
    if machine.stage is Stage.DONE and inner == Inner.DONE:
        return replace(machine, stage=Stage.OVER), [Finished()]
    raise Breach(Reason.OUT_OF_TURN)


def _gathered(machine: Machine, data: bytes, *, last: bool) -> Step:
    gathered = (*machine.gathered, data)
    if sum(map(len, gathered)) > _MOST[machine.side]:
        raise Breach(Reason.TOO_MUCH)
    if not last:
        return replace(machine, gathered=gathered), []
    machine = replace(machine, gathered=(), stage=Stage.JUDGEMENT)
    return machine, [Offered(b"".join(gathered))]


def _failure(data: bytes) -> PeerFailed:
    try:
        sentence, hint = map(str, json.loads(data))
    except (ValueError, TypeError, RecursionError):
        raise Breach(Reason.GARBAGE) from None
    return PeerFailed(messages.printable(sentence), messages.printable(hint))


def _must_be(machine: Machine, stage: Stage) -> None:
    if machine.stage is not stage:
        raise ValueError(f"the machine waits for {machine.stage.value}, not for {stage.value}")
