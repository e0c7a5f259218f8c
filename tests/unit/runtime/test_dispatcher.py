"""Leases over a real engine and supervisor, with fake processes in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from attrs import define, field

from swaplab_core.domain.errors import Drained, ShuttingDown, StartFailed, UnknownModel, Unloaded
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.engine import Limits, SwapEngine
from swaplab_core.engine.groups import Group, group_policy
from swaplab_core.runtime.dispatcher import USE_SECONDS, Dispatcher, Lease
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.testing.fakes import DiesAtStart, FakeHttp, FakeProcesses, IgnoresTerm, LateReady, ManualClock

LOAD_SECONDS = 5.0
GRACE = {"a": 3.0, "b": 20.0}
NAMES = ("a", "b", "broken")


@define(eq=False)
class World:
    """A dispatcher over `a`, `b` and `broken`, which run one at a time unless they are in `together`."""

    together: tuple[str, ...] = ()
    clock: ManualClock = field(factory=ManualClock)
    processes: FakeProcesses = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    moves: list[str] = field(factory=list)
    uses: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        http = FakeHttp(self.clock)
        self.processes = FakeProcesses(self.clock, http, LateReady(ready_after=LOAD_SECONDS))
        self.processes.script("broken", DiesAtStart())
        names = [ModelId(name) for name in NAMES]
        groups = [Group("together", tuple(map(ModelId, self.together)), swap=False)]
        engine = SwapEngine.build(group_policy(groups, names), {name: Limits() for name in names})
        self.dispatcher = Dispatcher(engine, self.clock, self.note_move, self.uses.append)
        self.dispatcher.upstreams = Supervisor(self.processes, http, self.clock, self, self.dispatcher.tell)

    async def spec(self, model: ModelId) -> LaunchSpec:
        stop = StopStrategy(grace_seconds=GRACE.get(model, 10.0))
        return LaunchSpec((model,), f"http://127.0.0.1:{5800 + NAMES.index(model)}", stop=stop)

    def progress(self, model: ModelId, line: str) -> None:
        return None

    def note_move(self, model: ModelId) -> None:
        self.moves.append(f"{model} {self.dispatcher.engine.slots[model].phase.value}")

    def asks(self, model: str, *, until: asyncio.Event | None = None) -> asyncio.Task[Lease]:
        """A client that waits for a lease, and holds it until then."""

        async def client() -> Lease:
            async with self.dispatcher.lease(ModelId(model)) as lease:
                if until is not None:
                    await until.wait()
                return lease

        return asyncio.get_running_loop().create_task(client())

    async def served(self, model: str) -> Lease:
        """A client that comes, waits as long as a load takes, and goes."""
        client = self.asks(model)
        await self.clock.advance(LOAD_SECONDS + 1.0)
        return await client

    def serving(self, model: str) -> int:
        return len(self.dispatcher.engine.slots[ModelId(model)].serving)

    def running(self) -> list[str]:
        return [process.spec.argv[0] for process in self.processes.running]


def run(scenario: Callable[[World], Awaitable[None]], *together: str) -> None:
    async def main() -> None:
        await asyncio.wait_for(scenario(World(together)), 120)

    asyncio.run(main())


def test_a_model_is_started_on_demand_and_then_leased_at_once():
    async def scenario(world: World) -> None:
        first = await world.served("a")
        again = world.asks("a")
        await world.clock.settle()

        assert again.done(), "no time has passed"
        assert (await again).base_url == first.base_url == "http://127.0.0.1:5800"
        assert len(world.processes.started) == 1

    run(scenario)


def test_a_lease_is_never_granted_before_the_model_is_ready():
    async def scenario(world: World) -> None:
        client = world.asks("a")
        await world.clock.advance(LOAD_SECONDS - 0.1)
        assert not client.done()

        await world.clock.advance(1.0)

        assert client.done()

    run(scenario)


def test_a_life_is_announced_as_four_moves_and_nothing_twice():
    async def scenario(world: World) -> None:
        await world.served("a")
        await world.served("a")
        await world.dispatcher.unload([ModelId("a")])
        await world.dispatcher.unload([ModelId("a"), ModelId("b")])

        assert world.moves == ["a starting", "a ready", "a stopping", "a stopped"]

    run(scenario)


def test_how_busy_a_model_is_is_told_soon_after_it_has_changed_but_not_for_each_request():
    async def scenario(world: World) -> None:
        end = asyncio.Event()
        first = world.asks("a", until=end)
        await world.clock.advance(LOAD_SECONDS + USE_SECONDS)
        world.uses.clear()

        for _ in range(100):
            lease = world.dispatcher.seize(ModelId("a"))
            assert lease is not None
            world.dispatcher.release(lease)
        await world.clock.advance(USE_SECONDS)
        assert world.uses == ["a"]

        end.set()
        await first
        await world.clock.advance(USE_SECONDS)
        assert (world.uses, world.serving("a")) == (["a", "a"], 0)
        await world.clock.advance(10 * USE_SECONDS)
        assert world.uses == ["a", "a"], "nothing has changed since"

    run(scenario)


def test_a_start_that_fails_is_announced_without_a_stop_and_raises_why():
    async def scenario(world: World) -> None:
        with pytest.raises(StartFailed, match="broken ended by itself"):
            await world.served("broken")

        assert world.moves == ["broken starting", "broken stopped"]

    run(scenario)


def test_an_unknown_model_raises_at_once():
    async def scenario(world: World) -> None:
        with pytest.raises(UnknownModel, match="'x'"):
            await world.asks("x")

    run(scenario)


def test_a_client_that_leaves_while_waiting_does_not_disturb_the_others():
    async def scenario(world: World) -> None:
        leaves, stays = world.asks("a"), world.asks("a")
        await world.clock.advance(1.0)
        leaves.cancel()
        await world.clock.advance(LOAD_SECONDS)

        assert (await stays).model == "a"
        assert leaves.cancelled()
        assert world.serving("a") == 0
        assert dict(world.dispatcher.engine.positions()) == {}

    run(scenario)


def test_a_client_that_leaves_in_the_moment_of_the_grant_does_not_hold_the_model_for_ever():
    async def scenario(world: World) -> None:
        await world.served("a")
        with world.dispatcher.ticket(ModelId("a")) as ticket:
            assert ticket.is_settled, "granted, and nobody has looked"
            assert world.serving("a") == 1
        for turns in range(6):
            client = world.asks("a", until=asyncio.Event())
            for _ in range(turns):
                await asyncio.sleep(0)
            client.cancel()
        await world.clock.settle()

        assert world.serving("a") == 0
        assert (await world.served("b")).model == "b", "a could be evicted"

    run(scenario)


def test_an_error_while_serving_gives_the_lease_back():
    async def scenario(world: World) -> None:
        await world.served("a")
        with pytest.raises(ZeroDivisionError):
            async with world.dispatcher.lease(ModelId("a")):
                raise ZeroDivisionError

        assert world.serving("a") == 0

    run(scenario)


def test_who_waits_for_a_model_that_is_unloaded_is_told():
    async def scenario(world: World) -> None:
        client = world.asks("a")
        await world.clock.advance(1.0)
        unload = asyncio.ensure_future(world.dispatcher.unload([ModelId("a")]))
        await world.clock.advance(1.0)

        with pytest.raises(Unloaded, match="a was unloaded"):
            await client
        assert unload.done()
        assert world.running() == []

    run(scenario)


def test_unloading_several_takes_as_long_as_the_slowest_and_each_has_its_own_grace():
    async def scenario(world: World) -> None:
        for model in ("a", "b"):
            world.processes.script(model, IgnoresTerm())
            await world.served(model)
        unload = asyncio.ensure_future(world.dispatcher.unload(map(ModelId, NAMES)))

        await world.clock.advance(GRACE["a"] + 0.5)
        assert (world.running(), unload.done()) == (["b"], False)

        await world.clock.advance(GRACE["b"] - GRACE["a"])
        assert (world.running(), unload.done()) == ([], True), "and not the sum of both"

    run(scenario, "a", "b")


def test_while_one_model_is_unloaded_others_are_served():
    async def scenario(world: World) -> None:
        world.processes.script("a", IgnoresTerm())
        await world.served("a")
        await world.served("b")
        unload = asyncio.ensure_future(world.dispatcher.unload([ModelId("a")]))
        await world.clock.settle()

        served = world.asks("b")
        await world.clock.settle()

        assert (served.done(), unload.done()) == (True, False)
        await world.clock.advance(GRACE["a"])
        await unload

    run(scenario, "a", "b")


def test_closing_refuses_who_waits_and_who_comes_lets_streams_end_and_stops_everything():
    async def scenario(world: World) -> None:
        await world.served("a")
        end_of_stream = asyncio.Event()
        stream, queued = world.asks("a", until=end_of_stream), world.asks("b")
        await world.clock.settle()
        closing = asyncio.ensure_future(world.dispatcher.close(30.0, asyncio.Event()))
        await world.clock.advance(1.0)

        for refused in (queued, world.asks("a"), world.asks("b")):
            with pytest.raises(ShuttingDown):
                await refused
        assert (world.running(), closing.done()) == (["a"], False)
        end_of_stream.set()
        await world.clock.advance(1.0)

        assert (await stream).model == "a"
        assert (world.running(), closing.done()) == ([], True)

    run(scenario)


@pytest.mark.parametrize("at_once", [False, True], ids=["the time is up", "at once"])
def test_closing_does_not_wait_for_ever(at_once):
    async def scenario(world: World) -> None:
        await world.served("a")
        stream, hurry = world.asks("a", until=asyncio.Event()), asyncio.Event()
        await world.clock.settle()
        closing = asyncio.ensure_future(world.dispatcher.close(30.0, hurry))
        await world.clock.advance(29.0)
        assert not closing.done()

        if at_once:
            hurry.set()
        await world.clock.advance(0.5 if at_once else 1.5)

        assert (world.running(), closing.done()) == ([], True)
        stream.cancel()

    run(scenario)


def test_a_drained_model_takes_no_new_requests_while_running_ones_end():
    async def scenario(world: World) -> None:
        end = asyncio.Event()
        running = world.asks("a", until=end)
        await world.clock.advance(LOAD_SECONDS + 1)
        world.dispatcher.drained = {ModelId("a"): "n2 is being updated"}
        with pytest.raises(Drained, match="a takes no new requests: n2 is being updated"):
            await world.asks("a")
        assert not running.done()
        end.set()
        await running
        world.dispatcher.drained = {}
        await world.asks("a")

    run(scenario)


def test_a_lease_is_seized_only_where_nobody_has_to_wait():
    async def scenario(world: World) -> None:
        assert world.dispatcher.seize(ModelId("a")) is None
        assert world.dispatcher.engine.slots["a"].claimed == 0
        await world.served("a")
        lease = world.dispatcher.seize(ModelId("a"))
        assert lease is not None
        assert (lease.model, lease.base_url, world.serving("a")) == ("a", "http://127.0.0.1:5800", 1)
        rival = world.asks("b")
        await world.clock.settle()
        assert world.dispatcher.seize(ModelId("a")) is None, "somebody waits for its end"
        world.dispatcher.release(lease)
        await world.clock.advance(GRACE["a"] + LOAD_SECONDS + 1.0)
        assert (await rival).model == "b"

    run(scenario)
