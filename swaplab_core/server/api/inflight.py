"""Requests in flight: the list, and ending one."""

from __future__ import annotations

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import NotThere
from swaplab_core.runtime.inflight import InFlight
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, get, post
from swaplab_core.server.shapes.projections import Projections

MOST_DIGITS = 18


@define(eq=False)
class InFlightRoutes:
    """llama-swap's cancel route, and the list."""

    inflight: InFlight
    show: Projections

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/inflight", Policy.READ, self.listing),
            post("/api/inflight/{id}/cancel", Policy.OPERATE, self.cancel),
        ]

    async def listing(self, _: web.Request) -> web.Response:
        """Every request in flight, oldest first."""
        return json_response({"requests": self.show.requests()})

    async def cancel(self, request: web.Request) -> web.Response:
        """End a request as if its client had left."""
        text = request.match_info["id"]
        is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
        if not (is_number and self.inflight.cancel(int(text))):
            raise NotThere(f"no request {text[:100]} is in flight", advice="see GET /api/inflight")
        return json_response({"msg": "ok"})
