"""Which node a model with `node: auto` is loaded on: the one with the most free memory, as measured now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from swaplab_cluster.facts import Metrics
from swaplab_cluster.node_status import NodeStatus
from swaplab_core.domain.node import NodeId
from swaplab_core.plugin import Placement, Refusal

NEED_KEY = "memory_gib"
"""Key of a model's metadata: how much memory it takes, in GiB."""
MIB_PER_GIB = 1024


def need_mib(metadata: Mapping[str, Any]) -> int:
    """How much memory a model takes, 0 when its entry does not say."""
    value = metadata.get(NEED_KEY, 0)
    return (
        int(value * MIB_PER_GIB) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0
    )


def free_mib(metrics: Metrics | None) -> int | None:
    """The memory that a model could have: that of the emptiest GPU or, where GPU and host share it, of the host."""
    if metrics is None:
        return None
    free = [gpu.free_mib for gpu in metrics.gpus.devices if gpu.free_mib is not None]
    if free:
        return max(free)
    return None if metrics.memory.error else metrics.memory.available_mib


def choose(nodes: Iterable[NodeStatus], need: int) -> Placement | None:
    """The node with the most free memory, of those that answer and take models; None when none has enough."""
    roomy = [
        (free, status)
        for status in nodes
        if _takes_models(status) and (free := free_mib(status.facts.metrics)) is not None and free >= need
    ]
    if not roomy:
        return None
    free, status = max(roomy, key=lambda pair: pair[0])
    return Placement(NodeId(status.node_id), f"{free} MiB are free there, the most of {len(roomy)} nodes")


def _takes_models(status: NodeStatus) -> bool:
    return not status.drained and (status.is_local or (status.reach is not None and status.reach.is_well))


def refusal(status: NodeStatus | None, need: int) -> Refusal | None:
    """Why a model that takes so much is not loaded on this node."""
    free = free_mib(status.facts.metrics) if status is not None else None
    if status is None or free is None or free >= need:
        return None
    where = status.node.title or status.node.id
    return Refusal(
        f"it takes {need} MiB, and {where} has {free} MiB free",
        "unload something there, or let the model run on another node",
    )
