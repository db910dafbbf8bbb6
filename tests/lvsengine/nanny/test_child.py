"""Real small programs. After each test nothing that it started is left, dead or alive."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lvsengine.nanny import child
from lvsengine.nanny.child import PRINTED_BYTES, Ended, run


def children() -> list[int]:
    """List our children, zombies among them."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in found.split()]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = children()
    descriptors = len(os.listdir("/proc/self/fd"))
    yield
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


async def test_what_it_prints_and_its_status_come_back() -> None:
    assert await run(sh("echo OK"), 5) == Ended(0, b"OK\n")
    assert await run(sh("printf no; exit 3"), 5) == Ended(3, b"no")
    assert await run(sh("kill -9 $$"), 5) == Ended(-9, b"")


async def test_it_gets_path_and_lang_and_none_of_the_rest_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("LANG", "C.UTF-8")
    ended = await run(["env"], 5)
    assert {line.partition(b"=")[0] for line in ended.printed.splitlines()} == {b"PATH", b"LANG"}


async def test_it_gets_no_input_no_place_for_errors_and_no_file_of_ours(tmp_path: Path) -> None:
    with (tmp_path / "ours").open("w"):
        ended = await run(sh("cat; ls -l /proc/self/fd"), 5)
    files = ended.printed.decode()
    assert "0 -> /dev/null" in files
    assert "2 -> /dev/null" in files
    assert str(tmp_path) not in files


async def test_at_its_deadline_it_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    ended = await run(sh(f"echo begun; sleep 60 & echo $! > {tmp_path}/pid; wait"), 0.2)
    assert ended == Ended(None, b"begun\n")
    await gone(int((tmp_path / "pid").read_text()))


async def test_what_it_leaves_running_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    started = time.monotonic()
    assert await run(sh(f"sleep 60 & echo $! > {tmp_path}/pid; echo OK"), 5) == Ended(0, b"OK\n")
    assert time.monotonic() - started < 2
    await gone(int((tmp_path / "pid").read_text()))


def state(pid: int) -> str:
    """Give the process's state; Z is ended and not yet reaped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def gone(pid: int) -> None:
    """Wait until the process has ended; whose child it is now must reap it."""
    async with asyncio.timeout(2):
        while Path(f"/proc/{pid}").exists():
            if state(pid) == "Z":
                return
            await asyncio.sleep(0.005)


async def test_one_that_closes_its_output_early_is_waited_for() -> None:
    assert await run(sh("echo OK; exec >&-; sleep 0.05; exit 4"), 5) == Ended(4, b"OK\n")


async def test_one_that_prints_without_end_is_killed_at_once() -> None:
    started = time.monotonic()
    ended = await run(["yes"], 5)
    assert (ended.code, len(ended.printed)) == (None, PRINTED_BYTES + 1)
    assert time.monotonic() - started < 2


async def test_one_that_prints_too_much_and_ends_is_found_out() -> None:
    ended = await run(sh(f"head -c {PRINTED_BYTES + 1} /dev/zero"), 5)
    assert (ended.code, len(ended.printed)) == (None, PRINTED_BYTES + 1)
    ended = await run(sh(f"head -c {PRINTED_BYTES} /dev/zero"), 5)
    assert (ended.code, len(ended.printed)) == (0, PRINTED_BYTES)


async def test_one_that_cannot_be_started_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        await run(["/nowhere/check"], 5)


async def test_when_nobody_waits_any_more_it_is_killed_and_reaped() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await run(["sleep", "60"], 5)
    assert children() == []


async def test_one_that_does_not_die_at_once_is_reaped_when_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    really, loop = os.killpg, asyncio.get_running_loop()

    def slowly(group: int, number: int) -> None:
        loop.call_later(0.05, really, group, number)

    monkeypatch.setattr(child, "DYING_S", 0.0)
    monkeypatch.setattr(os, "killpg", slowly)
    assert await run(["sleep", "60"], 0.01) == Ended(None, b"")
    assert len(children()) == 1
    monkeypatch.undo()
    async with asyncio.timeout(2):
        while children():
            await asyncio.sleep(0.005)


async def test_its_end_and_too_much_output_in_one_turn_of_the_loop_are_one_outcome() -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(["head", "-c", "5000", "/dev/zero"], 5))
        while not children():
            await asyncio.sleep(0)
        (pid,) = children()
        while state(pid) != "Z":  # the loop stands still meanwhile
            pass
    assert task.result().code is None


async def test_without_a_descriptor_to_watch_it_by_it_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_descriptor(pid: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", no_descriptor)
    with pytest.raises(OSError, match="Too many open files"):
        await run(["sleep", "60"], 5)
