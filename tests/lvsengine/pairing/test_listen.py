"""An invitation on loopback: who comes, who is refused, and how it ends."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lvsengine.errors import EngineError
from lvsengine.pairing import exchange, join, listen, messages
from lvsengine.pairing.backup import Backup
from lvsengine.pairing.code import Code
from lvsengine.pairing.listen import Met
from lvsengine.pairing.own import Home
from lvsengine.pairing.terms import Terms
from tests.lvsengine.pairing.directors import (
    BACKUP,
    CODE,
    OTHER_CODE,
    a_pair,
    frames_of,
    snapshot,
)

PATIENT = Terms(lasts_s=30, message_s=10)
HASTY = Terms(lasts_s=30, message_s=1.5)  # where somebody is silent


@dataclass
class Invitation:
    """An invitation that waits in a thread."""

    home: Home
    port: int = 0
    said: list[str] = field(default_factory=list)
    met: Met | None = None
    error: EngineError | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def wait(self, listener: socket.socket, terms: Terms) -> None:
        try:
            self.met = listen.wait(listener, CODE, self.home, self.said.append, terms)
        except EngineError as error:
            self.error = error
        finally:
            self.ended.set()

    def end(self) -> None:
        assert self.ended.wait(40)


@contextlib.contextmanager
def inviting(home: Home, terms: Terms = PATIENT) -> Iterator[Invitation]:
    with listen.open_port("127.0.0.1", 0) as listener:
        invitation = Invitation(home, listener.getsockname()[1])
        thread = threading.Thread(target=invitation.wait, args=(listener, terms))
        thread.start()
        try:
            yield invitation
            invitation.end()
        finally:
            thread.join()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Home, Home]:
    return a_pair(tmp_path)


def joined(home: Home, port: int, code: Code = CODE) -> Backup:
    party = Backup(home, lambda address: address == BACKUP, replace=False)
    join.meet(join.connect("127.0.0.1", port, str(BACKUP)), code, party)
    return party


def stranger(port: int, said: bytes) -> bytes:
    """Connect, say that, and hear what comes until the other end closes."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(said)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                answer += data
        return answer


def test_one_backup_joins_and_the_invitation_is_over(pair: tuple[Home, Home]) -> None:
    with inviting(pair[0]) as invitation:
        party = joined(pair[1], invitation.port)
    assert invitation.met is not None
    assert invitation.met.there == BACKUP
    assert invitation.met.party.identities == party.identities[::-1]
    assert invitation.said == []
    with pytest.raises(EngineError, match=r"nobody waits at 127\.0\.0\.1"):
        joined(pair[1], invitation.port)


def test_five_wrong_codes_end_it_with_nothing_changed(pair: tuple[Home, Home]) -> None:
    before = [snapshot(home) for home in pair]
    with inviting(pair[0]) as invitation:
        for _ in range(5):
            with pytest.raises(EngineError, match="does not take this code") as caught:
                joined(pair[1], invitation.port, OTHER_CODE)
            assert caught.value.code == "wrong-code"
    assert invitation.error is not None
    assert invitation.error.code == "too-many-wrong-codes"
    assert "5 times: it does not know the code" in invitation.error.sentence
    assert invitation.said == ["refused 127.0.0.2: it does not know the code"] * 5
    assert [snapshot(home) for home in pair] == before


def test_nobody_comes_and_it_ends_by_itself(pair: tuple[Home, Home]) -> None:
    with inviting(pair[0], Terms(lasts_s=0.06)) as invitation:
        pass
    assert invitation.error is not None
    assert invitation.error.code == "invitation-expired"
    assert invitation.error.sentence == (
        "nobody joined within 0.001 minutes: this invitation is over, its code worthless"
    )


def test_strangers_are_refused_with_a_sentence_and_the_backup_still_joins(
    pair: tuple[Home, Home],
) -> None:
    hello = exchange.join(OTHER_CODE, b"j" * 32, b"")[1][0]
    assert isinstance(hello, exchange.Send)
    greeting = messages.encode(hello.frame)
    with inviting(pair[0], HASTY) as invitation:
        stranger(invitation.port, b"GET / HTTP/1.0\r\n\r\n")
        stranger(invitation.port, b"\x01\xff\xff\xff\xff")
        answer = stranger(invitation.port, greeting)  # then silence
        stranger(invitation.port, frames_of(answer)[0])  # its own words
        joined(pair[1], invitation.port)
    assert invitation.said == [
        "refused 127.0.0.1: it does not speak this protocol",
        "refused 127.0.0.1: it announced a message longer than 64 KiB",
        "refused 127.0.0.1: no whole message came within 1.5 s",
        "refused 127.0.0.1: it sent back the words that it was sent",
    ]
    assert invitation.met is not None


def test_one_is_served_at_a_time_and_the_others_wait(pair: tuple[Home, Home]) -> None:
    with (
        inviting(pair[0], HASTY) as invitation,
        socket.create_connection(("127.0.0.1", invitation.port), 5) as silent,
    ):
        joined(pair[1], invitation.port)
        assert invitation.said == ["refused 127.0.0.1: no whole message came within 1.5 s"]
        assert silent.recv(1) == b""
    assert invitation.met is not None


def test_a_flood_is_counted_and_not_told_line_by_line(pair: tuple[Home, Home]) -> None:
    with inviting(pair[0]) as invitation:
        for _ in range(30):
            stranger(invitation.port, b"x" * 5)
        for _ in range(5):
            with pytest.raises(EngineError):
                joined(pair[1], invitation.port, OTHER_CODE)
    assert len(invitation.said) == listen.MOST_SENTENCES + 1
    assert invitation.said[-1] == "more of these are only counted"
    assert invitation.error is not None
    assert "30 times: it does not speak this protocol" in invitation.error.sentence


def test_a_peer_that_refuses_us_is_named(pair: tuple[Home, Home]) -> None:
    with inviting(pair[0]) as invitation:
        stranger(invitation.port, messages.encode(exchange.refusal(messages.Reason.VERSION)))
        joined(pair[1], invitation.port)
    assert invitation.said == ["refused 127.0.0.1: it speaks another version of this protocol"]


class Stubborn(Backup):
    """A backup whose disk fails at the last moment."""

    def write(self) -> None:
        raise EngineError("not-written", "the disk is full", "make room")


def test_a_backup_that_could_not_write_joins_again_by_the_same_code(
    pair: tuple[Home, Home],
) -> None:
    with inviting(pair[0]) as invitation:
        failing = Stubborn(pair[1], lambda _: True, replace=False)
        with pytest.raises(EngineError, match="the disk is full"):
            join.meet(join.connect("127.0.0.1", invitation.port, str(BACKUP)), CODE, failing)
        joined(pair[1], invitation.port)
    assert len(invitation.said) == 1
    assert "all is written here, but the backup has not confirmed" in invitation.said[0]
    assert "the disk is full" in invitation.said[0]
    assert invitation.met is not None


def test_what_the_primary_lacks_is_said_on_both_and_it_waits_on(pair: tuple[Home, Home]) -> None:
    text = pair[0].paths.lvs_cf.read_text()
    with inviting(pair[0]) as invitation:
        pair[0].paths.lvs_cf.write_text("weight = 1\nvirtual {\n")
        with pytest.raises(EngineError, match=r"the other director says: .* is not sound"):
            joined(pair[1], invitation.port)
        pair[0].paths.lvs_cf.write_text(text)
        joined(pair[1], invitation.port)
    assert "is not sound" in invitation.said[0]


def test_a_port_that_is_taken_says_so() -> None:
    with (
        listen.open_port("127.0.0.1", 0) as first,
        pytest.raises(EngineError, match="Address already in use") as caught,
    ):
        listen.open_port("127.0.0.1", first.getsockname()[1])
    assert caught.value.code == "no-port"
    for bind in ("192.0.2.1", "::192.0.2.1", "no such name"):
        with pytest.raises(EngineError, match="cannot be opened"):
            listen.open_port(bind, 0)


def test_everywhere_means_both_families_and_an_ipv4_peer_is_one(pair: tuple[Home, Home]) -> None:
    with listen.open_port("", 0) as listener:
        port = listener.getsockname()[1]
        invitation = Invitation(pair[0], port)
        thread = threading.Thread(target=invitation.wait, args=(listener, PATIENT))
        thread.start()
        joined(pair[1], port)
        thread.join()
    assert invitation.met is not None
    assert invitation.met.there == BACKUP


def test_a_primary_that_goes_away_leaves_the_backup_as_it_was(pair: tuple[Home, Home]) -> None:
    before = snapshot(pair[1])
    with listen.open_port("127.0.0.1", 0) as listener:
        connection = join.connect("127.0.0.1", listener.getsockname()[1])
        listener.accept()[0].close()
        party = Backup(pair[1], lambda _: True, replace=False)
        with pytest.raises(EngineError, match=r"broke off.*nothing was changed here") as caught:
            join.meet(connection, CODE, party, 0.3)
    assert caught.value.code == "not-met"
    assert snapshot(pair[1]) == before


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        (b"SSH-2.0-x\r\n", "not-met", "is not the primary that made this code"),
        (messages.encode(exchange.refusal(messages.Reason.VERSION)), "primary-refuses", "version"),
    ],
)
def test_whatever_answers_the_backup_says_what_it_is(
    pair: tuple[Home, Home], said: bytes, code: str, why: str
) -> None:
    with listen.open_port("127.0.0.1", 0) as listener:
        connection = join.connect("127.0.0.1", listener.getsockname()[1])
        with listener.accept()[0] as end:
            end.sendall(said)
            party = Backup(pair[1], lambda _: True, replace=False)
            with pytest.raises(EngineError, match=why) as caught:
                join.meet(connection, CODE, party, 0.3)
    assert caught.value.code == code
