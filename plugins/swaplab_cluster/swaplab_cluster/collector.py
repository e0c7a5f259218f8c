"""Looks at all machines, keeps what they told, and answers from that. At most one look at a machine is under way for
each set of sections, whoever asks; a look goes on when the one who asked has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from attrs import define, evolve, field, frozen

from swaplab_cluster.facts import Facts
from swaplab_cluster.history import History, sample
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.node_status import NodeStatus, Reach
from swaplab_cluster.tasks import spawn

LOAD_SECONDS = 25.0
"""An answer does not wait longer for machines; what they tell later is kept for the next."""


class Look(Protocol):
    """One look at one machine. It never raises: what went wrong is in the `Reach`."""

    async def __call__(self, status: NodeStatus, sections: frozenset[str]) -> tuple[Reach, Facts | None]:
        """Dial, probe, read."""
        ...


@frozen
class Collected:
    """What is known, and how it came to be: `state` is fresh, stale or miss; `age_seconds` that of the oldest part."""

    nodes: Sequence[NodeStatus]
    state: str
    age_seconds: float
    seconds: float = 0.0


@define(eq=False)
class Collector:
    """`now` is the time in unix seconds. `changed(node)` is called when a machine was looked at."""

    look: Look
    now: Callable[[], float]
    changed: Callable[[NodeStatus], None] = lambda _: None
    history: History = field(factory=History)
    _nodes: dict[str, NodeStatus] = field(factory=dict)
    _under_way: dict[frozenset[str], asyncio.Task[None]] = field(factory=dict)

    @property
    def nodes(self) -> tuple[NodeStatus, ...]:
        """All machines as they are known, in the order of the inventory."""
        return tuple(self._nodes.values())

    def use(self, nodes: Iterable[NodeStatus]) -> None:
        """Look at these machines from now on; what is known of those that stay is kept."""
        fresh: dict[str, NodeStatus] = {}
        for status in nodes:
            old = self._nodes.get(status.node.id)
            same = old is not None and _is_same(old.node, status.node)
            fresh[status.node.id] = _renewed(old, status) if old is not None and same else status
        self._nodes = fresh
        self.history.keep_only(list(fresh))

    async def get(
        self, sections: frozenset[str], ttl_seconds: float, *, force: bool = False, allow_stale: bool = False
    ) -> Collected:
        """What is known, looked up now when it is older than `ttl_seconds`."""
        age = self.age(sections)
        if not force and age is not None and age <= ttl_seconds and ttl_seconds > 0:
            return Collected(self.nodes, "fresh", age)
        began = self.now()
        refresh = self.refresh(sections)
        if not force and allow_stale and age is not None:
            return Collected(self.nodes, "stale", age)
        await asyncio.wait({refresh}, timeout=LOAD_SECONDS)
        return Collected(self.nodes, "miss", 0.0, self.now() - began)

    def age(self, sections: frozenset[str]) -> float | None:
        """How old the oldest part of an answer would be; None when a part was never looked up."""
        now = self.now()
        ages = [status.age(section, now) for status in self.nodes for section in (*sections, "reach")]
        known = [age for age in ages if age is not None]
        return max(known, default=0.0) if len(known) == len(ages) else None

    def refresh(self, sections: frozenset[str]) -> asyncio.Task[None]:
        """Look at all machines, each on its own; joins the look that is under way."""
        if sections not in self._under_way:
            task = spawn(self._all(sections), name=f"look at the cluster: {', '.join(sorted(sections)) or 'reach'}")
            self._under_way[sections] = task
            task.add_done_callback(lambda _: self._under_way.pop(sections, None))
        return self._under_way[sections]

    async def _all(self, sections: frozenset[str]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in list(self._nodes):
                tasks.create_task(self.one(name, sections))

    async def one(self, name: str, sections: frozenset[str]) -> None:
        """Look at one machine."""
        reach, facts = await self.look(self._nodes[name], sections)
        if name not in self._nodes:  # it was removed meanwhile
            return
        status = self._nodes[name].heard(reach, facts, sections, self.now())
        self._nodes[name] = status
        if "metrics" in sections:
            metrics = facts.metrics if facts else None
            well = status.is_local or reach.is_well
            self.history.add(name, sample(self.now(), metrics, reach.shell_ms, reachable=well))
        self.changed(status)

    def drain(self, drained: Mapping[str, bool]) -> None:
        """Note which machines take no models."""
        self._nodes = {name: evolve(status, drained=drained.get(name, False)) for name, status in self._nodes.items()}


def _is_same(old: InventoryNode, new: InventoryNode) -> bool:
    """Whether what was told by the one is true of the other."""
    return (old.control_ip, old.ssh_port, old.ssh_user) == (new.control_ip, new.ssh_port, new.ssh_user)


def _renewed(old: NodeStatus, new: NodeStatus) -> NodeStatus:
    return evolve(new, reach=old.reach, facts=old.facts, told=old.told)
