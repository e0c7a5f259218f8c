"""The plugin itself: what the daemon asks of it, and the state behind the answers.

It holds the inventory in memory, read anew when its file, the settings or the choice in the UI have changed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path

from swaplab_cluster import probe
from swaplab_cluster.cluster_nodes import access, agent_port, lab_nodes, resolved, statuses
from swaplab_cluster.collector import Collector
from swaplab_cluster.files import ClusterFiles, read_inventory
from swaplab_cluster.inventory import Inventory
from swaplab_cluster.looking import LabLook
from swaplab_cluster.settings import Effective, Settings, effective, normalised, path
from swaplab_cluster.status import NodeStatus
from swaplab_cluster.storage import candidates
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import ConfigChanged, Event, PluginNews
from swaplab_core.domain.node import Node
from swaplab_core.domain.problem import Problem
from swaplab_core.plugin import ConfigFacts, LabView, hookimpl

NAME = "cluster"
METRICS = frozenset({"metrics"})


class Cluster:
    """One per daemon. Nothing is known before `swaplab_startup`."""

    def __init__(self) -> None:
        self.lab: LabView | None = None
        self.inforce: Effective | None = None
        self.inventory: Inventory | None = None
        self.errors: tuple[str, ...] = ()
        self.collector: Collector | None = None
        self._nodes: tuple[Node, ...] = ()

    # hooks

    @hookimpl
    def swaplab_config_section(self) -> type:
        """`plugins.cluster`."""
        return Settings

    @hookimpl
    def swaplab_nodes(self) -> Iterable[Node]:
        """The enrolled machines and gangs."""
        return self._nodes

    @hookimpl
    def swaplab_check_config(self, config: ConfigFacts) -> Iterable[Problem]:
        """Warn of models on nodes that are not enrolled; nothing is said while the inventory is not known."""
        if self.inventory is None:
            return []
        known = {str(node.id) for node in self._nodes}
        return [
            config.warning(
                f"no node is called {node!r}", f"enrolled: {', '.join(sorted(known))}", "models", model, "node"
            )
            for model, entry in config.models.items()
            if (node := str(entry.get("node") or "")) and node not in {"auto", *known}
        ]

    @hookimpl
    async def swaplab_startup(self, lab: LabView) -> None:
        """Read the inventory, and look at the machines from time to time."""
        self.lab = lab
        look = LabLook(lab, self._port, self._storage_paths, probe.script())
        self.collector = Collector(look, time.time, self._changed)
        await self.reload()
        lab.spawn(self._collect, name="metrics of the cluster")

    @hookimpl
    async def swaplab_event(self, event: Event) -> None:
        """Follow the settings."""
        if isinstance(event, ConfigChanged):
            await self.reload()

    # the state

    async def reload(self) -> None:
        """Read settings and inventory anew."""
        assert self.lab is not None
        assert self.collector is not None
        inforce, self.inventory, self.errors = await asyncio.to_thread(self._read, self.lab)
        self.inforce = inforce
        how = access(inforce, self.known_hosts)
        self._nodes = tuple(lab_nodes(self.inventory, how)) if self.inventory else ()
        self.collector.use(statuses(self.inventory))

    @property
    def known_hosts(self) -> Path:
        """Where host keys are pinned."""
        assert self.lab is not None
        assert self.inforce is not None
        named = path(self.inforce.settings.known_hosts, os.environ)
        return named or self.lab.state_folder(NAME) / "known_hosts"

    @property
    def files(self) -> ClusterFiles:
        """The plugin's own files."""
        assert self.lab is not None
        return ClusterFiles(
            self.lab.state_folder(NAME), path(os.environ.get("LLAMA_SWAP_CLUSTER_SETTINGS_FILE", ""), os.environ)
        )

    def _read(self, lab: LabView) -> tuple[Effective, Inventory | None, tuple[str, ...]]:
        config = lab.config.path
        folders = ((config.parent,) if config else ()) + (Path.cwd(),)
        settings = lab.settings(NAME, Settings)
        inforce = effective(settings, self.files.read_chosen(), os.environ, folders, Path.is_file)
        if inforce.inventory_file is None:
            return inforce, None, ()
        found = read_inventory(inforce.inventory_file)
        if found.inventory is None:
            return inforce, None, tuple(str(problem) for problem in found.problems)
        try:
            inventory = normalised(found.inventory, settings, os.environ)
        except InvalidRequest as error:
            return inforce, None, (str(error),)
        return inforce, resolved(inventory, inforce.exec_mode), ()

    def _port(self, status: NodeStatus) -> int:
        """What is dialled to see whether a machine is there."""
        if status.is_agent and self.inventory is not None:
            return agent_port(status.node, self.inventory)
        return status.node.ssh_port

    def _storage_paths(self) -> tuple[str, ...]:
        configured = self.inforce.settings.storage_paths if self.inforce else ()
        return candidates(os.environ, configured)

    def _changed(self, status: NodeStatus) -> None:
        assert self.lab is not None
        self.lab.publish(PluginNews(NAME, "node", status.node.id, {"node": status.node.id}))

    async def _collect(self) -> None:
        """Look at enrolled machines for the charts; a lone machine has its own monitor."""
        assert self.collector is not None
        while True:
            assert self.inforce is not None
            pause = self.inforce.settings.collect_seconds
            if pause > 0 and self.inventory is not None:
                await self.collector.refresh(METRICS)
            await asyncio.sleep(pause or 60.0)
