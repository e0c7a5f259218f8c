from __future__ import annotations

import asyncio

import pytest
from attrs import define, field

from swaplab_cluster.cluster_nodes import GangReach
from swaplab_cluster.gang import GangExecutor, rank_specs
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.domain.node import Node, NodeId
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.testing.fakes import Behaviour, CannotStart, DiesWhileServing, FakeHttp, FakeProcesses, ManualClock
from swaplab_core.testing.output import Output

MEMBERS = ((NodeId("a"), "10.0.0.1"), (NodeId("b"), "10.0.0.2"), (NodeId("c"), "10.0.0.3"))
TRIO = Node(NodeId("trio"), "trio", "gang", "10.0.0.1", reach=GangReach(MEMBERS))
SPEC = LaunchSpec(
    ("engine{{rank}}",),
    "http://10.0.0.1:1",
    env={"ADDRESS": "{{address}}:{{size}}"},
    stop=StopStrategy(grace_seconds=5.0),
)


@define(eq=False)
class Lab:
    """A daemon whose nodes run what a script says."""

    processes: FakeProcesses
    started: list[LaunchSpec] = field(factory=list)

    async def start(self, spec, output):
        self.started.append(spec)
        return await self.processes.start(spec, output)


def world(*behaviours: Behaviour) -> tuple[ManualClock, Lab]:
    clock = ManualClock()
    processes = FakeProcesses(clock, FakeHttp(clock))
    for rank, behaviour in enumerate(behaviours):
        processes.script(f"engine{rank}", behaviour)
    return clock, Lab(processes)


def test_each_rank_is_told_who_it_is():
    specs = rank_specs(MEMBERS, SPEC)
    assert [spec.node for spec in specs] == ["a", "b", "c"]
    assert [spec.argv for spec in specs] == [("engine0",), ("engine1",), ("engine2",)]
    assert specs[1].env == {
        "SWAPLAB_RANK": "1",
        "SWAPLAB_SIZE": "3",
        "SWAPLAB_HEAD": "10.0.0.1",
        "SWAPLAB_ADDRESS": "10.0.0.2",
        "SWAPLAB_NODE": "b",
        "ADDRESS": "10.0.0.2:3",
    }


def test_one_rank_that_ends_ends_all():
    async def scenario():
        clock, lab = world(Behaviour(), DiesWhileServing(ends_after=3.0), Behaviour())
        output = Output()
        gang = await GangExecutor(lab).start(TRIO, SPEC, output)
        end = asyncio.ensure_future(gang.wait())
        await clock.advance(2.0)
        assert not end.done()
        await clock.advance(2.0)
        await clock.settle()
        assert end.done()
        assert b"rank 1 has ended" in output.data
        assert b"[2] started" in output.data
        assert [process.is_running for process in lab.processes.started] == [False] * 3

    asyncio.run(scenario())


def test_a_rank_that_cannot_start_leaves_none():
    async def scenario():
        clock, lab = world(Behaviour(), Behaviour(), CannotStart())
        starting = asyncio.ensure_future(GangExecutor(lab).start(TRIO, SPEC, Output()))
        await clock.advance(1.0)
        with pytest.raises(StartFailed, match="trio: rank 2 on c was not started"):
            await starting
        assert not any(process.is_running for process in lab.processes.started)

    asyncio.run(scenario())


def test_stopping_stops_all_ranks_at_the_same_time():
    async def scenario():
        clock, lab = world(Behaviour(leaves_after=2.0), Behaviour(leaves_after=3.0), Behaviour(leaves_after=1.0))
        gang = await GangExecutor(lab).start(TRIO, SPEC, Output())
        end = asyncio.ensure_future(gang.stop(SPEC.stop))
        await clock.advance(3.5)
        await end

    asyncio.run(scenario())


def test_a_command_is_for_one_machine():
    with pytest.raises(NodeError, match="commands run on its members"):
        asyncio.run(GangExecutor(None).run(TRIO, ReadyCommand(("ls",)), print, print))
