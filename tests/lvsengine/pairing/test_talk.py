"""Both ends, with a wire between them that does what wires do."""

from __future__ import annotations

import shutil
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lvsengine.errors import EngineError
from lvsengine.pairing import exchange, messages, talk
from lvsengine.pairing.messages import Breach, Frame, Kind, Reason
from lvsengine.pairing.own import Home
from lvsengine.pairing.sealing import Side
from lvsengine.pairing.talk import Channel, Lost, PeerRefused, Unconfirmed
from tests.lvsengine.pairing.directors import (
    CODE,
    HEARTBEAT_SECRET,
    MESSAGE_S,
    Cut,
    Ended,
    Snapshot,
    a_pair,
    frames_of,
    meet,
    snapshot,
)

KEY, CF = "etc/piranha/heartbeat.key", "etc/sysconfig/ha/lvs.cf"
SHORT_S = 0.2


@dataclass
class Tap:
    """Listens to the wire."""

    said: dict[Side, bytes] = field(default_factory=lambda: {Side.JOIN: b"", Side.INVITE: b""})

    def __call__(self, side: Side, data: bytes) -> bytes:
        self.said[side] += data
        return data


@dataclass
class Flip:
    """Changes one byte of what a side sends."""

    side: Side
    at: int
    mask: int
    passed: int = 0

    def __call__(self, side: Side, data: bytes) -> bytes:
        if side is not self.side:
            return data
        offset = self.at - self.passed
        self.passed += len(data)
        if not 0 <= offset < len(data):
            return data
        return data[:offset] + bytes([data[offset] ^ self.mask]) + data[offset + 1 :]


@dataclass
class CutAfter:
    """Cuts the wire when a side wants to send more than so many bytes."""

    side: Side
    after: int
    passed: int = 0

    def __call__(self, side: Side, data: bytes) -> bytes:
        if side is not self.side:
            return data
        if self.passed >= self.after:
            raise Cut
        data = data[: self.after - self.passed]
        self.passed += len(data)
        return data


@dataclass(frozen=True)
class Told:
    """A meeting without trouble: what was on both disks before and after, and on the wire."""

    before: tuple[Snapshot, Snapshot]
    after: tuple[Snapshot, Snapshot]
    wire: dict[Side, bytes]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    primary, backup = a_pair(tmp_path_factory.mktemp("told"))
    before = snapshot(primary), snapshot(backup)
    tap = Tap()
    assert meet(primary, backup, tap) == Ended()
    return Told(before, (snapshot(primary), snapshot(backup)), tap.said)


def complete(told: Told, primary: Home, backup: Home) -> tuple[bool, bool]:
    """Whether each is complete; else it must be as it was."""
    now = snapshot(primary), snapshot(backup)
    assert now[0] in (told.before[0], told.after[0])
    assert now[1] in (told.before[1], told.after[1])
    return now[0] == told.after[0], now[1] == told.after[1]


def test_both_have_all_afterwards(told: Told) -> None:
    primary, backup = told.after
    assert primary[KEY] == backup[KEY] == (0o600, f"10 {HEARTBEAT_SECRET.hex()}\n".encode())
    assert primary[CF][1] == backup[CF][1]
    assert b"backup = 127.0.0.2\n" in backup[CF][1]
    for own, peer in ((primary, backup), (backup, primary)):
        sync_key = own["var/lib/piranha/sync/id_ed25519.pub"][1].split()[1]
        assert sync_key in peer["var/lib/piranha/.ssh/authorized_keys"][1]
        host_key = own["etc/ssh/ssh_host_ed25519_key.pub"][1].split()[1]
        assert b"peer ssh-ed25519 " + host_key in peer["var/lib/piranha/sync/known_hosts"][1]


def test_every_file_has_its_mode(told: Told) -> None:
    for director in told.after:
        assert {name: mode for name, (mode, _) in director.items() if "sysconfig" not in name} == {
            "etc/ssh/ssh_host_ed25519_key.pub": 0o644,
            KEY: 0o600,
            "var/lib/piranha/.ssh/authorized_keys": 0o644,
            "var/lib/piranha/sync/id_ed25519": 0o600,
            "var/lib/piranha/sync/id_ed25519.pub": 0o644,
            "var/lib/piranha/sync/known_hosts": 0o644,
        }
    assert told.after[1][CF][0] == 0o660


def test_no_secret_is_on_the_wire(told: Told) -> None:
    wire = told.wire[Side.JOIN] + told.wire[Side.INVITE]
    for secret in (HEARTBEAT_SECRET, HEARTBEAT_SECRET.hex().encode(), b"ssh-ed25519", b"virtual"):
        assert secret not in wire


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(side=st.sampled_from(Side), at=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_whichever_byte_is_changed_each_director_is_untouched_or_complete(
    told: Told, tmp_path: Path, side: Side, at: int, mask: int
) -> None:
    shutil.rmtree(tmp_path)
    primary, backup = a_pair(tmp_path)
    at %= len(told.wire[side])
    ended = meet(primary, backup, Flip(side, at, mask), SHORT_S)
    has = complete(told, primary, backup)
    assert ended.primary is not None
    assert has[0] or not has[1], "the backup is complete, and the primary is not"
    assert isinstance(ended.primary, Unconfirmed) is has[0]


def test_cut_after_every_message_both_are_untouched_or_complete_and_can_be_mended(
    told: Told, tmp_path: Path
) -> None:
    seen: Counter[tuple[bool, bool]] = Counter()
    for side in Side:
        after = 0
        for number, frame in enumerate([b"", *frames_of(told.wire[side])[:-1]]):
            after += len(frame)
            primary, backup = a_pair(tmp_path / f"{side.value}{number}")
            meet(primary, backup, CutAfter(side, after))
            seen[complete(told, primary, backup)] += 1
            assert meet(primary, backup) == Ended()
            assert complete(told, primary, backup) == (True, True)
    assert seen[False, False] >= 5
    assert seen[True, False] == 1  # WRITTEN was lost
    assert seen[True, True] == 1  # DONE was lost
    assert not seen[False, True]


class Nothing:
    """A party that must not be asked for anything."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def offer(self) -> bytes:
        self.asked.append("offer")
        return HEARTBEAT_SECRET

    def judge(self, data: bytes) -> None:
        self.asked.append(f"judge {data!r}")

    def write(self) -> None:
        self.asked.append("write")


def invited_by(said: bytes) -> tuple[bytes, Exception | None, Nothing]:
    """Say all this to an invitation, then listen until it ends."""
    near, far = socket.socketpair()
    party = Nothing()
    errors: list[Exception] = []

    def invite() -> None:
        try:
            talk.converse(Channel(far, MESSAGE_S), Side.INVITE, CODE, party)
        except (Breach, Lost, PeerRefused, EngineError) as error:
            errors.append(error)
        finally:
            far.close()

    thread = threading.Thread(target=invite)
    thread.start()
    answer = b""
    with near:
        try:
            near.sendall(said)
            near.shutdown(socket.SHUT_WR)
            while data := near.recv(65536):
                answer += data
        except OSError:  # it had heard enough
            pass
    thread.join()
    return answer, errors[0] if errors else None, party


def greeting() -> bytes:
    _, actions = exchange.join(CODE, b"j" * 32, b"")
    assert isinstance(actions[0], exchange.Send)
    return messages.encode(actions[0].frame)


GREETING = greeting()
streams = st.lists(
    st.one_of(
        st.binary(max_size=200),
        st.just(GREETING),
        st.builds(
            lambda kind, body: messages.encode(Frame(kind, body)),
            st.sampled_from(Kind),
            st.binary(max_size=100),
        ),
    ),
    max_size=4,
).map(b"".join)


@settings(max_examples=60, deadline=None)
@given(said=streams)
def test_no_stream_of_bytes_without_the_code_gets_an_answer_with_a_secret(said: bytes) -> None:
    answer, error, party = invited_by(said)
    assert error is not None
    assert party.asked == []
    kinds = [Kind(frame[0]) for frame in frames_of(answer)]
    assert kinds in ([], [Kind.REFUSED], [Kind.HELLO], [Kind.HELLO, Kind.REFUSED])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", Reason.GARBAGE),
        (b"\x01\xff\xff\xff\xff", Reason.TOO_LONG),
        (messages.encode(Frame(Kind.PROOF, bytes(32))), Reason.OUT_OF_TURN),
        (GREETING + messages.encode(Frame(Kind.PROOF, bytes(32))), Reason.WRONG_CODE),
    ],
)
def test_who_is_refused_is_not_listened_to_any_more(said: bytes, reason: Reason) -> None:
    _, error, _ = invited_by(said)
    assert isinstance(error, Breach)
    assert error.reason is reason


def test_who_is_refused_is_told_why() -> None:
    proof = messages.encode(Frame(Kind.PROOF, bytes(32)))
    answer, _, _ = invited_by(GREETING + proof)
    assert frames_of(answer)[-1] == messages.encode(exchange.refusal(Reason.WRONG_CODE))


def test_a_peer_that_refuses_is_heard() -> None:
    _, error, _ = invited_by(messages.encode(exchange.refusal(Reason.VERSION)))
    assert isinstance(error, PeerRefused)
    assert talk.sentence_of(error.reason) == "it speaks another version of this protocol"
    assert talk.sentence_of("rm -rf") == "it gives no reason that is known"


def test_every_reason_has_a_sentence() -> None:
    assert set(talk.SENTENCES) == set(Reason)


def test_a_message_has_a_deadline_however_often_a_byte_of_it_comes() -> None:
    near, far = socket.socketpair()
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(SHORT_S / 10):
            near.sendall(b"x")

    near.sendall(b"\x01\0\0\xff\xff")
    thread = threading.Thread(target=drip)
    thread.start()
    with pytest.raises(Lost, match=r"no whole message came within 0\.2 s"):
        Channel(far, SHORT_S).receive()
    stop.set()
    thread.join()
    near.close()
    far.close()


def test_who_takes_nothing_is_given_up() -> None:
    near, far = socket.socketpair()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with near, far, pytest.raises(Lost, match=r"it took nothing for 0\.2 s"):
        Channel(far, SHORT_S).send(Frame(Kind.SEALED, bytes(65536)))


def test_a_connection_that_was_cut_is_lost_whichever_way() -> None:
    near, far = socket.socketpair()
    near.close()
    with far:
        with pytest.raises(Lost, match="the connection was cut"):
            Channel(far).receive()
        with pytest.raises(Lost, match="the connection was cut: Broken pipe"):
            Channel(far).send(Frame(Kind.HELLO, b""))
