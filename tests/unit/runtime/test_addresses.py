"""Two upstreams that want one address: the later waits if the earlier is on its way out, and fails if it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from swaplab_core.domain.ids import Incarnation, ModelId
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.engine.facts import UpstreamExited, UpstreamReady
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.testing.fakes import FakeHttp, FakeProcesses, ManualClock, SlowToLeave

OLD, NEW = ModelId("old"), ModelId("new")
ADDRESS = "http://127.0.0.1:5800"


class World:
    """`old` runs and is ready; both models use the same address."""

    def __init__(self) -> None:
        self.clock, self.facts = ManualClock(), []
        self.http = FakeHttp(self.clock)
        self.processes = FakeProcesses(self.clock, self.http, SlowToLeave())
        self.supervisor = Supervisor(self.processes, self.http, self.clock, self, self.facts.append)

    async def spec(self, model: ModelId) -> LaunchSpec:
        return LaunchSpec((model,), ADDRESS, stop=StopStrategy(grace_seconds=10.0))

    def progress(self, model: ModelId, line: str) -> None:
        return None

    async def start(self, model: ModelId, number: int) -> None:
        self.supervisor.start(model, Incarnation(number))
        await self.clock.advance(1.0)

    def running(self) -> list[str]:
        return [process.spec.argv[0] for process in self.processes.running]


def scenario(play: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World()
        await world.start(OLD, 1)
        assert world.facts == [UpstreamReady(OLD, Incarnation(1))]
        await play(world)

    asyncio.run(run())


def test_whoever_holds_the_address_and_stays_makes_the_other_fail_at_once():
    async def play(world: World) -> None:
        await world.start(NEW, 2)

        _, exited = world.facts
        assert isinstance(exited, UpstreamExited)
        assert "another program already listens on" in exited.reason
        assert world.running() == ["old"]

    scenario(play)


def test_the_address_of_an_outdated_upstream_is_waited_for_however_long_it_takes():
    async def play(world: World) -> None:
        world.supervisor.outdate([OLD, ModelId("not running")])
        await world.start(NEW, 2)
        await world.clock.advance(300.0)
        assert world.running() == ["old"]

        world.supervisor.stop(OLD)
        await world.clock.advance(5.0)

        assert world.running() == ["new"]
        assert world.facts[-1] == UpstreamReady(NEW, Incarnation(2))

    scenario(play)


def test_so_is_that_of_an_upstream_that_is_being_stopped():
    async def play(world: World) -> None:
        world.supervisor.stop(OLD)
        await world.start(NEW, 2)
        assert world.running() == ["old"]

        await world.clock.advance(5.0)

        assert world.running() == ["new"]

    scenario(play)


def test_a_stop_ends_the_waiting_and_nothing_is_started():
    async def play(world: World) -> None:
        world.supervisor.outdate([OLD])
        await world.start(NEW, 2)

        world.supervisor.stop(NEW)
        await world.clock.advance(1.0)

        assert world.facts[-1] == UpstreamExited(NEW, Incarnation(2), "stopped before it was started")
        assert world.running() == ["old"]

    scenario(play)
