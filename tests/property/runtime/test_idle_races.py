"""Requests that come just when a model is unloaded for being idle: a bit before, a bit after, in the same moment.

Upstream once hung a whole group for ever when that happened (llama-swap #946). Here everything below the dispatcher is
the real supervisor, over fake processes that take their time to load and to leave; time is virtual.
"""

from __future__ import annotations

import asyncio

from attrs import define, field
from hypothesis import example, given
from hypothesis import strategies as st

from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.engine import Limits, SwapEngine
from swaplab_core.engine.groups import group_policy
from swaplab_core.runtime.dispatcher import Dispatcher, Lease
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.testing.fakes import FakeHttp, FakeProcesses, LateReady, ManualClock

A, B = ModelId("a"), ModelId("b")
IDLE_SECONDS = 5.0
LOAD_SECONDS = 1.5
TINY_SECONDS = 1e-6
LONGEST_WAIT_SECONDS = 30.0
"""Much more than two stops and a load take."""


@define(eq=False)
class World:
    """A dispatcher over a and b, which run one at a time and are unloaded when idle."""

    leave_seconds: float
    clock: ManualClock = field(factory=ManualClock)
    processes: FakeProcesses = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    idle_since: float = 0.0

    def __attrs_post_init__(self) -> None:
        http = FakeHttp(self.clock)
        behaviour = LateReady(ready_after=LOAD_SECONDS, leaves_after=self.leave_seconds)
        self.processes = FakeProcesses(self.clock, http, behaviour)
        limits = dict.fromkeys((A, B), Limits(idle_seconds=IDLE_SECONDS))
        self.dispatcher = Dispatcher(SwapEngine.build(group_policy((), limits), limits), self.clock)
        self.dispatcher.upstreams = Supervisor(self.processes, http, self.clock, self, self.dispatcher.tell)

    async def spec(self, model: ModelId) -> LaunchSpec:
        return LaunchSpec((model,), f"http://127.0.0.1:{5800 + (model == B)}")

    def progress(self, model: ModelId, line: str) -> None:
        return None

    async def serve(self, model: ModelId, seconds: float) -> Lease:
        """A client gets its lease in time, and the process behind it lives until the lease is given back."""
        client = asyncio.get_running_loop().create_task(self._stream(model, seconds))
        waited = 0.0
        while not client.done():
            assert waited < LONGEST_WAIT_SECONDS + seconds, "a request hangs"
            await self.clock.advance(0.5)
            waited += 0.5
        return await client

    async def _stream(self, model: ModelId, seconds: float) -> Lease:
        async with self.dispatcher.lease(model) as lease:
            (process,) = (it for it in self.processes.running if it.spec.base_url == lease.base_url)
            await self.clock.sleep(seconds)
            assert process.is_running, "a stream was cut"
        self.idle_since = self.clock.now()
        return lease


models = st.sampled_from([A, B])
offsets = st.floats(-2, 2)
streams = st.sampled_from([0.5, 2.5, 6.5])


@given(st.lists(st.tuples(models, offsets, streams), min_size=1, max_size=4), st.sampled_from([0.0, 0.3, 2.0]))
@example([(A, 0.0, 0.5), (A, 0.0, 0.5), (B, 0.0, 0.5)], 2.0)
@example([(A, -0.001, 6.5), (B, 0.001, 6.5), (A, 0.0, 0.5)], 2.0)
def test_a_request_in_the_moment_of_an_idle_unload_is_served(requests, leave_seconds):
    async def main() -> None:
        world = World(leave_seconds)
        last = await world.serve(A, 0.5)
        for model, offset, seconds in requests:
            await world.clock.advance(world.idle_since + IDLE_SECONDS + offset - world.clock.now())
            lease = await world.serve(model, seconds)
            is_same_start = lease.incarnation == last.incarnation
            should_be = model == last.model and offset < 0
            assert is_same_start == should_be or abs(offset) < TINY_SECONDS, "unloaded too early or too late"
            last = lease
        await world.clock.advance(IDLE_SECONDS + LONGEST_WAIT_SECONDS)
        assert not world.processes.running, "an idle model was never unloaded"

    asyncio.run(main())
