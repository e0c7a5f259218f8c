"""Which machine a model is loaded on, and which port it gets there: settled anew for each start, never in the file."""

from __future__ import annotations

import logging
from collections.abc import Callable

from attrs import define, field

from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.placement import AUTO, PlacementRequest
from swaplab_core.plugin.hooks import Hooks
from swaplab_core.plugin.lab import LabView
from swaplab_core.runtime.nodes import Nodes

_log = logging.getLogger(__name__)


def _no_view() -> LabView:
    raise StartFailed("the daemon is not connected yet")


@define(eq=False)
class Placer:
    """Asks the plugins. `view` is what they see of the daemon."""

    nodes: Nodes
    hooks: Hooks
    view: Callable[[], LabView] = field(default=_no_view)

    async def node_for(self, entry: ModelConfig) -> Node:
        """The machine for this model, now. Raises StartFailed, with what to do about it."""
        request = PlacementRequest(entry.id, entry.backend, entry.metadata, entry.options)
        try:
            node = self.nodes.get(await self._chosen(entry, request))
        except NodeError as error:
            raise StartFailed(error.message, advice=error.advice) from error
        refusal = await self.hooks.admit_model(request, node, self.view)
        if refusal is not None:
            raise StartFailed(f"{entry.id} was not started: {refusal.reason}", advice=refusal.advice)
        return node

    async def _chosen(self, entry: ModelConfig, request: PlacementRequest) -> NodeId:
        if entry.node != AUTO:
            return NodeId(entry.node)
        placement = await self.hooks.place_model(request, self.view)
        if placement is None:
            raise StartFailed(
                f"no machine was found for {entry.id}, whose node is `auto`",
                advice="write the id of a node, or see that one with enough memory is reachable",
            )
        _log.info("%s: placed on %s: %s", entry.id, placement.node or "this machine", placement.reason)
        return placement.node

    async def port_on(self, node: Node, wanted: int) -> int:
        """A port that is free there: the wanted one if it is. Raises StartFailed."""
        if node.id == LOCAL:
            return wanted
        try:
            return await self.nodes.free_port(node, wanted)
        except NodeError as error:
            raise StartFailed(error.message, advice=error.advice) from error
