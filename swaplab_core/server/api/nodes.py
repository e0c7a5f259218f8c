"""The machines that there are, for whoever chooses one. How they are is the business of plugins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.node import LOCAL, Node
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, get


@define(eq=False)
class NodeRoutes:
    """`nodes` answers this machine first, then those that plugins know; who chooses none means this one."""

    nodes: Callable[[], Sequence[Node]]

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/nodes", Policy.READ, self.listing)]

    async def listing(self, _: web.Request) -> web.Response:
        """The machines beside this one that models and steps can run on."""
        return json_response({"items": [_record(node) for node in self.nodes() if node.id != LOCAL]})


def _record(node: Node) -> dict[str, object]:
    return {
        "id": node.id,
        "title": node.title or node.id,
        "executor": node.executor,
        "address": node.address,
        "labels": dict(node.labels),
    }
