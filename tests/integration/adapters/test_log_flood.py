"""An engine that writes without end must neither block nor be blocked, and lose nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from attrs import define

from swaplab_core.adapters.process_group import CHUNK_BYTES
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.ports import ExitStatus

Run = Callable[[Coroutine[Any, Any, None]], None]

MEGABYTE = 1_000_000
FLOOD_MEGABYTES = 200
LINE = "f'{number:>99_}\\n'.encode() * 10_000"
SPEC_URL = "http://127.0.0.1:1"


@define
class Meter:
    """Counts instead of keeping."""

    total: int = 0
    largest: int = 0

    def __call__(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self.largest = max(self.largest, len(chunk))


async def _longest_pause(done: asyncio.Event) -> float:
    """The longest time, in seconds, for which the event loop did not come back to us."""
    loop = asyncio.get_running_loop()
    longest, last = 0.0, loop.time()
    while not done.is_set():
        await asyncio.sleep(0)
        longest, last = max(longest, loop.time() - last), loop.time()
    return longest


def test_the_event_loop_goes_on_during_a_flood_and_every_byte_arrives(run: Run, processes: LocalProcesses) -> None:
    program = f"import os\nfor number in range({FLOOD_MEGABYTES}):\n    data = {LINE}\n    while data:\n"
    program += "        data = data[os.write(1, data):]"

    async def scenario() -> None:
        meter, done = Meter(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            pause = tasks.create_task(_longest_pause(done))
            process = await processes.start(LaunchSpec((sys.executable, "-c", program), SPEC_URL), meter)
            assert await process.wait() == ExitStatus(code=0)
            done.set()
        assert meter.total == FLOOD_MEGABYTES * MEGABYTE
        assert meter.largest <= CHUNK_BYTES
        assert pause.result() < 0.5

    run(scenario())


def test_a_flood_can_be_stopped(run: Run, processes: LocalProcesses) -> None:
    async def scenario() -> None:
        process = await processes.start(LaunchSpec(("yes", "deaf" * 100), SPEC_URL), Meter())
        await process.stop(StopStrategy(grace_seconds=3600.0))

    run(scenario())


def test_a_runaway_that_never_stops_writing_cannot_hold_the_end_up(run: Run, processes: LocalProcesses) -> None:
    command = "setsid yes & exec sleep 3600"

    async def scenario() -> None:
        meter = Meter()
        process = await processes.start(LaunchSpec(("sh", "-c", command), SPEC_URL), meter)
        await process.stop(StopStrategy(grace_seconds=3600.0))
        total = meter.total
        await asyncio.sleep(0.01)
        assert meter.total == total  # nothing after the end; the runaway dies of its broken pipe

    run(scenario())
