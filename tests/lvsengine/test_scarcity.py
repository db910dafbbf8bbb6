from __future__ import annotations

import asyncio
import errno
import logging
import resource

import pytest

from lvsengine import scarcity
from lvsengine.errors import EngineError
from lvsengine.scarcity import LoopTrouble, in_thread, is_near_limit


def test_a_number_near_the_limit_says_that_few_are_left() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert not is_near_limit(3, 64)
    assert not is_near_limit(limit - min(64, limit // 4) - 1, 64)
    assert is_near_limit(limit - 1, 64)


async def test_that_nobody_can_be_accepted_is_one_line_and_not_a_traceback_each_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop, trouble = asyncio.get_running_loop(), LoopTrouble()
    error = OSError(errno.EMFILE, "Too many open files")
    for _ in range(100):
        trouble(loop, {"message": "accept", "exception": error})
    assert [record.getMessage() for record in caplog.records] == [
        "connections are not accepted: Too many open files; "
        "raise LimitNOFILE or find who holds so many"
    ]
    assert not caplog.records[0].exc_info


async def test_what_else_the_loop_reports_is_told_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        LoopTrouble()(asyncio.get_running_loop(), {"message": "a task broke"})
    assert "a task broke" in caplog.text


async def test_without_a_thread_the_work_is_refused_in_a_sentence() -> None:
    def none_left() -> None:
        raise RuntimeError("can't start new thread")

    with pytest.raises(EngineError, match="no more threads"):
        await in_thread(none_left)

    def broken() -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        await in_thread(broken)


def test_all_workers_are_there_from_the_start() -> None:
    made = scarcity.workers()
    assert len(made._threads) == scarcity.WORKERS
    made.shutdown()
