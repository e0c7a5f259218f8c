"""Stop commands of real processes: what they are given, and that a useless one never holds the stop up."""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.ports import ExitStatus
from swaplab_core.testing.output import Output

Run = Callable[[Coroutine[Any, Any, None]], None]
IsGone = Callable[[int], bool]

KILLED = ExitStatus(signal=signal.SIGKILL)
TERMINATED = ExitStatus(signal=signal.SIGTERM)
SLEEPER = ("sh", "-c", "echo up; exec sleep 3600")
DEAF = ("sh", "-c", "trap '' TERM; echo up; exec sleep 3600")


def _spec(*argv: str) -> LaunchSpec:
    return LaunchSpec(argv, "http://127.0.0.1:1")


def _shell(command: str, grace_seconds: float = 3600.0) -> StopStrategy:
    return StopStrategy(("sh", "-c", command, "stop-${PID}", "${PID}"), grace_seconds)


def test_the_pid_stands_in_for_its_macro_in_every_argument(run: Run, processes: LocalProcesses, output: Output) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec(*SLEEPER), output)
        await output.wait_for_lines(1)
        assert await process.stop(_shell('echo "$0 $1"; kill ${PID}')) == TERMINATED
        assert output.lines[1:] == [f"stop-{process.pid} {process.pid}"]

    run(scenario())


def test_environment_and_folder_are_those_of_the_model(
    run: Run, processes: LocalProcesses, output: Output, tmp_path: Path
) -> None:
    async def scenario() -> None:
        spec = LaunchSpec(SLEEPER, "http://127.0.0.1:1", env={"CONTAINER": "box"}, cwd=PurePosixPath(tmp_path))
        process = await processes.start(spec, output)
        await output.wait_for_lines(1)
        await process.stop(_shell('echo "$CONTAINER"; pwd; kill $1'))
        assert output.lines[1:] == ["box", str(tmp_path)]

    run(scenario())


def test_a_command_that_cleans_up_after_the_engine_may_finish(
    run: Run, processes: LocalProcesses, output: Output
) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec(*SLEEPER), output)
        await output.wait_for_lines(1)
        assert await process.stop(_shell("kill $1; sleep 0.3; echo removed")) == TERMINATED
        assert output.lines[1:] == ["removed"]

    run(scenario())


def test_a_command_that_hangs_is_killed_with_the_engine_after_the_grace(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec(*SLEEPER), output)
        await output.wait_for_lines(1)
        assert await process.stop(_shell("trap '' TERM; echo $$; sleep 3600", grace_seconds=1.0)) == KILLED
        assert is_gone(int(output.lines[1]))
        assert is_gone(process.pid)

    run(scenario())


def test_a_command_that_goes_on_for_ever_after_the_engine_went_is_killed(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec(*SLEEPER), output)
        await output.wait_for_lines(1)
        assert await process.stop(_shell("kill $1; echo $$; exec sleep 3600", grace_seconds=1.0)) == TERMINATED
        assert is_gone(int(output.lines[1]))

    run(scenario())


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("false",), "the stop command failed: exit code 1; sending SIGTERM instead"),
        (("no-such-stopper", "${PID}"), "the stop command cannot be started: program not found: no-such-stopper"),
    ],
    ids=["failing", "missing"],
)
def test_a_command_that_fails_is_replaced_by_the_signal(
    run: Run, processes: LocalProcesses, output: Output, argv: tuple[str, ...], message: str
) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec(*SLEEPER), output)
        await output.wait_for_lines(1)
        assert await process.stop(StopStrategy(argv, grace_seconds=3600.0)) == TERMINATED
        assert message in output.lines[1]

    run(scenario())


@pytest.mark.parametrize("argv", [("false",), ("no-such-stopper",), ("true",)])
def test_a_deaf_engine_is_killed_whatever_the_command_did(
    run: Run, processes: LocalProcesses, output: Output, argv: tuple[str, ...]
) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec(*DEAF), output)
        await output.wait_for_lines(1)
        assert await process.stop(StopStrategy(argv, grace_seconds=0.2)) == KILLED

    run(scenario())
