from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lvsengine.commands import AT_ONCE, Commands


async def until_there(path: Path) -> None:
    async with asyncio.timeout(5):
        while not path.exists():
            await asyncio.sleep(0.005)


async def running(commands: Commands, path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(commands.run())
        await until_there(path)
        task.cancel()


async def test_commands_run_one_after_another_without_a_shell(tmp_path: Path) -> None:
    commands = Commands()
    commands.start("active_cmd", f"touch {tmp_path}/a;b {tmp_path}/$HOME")
    commands.start("inactive_cmd", f"touch {tmp_path}/last")
    await running(commands, tmp_path / "last")
    assert {path.name for path in tmp_path.iterdir()} == {"a;b", "$HOME", "last"}


async def test_one_that_fails_or_is_not_there_is_said_and_the_next_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commands = Commands()
    commands.start("active_cmd", "/no/such/program now")
    commands.start("active_cmd", "false")
    commands.start("inactive_cmd", f"touch {tmp_path}/last")
    await running(commands, tmp_path / "last")
    assert "active_cmd cannot be run: /no/such/program" in caplog.text
    assert "active_cmd ended with status 1" in caplog.text


async def test_one_that_does_not_end_is_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commands = Commands(limit_s=0.05)
    commands.start("active_cmd", "sleep 60")
    commands.start("inactive_cmd", f"touch {tmp_path}/last")
    await running(commands, tmp_path / "last")
    assert "active_cmd was ended: it took longer than 0.05 s" in caplog.text


async def test_too_many_are_refused_aloud(caplog: pytest.LogCaptureFixture) -> None:
    commands = Commands()
    for _ in range(AT_ONCE + 1):
        commands.start("active_cmd", "true")
    assert f"active_cmd is not run: {AT_ONCE} others are waiting" in caplog.text


async def test_one_that_others_may_write_is_not_run_and_the_next_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "takeover"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/run\n")
    program.chmod(0o777)
    commands = Commands()
    commands.start("active_cmd", str(program))
    commands.start("inactive_cmd", f"touch {tmp_path}/last")
    await running(commands, tmp_path / "last")
    assert f"active_cmd = {program} is not run: everybody may write the folder /" in caplog.text
    assert not (tmp_path / "run").exists()
