"""Thirty-two machines, eight of them silent, looked at through real sockets: nobody waits for the silent ones."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from attrs import define, field

from swaplab_cluster import looking, probe
from swaplab_cluster.collector import Collector
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.looking import LabLook
from swaplab_cluster.node_status import NodeStatus
from swaplab_core.plugin import Output

ALL = frozenset(probe.SECTIONS)
WELL, SILENT = 24, 8
BLOCKED_SECONDS = 1.0
"""A call that waited for a silent machine on the event loop would take twice as long; other load does not."""


@define(eq=False)
class Lab:
    """A daemon that reaches machines: each answers after a moment."""

    asked: list[str] = field(factory=list)

    async def run(self, command, node, *, timeout_seconds):
        self.asked.append(node)
        await asyncio.sleep(0.01)
        return Output(0, b"@host h\n@elapsed 1000000 2000000\n@mem MemTotal: 2048 kB\n", b"")


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """A port that answers, and one that is as good as switched off: its queue is full, so nobody gets through."""
    with contextlib.ExitStack() as stack:
        well = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        yield well.getsockname()[1], silent.getsockname()[1]


def machine(name: str, port: int) -> NodeStatus:
    node = InventoryNode(id=name, data_ip=name, control_ip="127.0.0.1", proxy_ip="127.0.0.1", ssh_port=port)
    return NodeStatus(node, node_id=name)


async def pauses(longest: list[float]) -> None:
    """Note how long the event loop was busy with other things at a stretch."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.01)
        longest[0] = max(longest[0], time.monotonic() - began)


def test_silent_machines_cost_their_time_limit_once_and_hold_up_nobody(ports):
    well, silent = ports
    fine = [machine(f"n{number}", well) for number in range(WELL)]
    lost = [machine(f"s{number}", silent) for number in range(SILENT)]

    async def scenario() -> None:
        lab, longest = Lab(), [0.0]
        look = LabLook(lab, lambda status: status.node.ssh_port, tuple, "")
        collector = Collector(look, time.time)
        collector.use([*fine, *lost])
        watch = asyncio.ensure_future(pauses(longest))
        began = time.monotonic()
        first = await collector.get(ALL, 60.0)
        took = time.monotonic() - began
        assert sum(status.reach.is_well for status in first.nodes) == WELL
        errors = {status.reach.port_error for status in first.nodes if not status.reach.is_well}
        assert errors == {f"127.0.0.1 port {silent} did not answer within {looking.DIAL_SECONDS:g} s"}
        assert len(lab.asked) == WELL, "a machine whose port is silent is asked nothing else"
        assert looking.DIAL_SECONDS <= took < SILENT * looking.DIAL_SECONDS, "all at the same time"

        refresh = collector.refresh(ALL)
        again = await collector.get(ALL, 0.0, allow_stale=True)
        assert (again.state, refresh.done()) == ("stale", False), "the answer comes while machines are looked at"
        assert len(again.nodes) == WELL + SILENT
        await refresh
        watch.cancel()
        assert longest[0] < BLOCKED_SECONDS, "something has blocked the event loop"

    asyncio.run(scenario())
