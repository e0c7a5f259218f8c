"""What is installed, and how it fares."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.plugin.catalogue import Catalogue, PluginRecord
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, get


@define(eq=False)
class PluginRoutes:
    """One record for each entry point, broken ones with their error."""

    catalogue: Catalogue

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/plugins", Policy.READ, self.listing)]

    async def listing(self, _: web.Request) -> web.Response:
        """Every plugin."""
        return json_response({"plugins": [plugin_record(record) for record in self.catalogue.records]})


def plugin_record(record: PluginRecord) -> dict[str, Any]:
    """One record as JSON."""
    return {
        "group": record.group,
        "name": record.name,
        "target": record.target,
        "distribution": record.distribution,
        "version": record.version,
        "state": record.state.value,
        "error": record.error,
        "hooks": list(record.hooks),
    }
