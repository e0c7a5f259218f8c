"""What the plugin knows while the daemon runs: settings in force, inventory, what machines told, what is drained.

The inventory is held in memory and read anew when its file, the settings or the choice in the UI have changed.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Self

from attrs import define, field

from swaplab_cluster import probe
from swaplab_cluster.cluster_nodes import access, agent_port, lab_nodes, resolved, statuses
from swaplab_cluster.collector import Collector
from swaplab_cluster.draining import Drains
from swaplab_cluster.files import ClusterFiles, read_inventory
from swaplab_cluster.inventory import Inventory, InventoryNode
from swaplab_cluster.lab_root import root_of
from swaplab_cluster.looking import LabLook
from swaplab_cluster.node_status import Cluster, NodeStatus
from swaplab_cluster.operations import Operations
from swaplab_cluster.settings import NAMES, Effective, Settings, effective, normalised, path
from swaplab_cluster.storage import candidates
from swaplab_cluster.tasks import spawn
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import PluginNews
from swaplab_core.domain.node import Node
from swaplab_core.plugin import LabView

NAME = "cluster"
METRICS = frozenset({"metrics"})
IDLE_SECONDS = 60.0
MEASURE_SECONDS = 4.0
FOLLOW_SECONDS = 2.0


@define(eq=False)
class Live:
    """Made by `begin`, when the daemon starts."""

    lab: LabView
    in_force: Effective
    inventory: Inventory | None = None
    errors: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    collector: Collector = field(init=False)
    operations: Operations = field(init=False)
    _read_from: object = None

    @classmethod
    async def begin(cls, lab: LabView) -> Self:
        """Read everything."""
        live = cls(lab, await asyncio.to_thread(_effective, lab))
        look = LabLook(lab, live._port, live._storage_paths, probe.script())
        live.collector = Collector(look, time.time, live._changed)
        drains = await asyncio.to_thread(live.files.read_drains)
        live.operations = Operations(lab, drains=drains, keep_drains=live._keep_drains)
        await live.reload()
        return live

    @property
    def files(self) -> ClusterFiles:
        """The plugin's own files."""
        return files_of(self.lab)

    @property
    def known_hosts(self) -> Path:
        """Where host keys are pinned."""
        named = path(self.in_force.settings.known_hosts, os.environ)
        return named or self.lab.state_folder(NAME) / "known_hosts"

    @property
    def inventory_place(self) -> Path:
        """The inventory's file, or where one would be made: beside the configuration, else in the plugin's folder."""
        config = self.lab.config.path
        folder = config.parent if config is not None else self.lab.state_folder(NAME)
        return self.in_force.inventory_file or folder / NAMES[0]

    def node(self, name: str) -> InventoryNode:
        """The enrolled node of this id or address. Raises InvalidRequest that says which there are."""
        found = self.inventory.find(name) if self.inventory is not None and name else None
        if found is None:
            known = ", ".join(one.id for one in self.inventory.nodes) if self.inventory is not None else "none"
            raise InvalidRequest(f"no node is called {name!r}", advice=f"enrolled: {known}")
        return found

    async def reload(self) -> None:
        """Read settings and inventory anew."""
        self.in_force = await asyncio.to_thread(_effective, self.lab)
        self._read_from, self.inventory, self.errors = await asyncio.to_thread(_inventory, self.in_force)
        self.operations.inventory = self.inventory
        self.nodes = ()
        if self.inventory is not None:
            self.nodes = tuple(lab_nodes(self.inventory, access(self.in_force, self.known_hosts)))
        self.collector.use(statuses(self.inventory))
        self._show_drains()

    async def reload_if_changed(self) -> None:
        """Read the inventory anew when its file has changed."""
        if await asyncio.to_thread(_stamp, self.in_force.inventory_file) != self._read_from:
            await self.reload()

    async def _keep_drains(self, drains: Drains) -> None:
        """Drains last over a restart, and the page shows them."""
        await asyncio.to_thread(self.files.write_drains, drains)
        before = {one.node.id: one.drained for one in self.collector.nodes}
        self._show_drains()
        for one in self.collector.nodes:
            if one.drained != before[one.node.id]:
                self._changed(one)
        news = {"nodes": sorted(drains.nodes), "models": sorted(drains.models)}
        self.lab.publish(PluginNews(NAME, "drain", "", news))

    def _show_drains(self) -> None:
        self.collector.drain(dict.fromkeys(self.operations.drains.nodes, True))

    def as_value(self) -> Cluster:
        """What is known, as the answer of the status is made from."""
        inventory = self.inventory or Inventory()
        here = next((node for node in inventory.nodes if node.executor == "local"), None)
        return Cluster(
            self.collector.nodes,
            self.errors,
            self.in_force.autodiscover,
            here.data_ip if here else "",
            "",
            inventory.rdma.eth_if,
            ",".join(inventory.rdma.ib_if),
            "agent" if self.in_force.exec_mode == "agent" else "local",
            inventory.rdma,
        )

    async def measure(self, node: str | None = None) -> None:
        """Look at all machines now, or at the one that the daemon calls so; the slow ones are not waited for long."""
        if node is None:
            await asyncio.wait({self.collector.refresh(METRICS)}, timeout=MEASURE_SECONDS)
            return
        for one in self.collector.nodes:
            if one.node_id == node:
                look = spawn(self.collector.one(one.node.id, METRICS), name=f"measure {node}")
                await asyncio.wait({look}, timeout=MEASURE_SECONDS)

    async def collect(self) -> None:
        """Look at enrolled machines for the charts, for ever; a lone machine has its own monitor."""
        while True:
            pause = self.in_force.settings.collect_seconds
            if pause > 0 and self.inventory is not None:
                await self.collector.refresh(METRICS)
            await asyncio.sleep(pause or IDLE_SECONDS)

    async def follow(self) -> None:
        """Use an inventory that was edited by hand, for ever."""
        while True:
            await self.reload_if_changed()
            await asyncio.sleep(FOLLOW_SECONDS)

    def _port(self, one: NodeStatus) -> int:
        """What is dialled to see whether a machine is there."""
        if one.is_agent and self.inventory is not None:
            return agent_port(one.node, self.inventory)
        return one.node.ssh_port

    def _storage_paths(self) -> tuple[str, ...]:
        return candidates(os.environ, self.in_force.settings.storage_paths)

    def _changed(self, one: NodeStatus) -> None:
        self.lab.publish(PluginNews(NAME, "node", one.node.id, {"node": one.node.id}))


def files_of(lab: LabView) -> ClusterFiles:
    """What the plugin keeps, and where the environment wants what was chosen in the UI."""
    chosen = path(os.environ.get("LLAMA_SWAP_CLUSTER_SETTINGS_FILE", ""), os.environ)
    return ClusterFiles(lab.state_folder(NAME), chosen)


def _effective(lab: LabView) -> Effective:
    config = lab.config.path
    folders = (*((config.parent,) if config else ()), Path.cwd())
    return effective(lab.settings(NAME, Settings), files_of(lab).read_chosen(), os.environ, folders, Path.is_file)


def _inventory(in_force: Effective) -> tuple[object, Inventory | None, tuple[str, ...]]:
    """What was read, the inventory, and what is wrong with it."""
    stamp = _stamp(in_force.inventory_file)
    if in_force.inventory_file is None:
        return stamp, None, ()
    found = read_inventory(in_force.inventory_file)
    if found.inventory is None:
        return stamp, None, tuple(str(problem) for problem in found.problems)
    try:
        root_of(in_force.agent_root)
        inventory = normalised(found.inventory, in_force.settings, os.environ)
    except InvalidRequest as error:
        return stamp, None, (str(error),)
    return stamp, resolved(inventory, in_force.exec_mode), ()


def _stamp(file: Path | None) -> object:
    """What differs when the file has changed."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return (file, None)
    return (file, found.st_mtime_ns, found.st_size)
