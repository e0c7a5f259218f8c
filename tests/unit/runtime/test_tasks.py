"""Background tasks: kept alive, and a failure is reported."""

from __future__ import annotations

import asyncio
import gc
import logging

from swaplab_core.runtime.tasks import spawn


def test_a_task_that_nobody_keeps_lives_to_its_end():
    async def scenario() -> None:
        done = asyncio.Event()

        async def work() -> None:
            await asyncio.sleep(0)
            gc.collect()
            await asyncio.sleep(0)
            done.set()

        spawn(work(), name="kept")
        gc.collect()
        await asyncio.wait_for(done.wait(), 120)

    asyncio.run(scenario())


def test_a_failure_is_logged_under_the_tasks_name_with_its_traceback(caplog):
    async def scenario() -> None:
        async def work() -> None:
            raise ValueError("broken")

        await spawn(work(), name="the job")

    asyncio.run(scenario())

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "'the job'" in record.getMessage()
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "broken"


def test_a_cancelled_task_is_no_failure(caplog):
    async def scenario() -> None:
        task = spawn(asyncio.sleep(60), name="cancelled")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(scenario())

    assert not caplog.records
