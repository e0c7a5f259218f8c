"""What every `Processes`, and every `Process` it starts, must do. Times are short, so that it runs in real time too."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Protocol

import pytest

from swaplab_core.domain.errors import StartFailed
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.ports import ExitStatus, Process, Processes
from swaplab_core.testing.contracts.scenario import Contract
from swaplab_core.testing.fakes import (
    CRASHED,
    FAILED,
    KILLED,
    TERMINATED,
    WELL,
    Behaviour,
    CannotStart,
    DiesAtStart,
    DiesWhileServing,
    IgnoresTerm,
    SlowToLeave,
)
from swaplab_core.testing.output import Output

PATIENT = StopStrategy(grace_seconds=3600.0)
HASTY = StopStrategy(grace_seconds=0.05)


class ProcessesWorld(Protocol):
    """A `Processes` under test, and programs for it."""

    @property
    def processes(self) -> Processes:
        """The adapter or fake under test."""
        ...

    @property
    def polite_command(self) -> tuple[str, ...]:
        """A stop command (with `${PID}`) that asks a process to go, as SIGTERM would."""
        ...

    @abstractmethod
    def spec(self, behaviour: Behaviour) -> LaunchSpec:
        """A program that does this. It prints `says` when it can be stopped, not before; readiness plays no part."""


class ProcessesContract(Contract[ProcessesWorld]):
    """Inherit and implement `world`."""

    def test_output_comes_completely_and_in_order_before_the_end(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            output = Output()
            behaviour = DiesAtStart(says=(b"one\n", b"two\n", b"three"))
            process = await world.processes.start(world.spec(behaviour), output)
            await process.wait()
            assert output.data == b"one\ntwo\nthree"

        self.run(scenario)

    @pytest.mark.parametrize("end", [WELL, FAILED, CRASHED, KILLED, ExitStatus(code=42)], ids=str)
    def test_wait_answers_how_it_ended(self, end: ExitStatus) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await world.processes.start(world.spec(DiesWhileServing(ends_after=0.02, end=end)), Output())
            assert await process.wait() == end
            assert await process.wait() == end

        self.run(scenario)

    def test_several_may_wait_and_one_may_lose_interest(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, Behaviour())
            async with asyncio.TaskGroup() as tasks:
                waiters = [tasks.create_task(process.wait()) for _ in range(3)]
                await asyncio.sleep(0)
                waiters[0].cancel()
                await process.stop(PATIENT)
            assert [waiter.result() for waiter in waiters[1:]] == [TERMINATED, TERMINATED]

        self.run(scenario)

    def test_processes_are_told_apart_by_their_pids(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            first, second = await _running(world, Behaviour()), await _running(world, Behaviour())
            assert first.pid != second.pid
            await first.stop(PATIENT)
            async with asyncio.TaskGroup() as tasks:
                waiter = tasks.create_task(second.wait())
                await asyncio.sleep(0)
                assert not waiter.done()
                await second.stop(PATIENT)

        self.run(scenario)

    def test_a_program_that_cannot_start_says_why_and_what_to_do(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            spec = world.spec(CannotStart())
            with pytest.raises(StartFailed) as caught:
                await world.processes.start(spec, Output())
            assert spec.argv[0] in caught.value.message
            assert caught.value.advice

        self.run(scenario)

    def test_stop_asks_first(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, Behaviour())
            assert await process.stop(PATIENT) == TERMINATED

        self.run(scenario)

    def test_the_grace_is_honoured(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, SlowToLeave(leaves_after=0.2, left=ExitStatus(code=7)))
            assert await process.stop(PATIENT) == ExitStatus(code=7)

        self.run(scenario)

    def test_whoever_ignores_the_request_is_killed_after_the_grace(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, IgnoresTerm())
            assert await process.stop(HASTY) == KILLED

        self.run(scenario)

    def test_a_stop_command_asks_instead(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, Behaviour())
            assert await process.stop(StopStrategy(world.polite_command, grace_seconds=3600.0)) == TERMINATED

        self.run(scenario)

    def test_a_stop_command_in_vain_is_followed_by_the_kill(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, IgnoresTerm())
            assert await process.stop(StopStrategy(world.polite_command, grace_seconds=0.1)) == KILLED

        self.run(scenario)

    def test_a_second_stop_joins_the_first(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, SlowToLeave(leaves_after=0.1))
            async with asyncio.TaskGroup() as tasks:
                stops = [tasks.create_task(process.stop(PATIENT)) for _ in range(3)]
            assert [stop.result() for stop in stops] == [WELL] * 3

        self.run(scenario)

    def test_a_second_stop_with_a_shorter_grace_brings_the_kill_forward(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, IgnoresTerm())
            async with asyncio.TaskGroup() as tasks:
                patient = tasks.create_task(process.stop(PATIENT))
                await asyncio.sleep(0)
                assert await process.stop(HASTY) == KILLED
            assert patient.result() == KILLED

        self.run(scenario)

    def test_a_second_stop_with_a_longer_grace_does_not_put_the_kill_off(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, IgnoresTerm())
            async with asyncio.TaskGroup() as tasks:
                hasty = tasks.create_task(process.stop(HASTY))
                await asyncio.sleep(0)
                assert await process.stop(PATIENT) == KILLED
            assert hasty.result() == KILLED

        self.run(scenario)

    def test_a_stop_goes_on_when_its_caller_is_cancelled(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await _running(world, IgnoresTerm())
            async with asyncio.TaskGroup() as tasks:
                stop = tasks.create_task(process.stop(HASTY))
                await asyncio.sleep(0)
                stop.cancel()
            assert await process.wait() == KILLED

        self.run(scenario)

    def test_stopping_what_has_gone_answers_how_it_went(self) -> None:
        async def scenario(world: ProcessesWorld) -> None:
            process = await world.processes.start(world.spec(DiesAtStart()), Output())
            await process.wait()
            assert await process.stop(PATIENT) == FAILED
            assert await process.stop(StopStrategy(world.polite_command, grace_seconds=3600.0)) == FAILED

        self.run(scenario)


async def _running(world: ProcessesWorld, behaviour: Behaviour) -> Process:
    """Start it and wait until it says that it can be stopped."""
    output = Output()
    process = await world.processes.start(world.spec(behaviour), output)
    await output.wait_for_lines(1)
    return process
