"""What the fakes promise beyond the contracts of their ports: virtual time, scripts, and one world for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from attrs import define, field

from swaplab_core.domain.errors import StartFailed
from swaplab_core.domain.launch import HttpCall, LaunchSpec, StopStrategy
from swaplab_core.testing.fakes import (
    CRASHED,
    FAILED,
    HANGS,
    KILLED,
    TERMINATED,
    CannotStart,
    DiesAtStart,
    DiesWhileServing,
    FakeHttp,
    FakeProcess,
    FakeProcesses,
    IgnoresTerm,
    LateReady,
    ManualClock,
    NeverListens,
    NeverReady,
    Slowly,
    SlowToLeave,
)
from swaplab_core.testing.output import Output

URL = "http://127.0.0.1:5800"
SPEC = LaunchSpec(("engine",), URL)
HEALTH = HttpCall("GET", "/health", timeout_seconds=5.0)


@define
class World:
    clock: ManualClock = field(factory=ManualClock)
    http: FakeHttp = field(init=False)
    processes: FakeProcesses = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.http = FakeHttp(self.clock)
        self.processes = FakeProcesses(self.clock, self.http)

    async def start(self) -> FakeProcess:
        process = await self.processes.start(SPEC, Output())
        await self.clock.settle()
        return process

    async def status(self) -> int | None:
        return await self.http.call(URL, HEALTH)


def _run(scenario: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(120):
            await scenario(World())

    asyncio.run(main())


def test_time_stands_still_until_it_is_advanced() -> None:
    async def scenario(world: World) -> None:
        made: list[float] = []
        for seconds in (3.0, 1.0, 2.0):
            world.clock.call_later(seconds, lambda: made.append(world.clock.now()))
        await world.clock.settle()
        assert (world.clock.now(), made, world.clock.pending) == (0.0, [], (1.0, 2.0, 3.0))
        await world.clock.advance(2.0)
        assert (world.clock.now(), made, world.clock.pending) == (2.0, [1.0, 2.0], (1.0,))

    _run(scenario)


def test_calls_of_the_same_moment_are_made_in_the_order_they_were_asked_for() -> None:
    async def scenario(world: World) -> None:
        made: list[int] = []
        for number in range(10):
            world.clock.call_later(1.0, lambda number=number: made.append(number))  # type: ignore[misc]
        await world.clock.advance(1.0)
        assert made == list(range(10))

    _run(scenario)


def test_a_sleeper_that_sleeps_again_is_woken_at_each_of_its_times_in_one_advance() -> None:
    async def scenario(world: World) -> None:
        woken: list[float] = []

        async def sleep_often() -> None:
            for _ in range(4):
                await world.clock.sleep(0.25)
                woken.append(world.clock.now())

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sleep_often())
            await world.clock.advance(1.0)
        assert woken == [0.25, 0.5, 0.75, 1.0]

    _run(scenario)


def test_a_cancelled_sleeper_leaves_no_timer() -> None:
    async def scenario(world: World) -> None:
        async with asyncio.TaskGroup() as tasks:
            sleeper = tasks.create_task(world.clock.sleep(5.0))
            await world.clock.settle()
            assert list(world.clock.pending) == [5.0]
            sleeper.cancel()
        assert list(world.clock.pending) == []

    _run(scenario)


def test_a_fake_engine_serves_its_base_url_as_long_as_it_runs() -> None:
    async def scenario(world: World) -> None:
        assert await world.status() is None
        process = await world.start()
        assert await world.status() == 200
        assert await world.http.is_taken(URL)
        assert await process.stop(StopStrategy()) == TERMINATED
        assert await world.status() is None
        assert not await world.http.is_taken(URL)
        assert (world.processes.running, world.processes.started) == ((), [process])

    _run(scenario)


def test_late_ready_loads_for_its_time() -> None:
    async def scenario(world: World) -> None:
        world.processes.default = LateReady(ready_after=30.0)
        await world.start()
        await world.clock.advance(29.9)
        assert await world.status() == 503
        await world.clock.advance(0.1)
        assert await world.status() == 200

    _run(scenario)


@pytest.mark.parametrize(("behaviour", "status"), [(NeverReady(), 503), (NeverListens(), None)])
def test_what_is_never_ready_runs_and_loads_for_ever(behaviour: NeverReady, status: int | None) -> None:
    async def scenario(world: World) -> None:
        world.processes.default = behaviour
        process = await world.start()
        await world.clock.advance(1e6)
        assert await world.status() == status
        assert process.is_running

    _run(scenario)


def test_what_dies_at_start_is_gone_with_its_last_words() -> None:
    async def scenario(world: World) -> None:
        world.processes.default = DiesAtStart()
        output = Output()
        process = await world.processes.start(SPEC, output)
        assert await process.wait() == FAILED
        assert output.lines == ["error: cannot load the model"]
        assert await world.status() is None

    _run(scenario)


def test_what_dies_while_serving_was_ready_before() -> None:
    async def scenario(world: World) -> None:
        world.processes.default = DiesWhileServing(ends_after=60.0)
        process = await world.start()
        await world.clock.advance(59.0)
        assert await world.status() == 200
        await world.clock.advance(1.0)
        assert await process.wait() == CRASHED
        assert await world.status() is None

    _run(scenario)


def test_what_ignores_the_signal_is_killed_at_the_end_of_the_grace_and_not_before() -> None:
    async def scenario(world: World) -> None:
        world.processes.default = IgnoresTerm()
        process = await world.start()
        async with asyncio.TaskGroup() as tasks:
            stop = tasks.create_task(process.stop(StopStrategy(grace_seconds=10.0)))
            await world.clock.advance(9.9)
            assert process.is_running
            await world.clock.advance(0.1)
        assert stop.result() == KILLED

    _run(scenario)


def test_what_is_slow_to_leave_takes_its_time() -> None:
    async def scenario(world: World) -> None:
        world.processes.default = SlowToLeave(leaves_after=3.0)
        process = await world.start()
        strategy = StopStrategy(("stop-it", "${PID}"), grace_seconds=10.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(process.stop(strategy))
            await world.clock.advance(2.9)
            assert process.is_running
            await world.clock.advance(0.1)
        assert process.stops == [strategy]

    _run(scenario)


def test_each_start_of_a_program_follows_the_next_of_its_script() -> None:
    async def scenario(world: World) -> None:
        world.processes.script("engine", CannotStart(), DiesAtStart(), IgnoresTerm())
        with pytest.raises(StartFailed, match="program not found: engine"):
            await world.start()
        assert await (await world.start()).wait() == FAILED
        for _ in range(2):
            assert (await world.start()).behaviour == IgnoresTerm()
        other = await world.processes.start(LaunchSpec(("other",), "http://127.0.0.1:5801"), Output())
        assert other.behaviour == world.processes.default

    _run(scenario)


def test_a_crash_on_demand_is_an_exit_like_any_other() -> None:
    async def scenario(world: World) -> None:
        output = Output()
        process = await world.processes.start(SPEC, output)
        await world.clock.settle()
        process.say(b"before\n")
        process.exit(CRASHED)
        process.say(b"after\n")
        assert await process.wait() == CRASHED
        assert output.lines == ["started", "before"]

    _run(scenario)


def test_a_path_may_have_a_script_of_its_own_and_answers_come_in_turn() -> None:
    async def scenario(world: World) -> None:
        world.http.serve(URL, 503, None, 200)
        world.http.serve(URL, 500, path="/sleep")
        assert [await world.status() for _ in range(4)] == [503, None, 200, 200]
        assert await world.http.call(URL, HttpCall("POST", "/sleep")) == 500
        assert world.http.calls[-1] == (URL, HttpCall("POST", "/sleep"))

    _run(scenario)


@pytest.mark.parametrize(("answer", "expected", "seconds"), [(Slowly(200, 3.0), 200, 3.0), (HANGS, None, 5.0)])
def test_a_slow_answer_takes_its_time_or_the_callers_patience(
    answer: Slowly, expected: int | None, seconds: float
) -> None:
    async def scenario(world: World) -> None:
        world.http.serve(URL, answer)
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(world.status())
            await world.clock.settle()
            assert world.clock.pending == (seconds,)
            await world.clock.advance(seconds)
        assert call.result() == expected

    _run(scenario)
