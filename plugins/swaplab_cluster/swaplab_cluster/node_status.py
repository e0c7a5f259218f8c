"""What is known of each machine: how it answered last, and what it told. Pure values; times are unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, field, frozen

from swaplab_cluster.facts import NOTHING, Facts
from swaplab_cluster.inventory import InventoryNode, Rdma

NO_RDMA = Rdma()


@frozen
class Reach:
    """How a machine answered: its ssh (or agent) port, and then the shell (or agent) behind it."""

    port_open: bool = False
    port_ms: float | None = None
    port_error: str = ""
    shell_ok: bool = False
    shell_ms: float | None = None
    shell_error: str = ""
    at: float = 0.0

    @property
    def is_well(self) -> bool:
        """Can things be run there?"""
        return self.port_open and self.shell_ok


@frozen
class NodeStatus:
    """One machine: how it answered last, and what it told; `told` says when, by section.

    `node_id` is what the daemon calls it: "" for this machine when it is not enrolled.
    """

    node: InventoryNode
    is_local: bool = False
    is_agent: bool = False
    reach: Reach | None = None
    facts: Facts = NOTHING
    told: Mapping[str, float] = field(factory=dict)
    drained: bool = False
    node_id: str = ""

    def age(self, section: str, now: float) -> float | None:
        """How old what it told of a section is; an answer of "not reachable" is as good as any."""
        at = self.told.get(section)
        return None if at is None else now - at

    def heard(self, reach: Reach, facts: Facts | None, sections: Iterable[str], now: float) -> NodeStatus:
        """The same machine after another look; sections that were not asked stay as they were."""
        told = {**self.told, "reach": now, **dict.fromkeys(sections, now)}
        if facts is None:
            return evolve(self, reach=reach, facts=_without(self.facts, sections), told=told)
        return evolve(self, reach=reach, facts=_merged(self.facts, facts), told=told)


def _without(old: Facts, sections: Iterable[str]) -> Facts:
    """A machine that does not answer tells nothing: old figures would look like new ones."""
    gone = set(sections)
    return evolve(
        old,
        metrics=None if "metrics" in gone else old.metrics,
        paths=None if "storage" in gone else old.paths,
        dgx=None if "dgx" in gone else old.dgx,
    )


def _merged(old: Facts, new: Facts) -> Facts:
    return evolve(
        new,
        metrics=new.metrics or old.metrics,
        paths=old.paths if new.paths is None else new.paths,
        dgx=new.dgx or old.dgx,
    )


@frozen
class Cluster:
    """Everything the answer is made from. `errors` are those of the inventory or the discovery."""

    nodes: Sequence[NodeStatus]
    errors: Sequence[str] = ()
    autodiscover_path: str = ""
    local_ip: str = ""
    cidr: str = ""
    eth_if: str = ""
    ib_if: str = ""
    exec_mode: str = "local"
    rdma: Rdma = NO_RDMA
