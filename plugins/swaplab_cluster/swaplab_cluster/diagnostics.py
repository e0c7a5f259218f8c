"""Checks of the cluster: what `GET /api/diagnostics` tells of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from swaplab_cluster.live import METRICS, Live
from swaplab_cluster.node_status import NodeStatus
from swaplab_cluster.status import rdma_state
from swaplab_core.plugin import Diagnostic, Finding, Health


def diagnostics(live: Callable[[], Live]) -> Iterable[Diagnostic]:
    """The checks."""

    async def inventory() -> Iterable[Finding]:
        known = live()
        if known.errors:
            return [Finding(Health.ERROR, error, "mend the inventory") for error in known.errors]
        if known.inventory is None:
            return [Finding(Health.OK, "no other machine is enrolled")]
        return [Finding(Health.OK, f"{len(known.inventory.nodes)} machines are enrolled")]

    async def reach() -> Iterable[Finding]:
        known = live()
        if known.inventory is None:
            return [Finding(Health.OK, "there is nothing to reach")]
        await known.collector.get(METRICS, known.in_force.status_seconds)
        return [*_unreachable(known), *_without_rdma(known)] or [Finding(Health.OK, "all machines answer")]

    async def disks() -> Iterable[Finding]:
        known = live()
        await known.collector.get(METRICS, known.in_force.status_seconds)
        return remote_disks(known.collector.nodes)

    return [
        Diagnostic("inventory", "Inventory", inventory),
        Diagnostic("reach", "Machines", reach),
        Diagnostic("nvmeof", "Remote disks", disks),
    ]


def remote_disks(nodes: Iterable[NodeStatus]) -> Iterable[Finding]:
    """How the disks are that come over the network."""
    found = []
    for one in nodes:
        for disk in one.facts.metrics.disks if one.facts.metrics is not None else ():
            said = f"{one.node.id}: {disk.device} ({disk.transport}, {disk.address}) is {disk.state or 'in no state'}"
            advice = "" if disk.is_live else "see that its target answers, then `Connect NVMe-oF` again"
            found.append(Finding(Health.OK if disk.is_live else Health.ERROR, said, advice))
    return found or [Finding(Health.OK, "no machine has a disk over the network")]


def _unreachable(live: Live) -> Iterable[Finding]:
    for one in live.collector.nodes:
        reach = one.reach
        if one.is_local or reach is None or reach.is_well:
            continue
        said = reach.shell_error or f"{one.node.id}: {reach.port_error}"
        unpinned = "not pinned" in said
        yield Finding(Health.ERROR, said, "" if unpinned else "see that it is up", "cluster:enrol" if unpinned else "")


def _without_rdma(live: Live) -> Iterable[Finding]:
    wanted = live.as_value().rdma
    for one in live.collector.nodes:
        if one.facts.metrics is None:
            continue
        for error in rdma_state(one.facts.metrics, wanted)["errors"]:
            health = Health.ERROR if wanted.required else Health.WARNING
            yield Finding(health, f"{one.node.id}: {error}", "look at the cable and at `ip link` there")
