"""What every `Clock` must do."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

from swaplab_core.ports import Clock
from swaplab_core.testing.contracts.scenario import Contract

TICK_SECONDS = 0.001
"""Some event loops count in whole milliseconds."""


class ClockWorld(Protocol):
    """A clock, and how time passes for it."""

    @property
    def clock(self) -> Clock:
        """The clock under test."""
        ...

    @abstractmethod
    async def let_pass(self, seconds: float) -> None:
        """Return when at least so much time has passed and all that was due has happened."""


class ClockContract(Contract[ClockWorld]):
    """Inherit and implement `world`."""

    def test_time_passes(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            before = world.clock.now()
            await world.let_pass(0.02)
            assert world.clock.now() - before >= 0.02 - TICK_SECONDS

        self.run(scenario)

    def test_a_sleeper_wakes_after_its_time_and_not_before(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            begin = world.clock.now()
            async with asyncio.TaskGroup() as tasks:
                sleeper = tasks.create_task(_sleep_and_look(world.clock, 0.05))
                await world.let_pass(0.06)
            assert sleeper.result() - begin >= 0.05 - TICK_SECONDS

        self.run(scenario)

    def test_sleeping_for_no_time_returns_by_itself(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            await world.clock.sleep(0)

        self.run(scenario)

    def test_calls_are_made_once_in_the_order_of_their_times(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            made: list[str] = []
            world.clock.call_later(0.04, _note(made, "late"))
            world.clock.call_later(0.01, _note(made, "early"))
            assert made == []
            await world.let_pass(0.06)
            await world.let_pass(0.02)
            assert made == ["early", "late"]

        self.run(scenario)

    def test_a_call_after_no_time_is_made_by_itself_but_not_at_once(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            made = asyncio.Event()
            world.clock.call_later(0, made.set)
            assert not made.is_set()
            await made.wait()

        self.run(scenario)

    def test_a_call_may_ask_for_the_next_one(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            made: list[str] = []
            world.clock.call_later(0.01, lambda: _again(world.clock, made))
            await world.let_pass(0.04)
            await world.let_pass(0.02)
            assert made == ["first", "second"]

        self.run(scenario)

    def test_a_cancelled_call_is_never_made(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            made: list[str] = []
            timer = world.clock.call_later(0.01, _note(made, "call"))
            timer.cancel()
            timer.cancel()
            await world.let_pass(0.03)
            assert made == []

        self.run(scenario)

    def test_cancelling_a_call_that_was_made_is_harmless(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            made: list[str] = []
            timer = world.clock.call_later(0.01, _note(made, "call"))
            await world.let_pass(0.03)
            timer.cancel()
            assert made == ["call"]

        self.run(scenario)

    def test_a_sleeper_can_be_cancelled(self) -> None:
        async def scenario(world: ClockWorld) -> None:
            async with asyncio.TaskGroup() as tasks:
                sleeper = tasks.create_task(world.clock.sleep(3600))
                await world.let_pass(0.01)
                sleeper.cancel()
            assert sleeper.cancelled()

        self.run(scenario)


async def _sleep_and_look(clock: Clock, seconds: float) -> float:
    await clock.sleep(seconds)
    return clock.now()


def _note(made: list[str], name: str) -> Callable[[], None]:
    return lambda: made.append(name)


def _again(clock: Clock, made: list[str]) -> None:
    made.append("first")
    clock.call_later(0.01, _note(made, "second"))
