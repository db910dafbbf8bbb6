from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from lvsengine import history
from lvsengine.history import History
from lvsengine.snapshot import RoleChange

A_CHANGE = RoleChange(1_700_000_000.5, "active", "peer dead", "no heartbeat for 3 s", 0.012)


async def kept(folder: Path, *changes: RoleChange) -> History:
    made = History(folder)
    for change in changes:
        made.add(change)
    await made.flush()
    return made


def loaded(folder: Path) -> History:
    read = History(folder)
    read.load()
    return read


async def test_what_was_remembered_is_there_after_a_restart(tmp_path: Path) -> None:
    later = RoleChange(1_700_000_100.0, "standby", "handover", "handed over", 0.02)
    await kept(tmp_path, A_CHANGE, later)
    assert loaded(tmp_path).changes == (A_CHANGE, later)


async def test_a_change_is_on_disk_without_being_asked_for(tmp_path: Path) -> None:
    made = History(tmp_path)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        made.add(A_CHANGE)
        while not (tmp_path / history.NAME).exists():
            await asyncio.sleep(0.01)
        running.cancel()
    assert loaded(tmp_path).changes == (A_CHANGE,)


async def test_only_the_last_hundred_are_remembered(tmp_path: Path) -> None:
    changes = [
        RoleChange(float(number), "active", "handover", str(number), 0.0) for number in range(250)
    ]
    made = await kept(tmp_path, *changes)
    assert made.changes == tuple(changes[-100:])
    assert loaded(tmp_path).changes == tuple(changes[-100:])


def test_nothing_kept_yet_is_empty_and_nothing_to_speak_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert loaded(tmp_path).changes == ()
    assert caplog.text == ""


def with_value(**other: object) -> str:
    row = {"at": 1.0, "state": "active", "cause": "c", "reason": "r", "seconds": 0.1}
    return json.dumps({"changes": [{**row, **other}]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"changes": [{"at": 1}]}',
        '{"changes": 5}',
        "[" * 100_000,
        with_value(state="asleep"),
        with_value(at=float("nan")),
        with_value(at=1e300),
        with_value(seconds=-1.0),
        " " * (history.LONGEST + 1),
        "\x00\xff",
    ],
    ids=range(12),
)
async def test_a_file_that_cannot_be_read_is_set_aside_and_never_stops_the_engine(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / history.NAME
    path.write_bytes(text.encode("latin-1"))
    read = loaded(tmp_path)
    assert read.changes == ()
    assert "the history begins anew" in caplog.text
    assert (tmp_path / "history.json.broken").read_bytes() == text.encode("latin-1")
    read.add(A_CHANGE)
    await read.flush()
    assert loaded(tmp_path).changes == (A_CHANGE,)


def test_a_folder_in_its_place_is_set_aside_too(tmp_path: Path) -> None:
    (tmp_path / history.NAME).mkdir()
    assert loaded(tmp_path).changes == ()


async def test_a_disk_that_takes_nothing_is_warned_of_once_and_the_history_goes_on_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("")
    made = await kept(in_the_way, A_CHANGE)
    made.add(A_CHANGE)
    await made.flush()
    assert made.changes == (A_CHANGE, A_CHANGE)
    assert caplog.text.count("is not kept over a restart") == 1
    assert made.warnings == (
        f"the history is not kept over a restart: the state folder {in_the_way} "
        "cannot be written: File exists",
    )
    in_the_way.unlink()
    made.add(A_CHANGE)
    await made.flush()
    assert list(made.warnings) == []
    assert len(loaded(in_the_way).changes) == 3


async def test_nothing_new_is_not_written_again(tmp_path: Path) -> None:
    made = await kept(tmp_path, A_CHANGE)
    (tmp_path / history.NAME).unlink()
    await made.flush()
    assert not (tmp_path / history.NAME).exists()
