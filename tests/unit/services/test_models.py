"""Finding, loading, unloading and describing models, with fake upstreams in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from attrs import define, field

from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.errors import StartFailed, UnknownModel, Unloaded
from swaplab_core.domain.events import Event, ModelPreloaded
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.engine import Phase, SwapEngine
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.runtime.scheduling import engine_limits, eviction_policy
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.services.models.lifecycle import Models
from swaplab_core.services.models.suggestions import known_names
from swaplab_core.testing.fakes import DiesAtStart, FakeHttp, FakeProcesses, LateReady, ManualClock

CONFIG = Config(
    models={
        ModelId(name): ModelConfig(id=ModelId(name), aliases=aliases, concurrency_limit=10, ttl_seconds=0)
        for name, aliases in {"a": ("first",), "b": (), "broken": ()}.items()
    }
)


@define(eq=False)
class World:
    """The service over a real dispatcher and supervisor, with everything below them fake."""

    clock: ManualClock = field(factory=ManualClock)
    processes: FakeProcesses = field(init=False)
    models: Models = field(init=False)

    def __attrs_post_init__(self) -> None:
        http = FakeHttp(self.clock)
        self.processes = FakeProcesses(self.clock, http, LateReady(ready_after=5.0))
        self.processes.script("broken", DiesAtStart())
        engine = SwapEngine.build(eviction_policy(CONFIG), engine_limits(CONFIG))
        dispatcher = Dispatcher(engine, self.clock)
        supervisor = Supervisor(self.processes, http, self.clock, self, dispatcher.tell)
        dispatcher.upstreams = supervisor
        self.models = Models(lambda: CONFIG, dispatcher, supervisor)

    async def spec(self, model: ModelId) -> LaunchSpec:
        return LaunchSpec((model, "--flag", "a b"), f"http://127.0.0.1:{5800 + list(CONFIG.models).index(model)}")

    def progress(self, model: ModelId, line: str) -> None:
        return None

    async def finish(self, work):
        """Let time pass until it is done."""
        task = asyncio.ensure_future(work)
        await self.clock.advance(20.0)
        return await task

    def running(self) -> list[str]:
        return [process.spec.argv[0] for process in self.processes.running]


def run(scenario: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(scenario(World()), 120)

    asyncio.run(main())


def test_a_model_is_found_by_id_and_alias_and_others_are_suggested():
    async def scenario(world: World) -> None:
        assert world.models.find("a") is world.models.find("first")
        with pytest.raises(UnknownModel, match=r"no model named 'frist' is configured \(did you mean 'first'"):
            world.models.find("frist")

    run(scenario)


def test_loading_returns_when_it_is_ready_and_loading_another_swaps():
    async def scenario(world: World) -> None:
        state = await world.finish(world.models.load("first"))
        assert (state.config.id, state.phase, state.pid) == ("a", Phase.READY, 1001)
        assert state.command == "a --flag 'a b'"
        assert state.elapsed_seconds == pytest.approx(5.0, abs=0.5)

        await world.finish(world.models.load("b"))

        assert world.running() == ["b"]

    run(scenario)


def test_a_load_that_fails_raises_why():
    async def scenario(world: World) -> None:
        with pytest.raises(StartFailed, match="broken ended by itself, exit code 1"):
            await world.finish(world.models.load("broken"))

    run(scenario)


def test_preloading_goes_on_after_a_failure(caplog):
    async def scenario(world: World) -> None:
        told: list[Event] = []
        await world.finish(world.models.preload([ModelId("broken"), ModelId("b")], told.append))

        assert world.running() == ["b"]
        assert told == [ModelPreloaded(ModelId("broken"), success=False), ModelPreloaded(ModelId("b"), success=True)]

    run(scenario)
    assert "preload of broken failed" in caplog.text


def test_unloading_ends_a_load_and_who_waits_for_it_learns_it():
    async def scenario(world: World) -> None:
        loading = asyncio.ensure_future(world.models.load("a"))
        await world.clock.advance(1.0)
        await world.finish(world.models.unload(["first"]))

        with pytest.raises(Unloaded, match="a was unloaded"):
            await loading
        assert world.running() == []

    run(scenario)


def test_unloading_nobody_in_particular_unloads_all_and_unknown_ones_are_refused():
    async def scenario(world: World) -> None:
        await world.finish(world.models.load("a"))
        with pytest.raises(UnknownModel):
            await world.models.unload(["a", "x"])
        assert world.running() == ["a"], "nothing is done by halves"

        await world.finish(world.models.unload())

        assert world.running() == []

    run(scenario)


def test_states_follow_the_order_of_the_file():
    async def scenario(world: World) -> None:
        await world.finish(world.models.load("b"))

        states = list(world.models.states())

        assert [(state.config.id, state.phase) for state in states] == [
            ("a", Phase.STOPPED),
            ("b", Phase.READY),
            ("broken", Phase.STOPPED),
        ]
        assert (states[0].pid, states[0].base_url, states[0].command) == (None, "", "")

    run(scenario)


def test_a_plan_changes_nothing():
    async def scenario(world: World) -> None:
        await world.finish(world.models.load("a"))

        plan = world.models.plan("b")

        assert [eviction.model for eviction in plan.evictions] == ["a"]
        assert plan.starts == ("b",)
        assert world.running() == ["a"]

    run(scenario)


def test_what_is_left_of_a_load_is_known_after_the_first():
    async def scenario(world: World) -> None:
        assert world.models.seconds_until_ready(ModelId("a")) is None
        await world.finish(world.models.load("a"))
        await world.finish(world.models.unload())

        assert world.models.seconds_until_ready(ModelId("a")) == pytest.approx(5.0, abs=0.3)
        loading = asyncio.ensure_future(world.models.load("a"))
        await world.clock.advance(2.0)
        assert world.models.seconds_until_ready(ModelId("a")) == pytest.approx(3.0, abs=0.3)
        assert world.models.waiting_count() == 1
        await world.finish(loading)

    run(scenario)


def test_names_that_are_many_are_not_all_listed():
    known = [f"model-{number}" for number in range(100)]

    assert known_names("zzz", known).endswith("model-11 and 88 more")
    assert known_names("model-77", [*known, "x"]) == "did you mean 'model-77'?"
    assert known_names("x", []) == "the configuration has no models"
