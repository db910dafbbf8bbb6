from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lvsengine.notify import notify


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def received(manager: socket.socket) -> list[str]:
    return manager.recv(65536).decode().split("\n")


def environ(manager: socket.socket) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname()}


def test_fields_go_in_one_datagram(manager: socket.socket) -> None:
    assert notify(environ(manager), READY="1", STATUS="active: single director")
    assert received(manager) == ["READY=1", "STATUS=active: single director"]


@pytest.mark.parametrize("field", ["STOPPING", "WATCHDOG"])
def test_other_fields_go_as_they_are(manager: socket.socket, field: str) -> None:
    assert notify(environ(manager), **{field: "1"})
    assert received(manager) == [f"{field}=1"]


def test_reloading_carries_the_monotonic_time(manager: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    assert notify(environ(manager), RELOADING="1")
    stamp, reloading = received(manager)
    assert reloading == "RELOADING=1"
    name, _, microseconds = stamp.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(microseconds) <= time.monotonic_ns() // 1000


def test_a_socket_in_the_abstract_namespace_is_reached() -> None:
    name = f"notify-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        assert notify({"NOTIFY_SOCKET": f"@{name}"}, READY="1")
        assert received(listening) == ["READY=1"]


def test_a_value_cannot_bring_a_field_of_its_own(manager: socket.socket) -> None:
    assert notify(environ(manager), STATUS="down\nMAINPID=1\rX=\udcff")
    assert received(manager) == ["STATUS=down MAINPID=1 X=?"]


def test_a_long_status_is_cut(manager: socket.socket) -> None:
    assert notify(environ(manager), STATUS="x" * 100_000)
    assert received(manager) == ["STATUS=" + "x" * 1000]


@pytest.mark.parametrize(
    "address",
    ["", "vsock:2:1", "/nowhere/notify", "/" + "x" * 200, "/null\0byte", "@nobody-listens"],
)
def test_where_nobody_listens_the_answer_is_no_and_no_error(address: str) -> None:
    assert not notify({"NOTIFY_SOCKET": address}, READY="1")


def test_without_systemd_nothing_is_sent() -> None:
    assert not notify({}, READY="1")


def test_a_manager_that_does_not_read_is_not_waited_for(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lvsengine.notify.DEADLINE_S", 0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filling:
        filling.setblocking(False)
        filling.connect(manager.getsockname())
        with pytest.raises(BlockingIOError):
            fill(filling)
    assert not notify(environ(manager), WATCHDOG="1")


def fill(sending: socket.socket) -> None:
    while True:
        sending.send(b"x" * 1000)
