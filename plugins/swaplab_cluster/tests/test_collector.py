from __future__ import annotations

import asyncio

import pytest
from attrs import define, field

from swaplab_cluster import probe
from swaplab_cluster.collector import Collector
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.node_status import NodeStatus, Reach
from swaplab_core.testing.waiting import wait_until_async

ALL = frozenset(probe.SECTIONS)
METRICS = frozenset({"metrics"})
WELL = Reach(port_open=True, port_ms=1.0, shell_ok=True, shell_ms=2.0)


def machines(count: int) -> list[NodeStatus]:
    names = [f"n{number}" for number in range(count)]
    nodes = [InventoryNode(id=name, data_ip=name, control_ip=name, proxy_ip=name) for name in names]
    return [NodeStatus(node, node_id=node.id) for node in nodes]


@define(eq=False)
class World:
    """Machines that are looked at when the gate is open; those in `silent` never answer by themselves."""

    time: float = 1000.0
    silent: frozenset[str] = frozenset()
    looks: list[tuple[str, frozenset[str]]] = field(factory=list)
    gate: asyncio.Event = field(factory=asyncio.Event)
    changed: list[str] = field(factory=list)

    async def look(self, status, sections):
        self.looks.append((status.node.id, sections))
        await self.gate.wait()
        if status.node.id in self.silent:
            return Reach(port_error="silent"), None
        return WELL, probe.read(f"@host {status.node.id}", sections)

    def collector(self, count: int) -> Collector:
        collector = Collector(self.look, lambda: self.time, lambda status: self.changed.append(status.node.id))
        collector.use(machines(count))
        return collector


def test_many_who_ask_share_one_look_and_it_goes_on_when_they_have_gone():
    async def scenario():
        world = World()
        collector = world.collector(32)
        askers = [asyncio.ensure_future(collector.get(ALL, 60.0)) for _ in range(5)]
        await asyncio.sleep(0.01)
        for asker in askers[1:]:
            asker.cancel()
        world.gate.set()
        answer = await askers[0]
        assert answer.state == "miss"
        assert len(world.looks) == 32
        assert len(world.changed) == 32
        assert (await collector.get(ALL, 60.0)).state == "fresh"
        assert len(world.looks) == 32

    asyncio.run(scenario())


def test_a_stale_answer_comes_at_once_and_is_renewed_behind_it():
    async def scenario():
        world = World(silent=frozenset(f"n{number}" for number in range(8)))
        world.gate.set()
        collector = world.collector(32)
        await collector.get(ALL, 60.0)
        world.gate.clear()
        world.time += 61.0
        lag = await longest_pause(collector.get(ALL, 60.0, allow_stale=True))
        assert lag.answer.state == "stale"
        assert lag.answer.age_seconds == 61.0
        assert sum(status.reach is not None and status.reach.is_well for status in lag.answer.nodes) == 24
        await wait_until_async(lambda: len(world.looks) == 64, "a look at every machine, and nobody waited for it")
        world.gate.set()
        await collector.refresh(ALL)
        assert (await collector.get(ALL, 60.0)).state == "fresh"

    asyncio.run(scenario())


@define
class Lag:
    answer: object
    turns: int


async def longest_pause(work) -> Lag:
    """The answer, and how many turns of the event loop it took: a wait for a machine would take the gate."""
    turns = 0
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
        assert turns < 100, "the answer waits for something"
    return Lag(task.result(), turns)


@pytest.mark.parametrize(("ttl", "force"), [(0.0, False), (60.0, True)])
def test_no_cache_or_force_looks_again(ttl, force):
    async def scenario():
        world = World()
        world.gate.set()
        collector = world.collector(1)
        await collector.get(METRICS, ttl)
        assert (await collector.get(METRICS, ttl, force=force)).state == "miss"
        assert len(world.looks) == 2

    asyncio.run(scenario())


def test_what_is_known_of_a_machine_that_stays_is_kept():
    async def scenario():
        world = World()
        world.gate.set()
        collector = world.collector(2)
        await collector.get(METRICS, 60.0)
        assert [sample.reachable for sample in collector.history.of("n1")] == [True]
        collector.use(machines(1))
        assert collector.nodes[0].facts.host == "n0"
        assert list(collector.history.of("n1")) == []
        collector.use(machines(3))
        assert collector.age(METRICS) is None

    asyncio.run(scenario())


def test_a_silent_machine_is_in_the_history_as_a_gap():
    async def scenario():
        world = World(silent=frozenset({"n0"}))
        world.gate.set()
        collector = world.collector(1)
        await collector.get(METRICS, 60.0)
        [sample] = collector.history.of("n0")
        assert (sample.reachable, sample.cpu_percent) == (False, None)

    asyncio.run(scenario())
