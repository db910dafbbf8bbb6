"""The control socket under attack by somebody with the right to connect."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from lvsengine.control import client, messages
from lvsengine.errors import EngineError
from tests.attacks.victim import Victim, crowd
from tests.kernel.lab.waiting import wait_until

ANSWER_S = 6.0


@pytest.fixture(autouse=True, scope="module")
def _may_open_many() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def answer_to(victim: Victim, line: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S)
        connection.connect(str(victim.socket))
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(line)
        with connection.makefile("rb") as stream:
            told: dict[str, object] = json.loads(stream.readline(1 << 20))
    return told


def test_a_thousand_who_hang_on_and_say_nothing_keep_nobody_from_an_answer(
    victim: Victim,
) -> None:
    victim.start()
    hangers_on = crowd(victim.socket, 1000)
    began = time.monotonic()
    assert victim.status().state == "active"
    assert time.monotonic() - began < client.TIMEOUT_S
    done = victim.lvsctl("status")
    assert done.returncode == 0, done.stderr
    assert victim.forwards()
    for one in hangers_on:
        one.close()


@contextmanager
def churning(victim: Victim, count: int = 8) -> Iterator[None]:
    """Connect again and again, half a request each time, as fast as it goes."""
    over = threading.Event()

    def churn() -> None:
        held: list[socket.socket] = []
        while not over.is_set():
            one = socket.socket(socket.AF_UNIX)
            with suppress(OSError):
                one.connect(str(victim.socket))
                one.send(b'{"protocol": 1, "comm')
            held.append(one)
            if len(held) > 100:
                held.pop(0).close()
        for one in held:
            one.close()

    threads = [threading.Thread(target=churn, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(5)


def test_those_who_come_again_and_again_keep_nobody_from_an_answer(victim: Victim) -> None:
    victim.start()
    with churning(victim):
        for _ in range(10):
            assert victim.status().state == "active"
        assert victim.forwards()


DEEP = b'{"protocol": 1, "command": "status", "arguments": {"x": ' + b"[" * 200_000


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x80\n",
        b'{"protocol": 1, "command": "status", "arguments": "\xff"}\n',
        DEEP + b"\n",
        b'{"protocol": ' + b"[" * 970 + b"]" * 970 + b"}\n",
        b'{"protocol": 1, "command": "' + b"x" * 3_000_000 + b'"}\n',
        b'{"protocol": 1, "command": "plan", "arguments": {"text": "\\ud800"}}\n',
        b'{"protocol": 1, "command": "events", "arguments": {"after": ' + b"9" * 5000 + b"}}\n",
        b'{"protocol": 1e999, "command": "status"}\n',
        b"x" * (messages.MAX_LINE + 2),
    ],
    ids=["bytes", "utf-8", "deep", "deep-protocol", "name", "surrogate", "number", "inf", "long"],
)
def test_garbage_gets_one_short_sentence_and_no_traceback(
    shared_victim: Victim, line: bytes
) -> None:
    told = answer_to(shared_victim, line)
    assert "error" in told
    assert len(json.dumps(told)) < 2000
    assert "Traceback" not in shared_victim.log
    assert shared_victim.status().state == "active"


def test_what_is_asked_for_forges_no_line_of_the_log(shared_victim: Victim) -> None:
    lines = shared_victim.log.count("\n")
    evil = "a\n12:00:00 pulse: forged\x1b[2J\u202e"
    for request in (messages.Explain(evil, evil), messages.Plan("x = 1\n", evil)):
        answer_to(shared_victim, messages.encode_request(request))
    wanted = {"virtual": evil, "real": evil, "override": "force-down", "by": evil}
    said = {"protocol": 1, "command": "override", "arguments": wanted}

    def ordered() -> bool:  # the crowds of other tests may still be there: then it is busy
        answer_to(shared_victim, json.dumps(said).encode() + b"\n")
        return "forged" in shared_victim.log

    wait_until(ordered, "the order is in the log")
    assert "\x1b" not in shared_victim.log
    for line in shared_victim.log.split("\n")[lines:]:
        if "forged" in line:
            assert re.match(r"\d\d:\d\d:\d\d pulse: .*order.* by=.* through root$", line)


def test_what_the_engine_quotes_commands_no_terminal(shared_victim: Victim) -> None:
    done = shared_victim.lvsctl("explain", "sh\x1b[2Jop/o\u202ene")
    assert done.returncode == 1
    assert "sh\\x1b[2Jop/o\\u202ene" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_who_asks_slowly_is_hung_up_on(shared_victim: Victim) -> None:
    """A byte now and then does not keep a connection; one that was half closed is over."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(shared_victim.socket))
        connection.sendall(b"{")
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(ANSWER_S)
        assert connection.recv(100) == b""


def test_no_reload_amid_a_stop_puts_back_what_was_taken_away(victim: Victim) -> None:
    victim.start()
    over = threading.Event()

    def keep_reloading() -> None:
        while not over.is_set():
            with suppress(EngineError):
                client.ask(victim.socket, messages.Reload(), messages.Reloaded)

    threads = [threading.Thread(target=keep_reloading, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: "rereading" in victim.log, "reloads are under way")
    assert victim.end(signal.SIGTERM) == 0
    over.set()
    for thread in threads:
        thread.join(5)
    after = victim.log[victim.log.rindex("shutting down virtual service") :]
    assert "starting virtual service" not in after
    assert "pulse has stopped" in after
    assert "Traceback" not in victim.log
