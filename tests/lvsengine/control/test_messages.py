from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsengine.control import messages
from lvsengine.errors import EngineError
from lvsengine.health import Override
from lvsengine.plain import from_plain

REQUESTS: list[messages.Request] = [
    messages.Status(),
    messages.Reload(),
    messages.Plan("virtual web {\n}\n", "new.cf"),
    messages.ShowTable(),
    messages.ShowProcesses(),
    messages.Explain("web", "one"),
    messages.SetOverride("web", "one", Override.DRAIN, by="root"),
    messages.Events(after=7, follow=True),
    messages.StandBy(force=True),
    messages.TakeOver(),
    messages.ShowHistory(),
    messages.ShowTraffic(("web",)),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: type(one).__name__)
def test_a_request_arrives_as_it_was_sent(request_: messages.Request) -> None:
    line = messages.encode_request(request_)
    assert line.count(b"\n") == 1
    assert messages.decode_request(line) == request_


def test_every_command_is_tried_above() -> None:
    assert {type(request) for request in REQUESTS} == set(messages.COMMANDS.values())


def test_a_result_arrives_as_it_was_sent() -> None:
    planned = messages.Planned("4f2a91c0d3e7", (messages.PlannedLine("-D -t x", 3, "to be cut"),))
    line = messages.encode_result(planned)
    assert from_plain(messages.Planned, messages.decode_answer(line)) == planned


def test_an_error_arrives_with_its_code_and_hint() -> None:
    line = messages.encode_error(EngineError("unsound", "lvs.cf has 2 errors", "mend them"))
    with pytest.raises(EngineError, match=r"lvs\.cf has 2 errors: mend them") as caught:
        messages.decode_answer(line)
    assert caught.value.code == "unsound"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "bad-request"),
        (b"[]", "bad-request"),
        (b"[" * 100_000, "bad-request"),
        (b'{"protocol": 2, "command": "status"}', "other-protocol"),
        (b'{"protocol": 1}', "unknown-command"),
        (b'{"protocol": 1, "command": ["status"]}', "unknown-command"),
        (b'{"protocol": 1, "command": "explain"}', "bad-request"),
        (b'{"protocol": 1, "command": "explain", "arguments": 3}', "bad-request"),
    ],
)
def test_a_line_that_is_no_request_is_refused_with_a_code(line: bytes, code: str) -> None:
    with pytest.raises(EngineError) as caught:
        messages.decode_request(line)
    assert caught.value.code == code


@given(st.binary(max_size=200) | st.text().map(lambda text: json.dumps(text).encode()))
def test_no_line_of_bytes_gets_past_the_border(line: bytes) -> None:
    with pytest.raises(EngineError):
        messages.decode_request(line)
