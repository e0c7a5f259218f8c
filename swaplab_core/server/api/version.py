"""Which swaplab this is, in llama-swap's shape. Clients of Ollama read `version` too: it must be numbers with dots."""

from __future__ import annotations

from aiohttp import web
from attrs import define

import swaplab_core
from swaplab_core.domain.access import Policy
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, get

UNKNOWN = "unknown"
"""What llama-swap says too when a build does not know where it comes from; a wheel never does."""


@define(eq=False)
class VersionRoutes:
    """The version of the core."""

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/version", Policy.READ, self.version)]

    async def version(self, _: web.Request) -> web.Response:
        """Version, commit and date of the build."""
        return json_response({"version": swaplab_core.__version__, "commit": UNKNOWN, "build_date": UNKNOWN})
