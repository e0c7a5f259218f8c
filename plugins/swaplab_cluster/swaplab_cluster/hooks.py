"""The plugin itself: what the daemon asks of it. What is known stands in `live`."""

from __future__ import annotations

from collections.abc import Iterable

from swaplab_cluster.actions import Actions
from swaplab_cluster.diagnostics import diagnostics
from swaplab_cluster.draining import members
from swaplab_cluster.inventory_actions import InventoryActions
from swaplab_cluster.live import NAME, Live
from swaplab_cluster.pages import panels
from swaplab_cluster.placement import choose, need_mib, refusal
from swaplab_cluster.routes import Routes
from swaplab_cluster.settings import Settings
from swaplab_cluster.storage_actions import StorageActions
from swaplab_core.domain.errors import Conflict
from swaplab_core.domain.events import ConfigChanged, ModelChanged
from swaplab_core.domain.node import Node
from swaplab_core.domain.problem import Problem
from swaplab_core.plugin import (
    AUTO,
    Action,
    ConfigFacts,
    Diagnostic,
    LabView,
    Panels,
    Placement,
    PlacementRequest,
    Refusal,
    Route,
    hookimpl,
)


class Cluster:
    """One per daemon. Nothing is known before `swaplab_startup`."""

    def __init__(self) -> None:
        self._live: Live | None = None

    @property
    def live(self) -> Live:
        """What is known. Raises Conflict while nothing is."""
        if self._live is None:
            raise Conflict("the cluster is not known yet", advice="the daemon has only just started")
        return self._live

    @hookimpl
    def swaplab_config_section(self) -> type:
        """`plugins.cluster`."""
        return Settings

    @hookimpl
    def swaplab_nodes(self) -> Iterable[Node]:
        """The enrolled machines and gangs."""
        return self._live.nodes if self._live else ()

    @hookimpl
    def swaplab_routes(self) -> Iterable[Route]:
        """`/api/cluster/…` and `/api/drain`."""
        return Routes(lambda: self.live).all()

    @hookimpl
    def swaplab_actions(self) -> Iterable[Action]:
        """What people can do."""
        kinds = (Actions, InventoryActions, StorageActions)
        return [action for kind in kinds for action in kind(lambda: self.live).all()]

    @hookimpl
    def swaplab_panels(self) -> Iterable[Panels]:
        """The Cluster page, and the logs of its nodes."""
        inventory = self._live.inventory if self._live else None
        return [panels(node.id for node in inventory.nodes) if inventory else panels()]

    @hookimpl
    def swaplab_diagnostics(self) -> Iterable[Diagnostic]:
        """What is checked."""
        return diagnostics(lambda: self.live)

    @hookimpl
    def swaplab_check_config(self, config: ConfigFacts) -> Iterable[Problem]:
        """Warn of models on nodes that are not enrolled; nothing is said while the inventory is not known."""
        if self._live is None or self._live.inventory is None:
            return []
        known = {str(node.id) for node in self._live.nodes}
        advice = f"enrolled: {', '.join(sorted(known))}"
        return [
            config.warning(f"no node is called {node!r}", advice, "models", model, "node")
            for model, entry in config.models.items()
            if (node := str(entry.get("node") or "")) and node not in {AUTO, *known}
        ]

    @hookimpl
    async def swaplab_startup(self, lab: LabView) -> None:
        """Read the inventory, and look at the machines from time to time."""
        self._live = await Live.begin(lab)
        lab.spawn(self._live.collect, name=f"metrics of the {NAME}")
        lab.spawn(self._live.follow, name=f"inventory of the {NAME}")

    @hookimpl
    async def swaplab_event(self, event: ConfigChanged | ModelChanged) -> None:
        """Follow the settings; a model that has moved may be drained now, or no longer."""
        if self._live is None:
            return
        if isinstance(event, ConfigChanged):
            await self._live.reload()
        if not self._live.operations.drains.is_empty:
            await self._live.operations.apply_drains()

    @hookimpl
    async def swaplab_place_model(self, request: PlacementRequest) -> Placement | None:
        """The node with the most free memory, measured now."""
        if self._live is None:
            return None
        await self._live.measure()
        return choose(self._live.collector.nodes, need_mib(request.metadata))

    @hookimpl
    async def swaplab_admit_model(self, request: PlacementRequest, node: Node) -> Refusal | None:
        """Nothing is loaded on a drained node, nor where it says that it takes more memory than is free."""
        if self._live is None:
            return None
        drained = self._live.operations.drains.nodes
        for member in members(str(node.id), self._live.inventory):
            if member in drained:
                where = member or "this machine"
                return Refusal(f"{where} is drained: {drained[member]}", f"undrain {where} when it is well again")
        need = need_mib(request.metadata)
        if need == 0:
            return None
        await self._live.measure(str(node.id))
        found = next((one for one in self._live.collector.nodes if one.node_id == node.id), None)
        return refusal(found, need)
