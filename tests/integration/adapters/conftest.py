"""Real processes on both event loops."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.testing.output import Output

Run = Callable[[Coroutine[Any, Any, None]], None]
IsGone = Callable[[int], bool]

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on a new event loop; the test is repeated for each kind of loop."""

    def run_scenario(scenario: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(asyncio.wait_for(scenario, 30))

    return run_scenario


@pytest.fixture
def processes() -> Iterator[LocalProcesses]:
    """Processes under test, closed afterwards: what a failed test left running is killed by the guard."""
    processes = LocalProcesses(linger_seconds=0.2)
    yield processes
    processes.close()


@pytest.fixture
def patient(processes: LocalProcesses) -> LocalProcesses:
    """The same; they look for what has left its group as long as that takes, also on a busy machine."""
    processes.linger_seconds = 20.0
    return processes


@pytest.fixture
def output() -> Output:
    """Collects what a process prints."""
    return Output()


@pytest.fixture
def is_gone() -> IsGone:
    """Has a process ended? One that its new parent has not reaped yet counts as gone."""

    def ask(pid: int) -> bool:
        try:
            os.kill(pid, 0)
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (ProcessLookupError, FileNotFoundError):
            return True

    return ask
