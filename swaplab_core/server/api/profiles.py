"""Profiles: which there are, and switching them."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import ProfileChanged
from swaplab_core.runtime.bus import Bus
from swaplab_core.server.api.models import json_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.route import Endpoint, get, put
from swaplab_core.services.models.request_router import RequestRouter


@define(eq=False)
class ProfileRoutes:
    """llama-swap's two routes."""

    names: RequestRouter
    bus: Bus

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/profiles", Policy.READ, self.listing),
            put("/api/profiles/active", Policy.OPERATE, self.switch),
        ]

    async def listing(self, _: web.Request) -> web.Response:
        """Every profile with its pins, and the active one."""
        profiles = self.names.profiles
        records: list[dict[str, Any]] = [
            {"id": name, "description": profile.description, "pins": dict(profile.pins)}
            for name, profile in sorted(profiles.profiles.items())
        ]
        return json_response({"active": profiles.active, "profiles": records})

    async def switch(self, request: web.Request) -> web.Response:
        """Activate `{"name": …}`, or none with null."""
        body = parse_object(await read_body(request))
        name = body.get("name", ...)
        if not (name is None or isinstance(name, str)):
            raise InvalidRequest('"name" must be the name of a profile, or null for none')
        self.names.activate(name)
        self.bus.publish(ProfileChanged(name))
        return json_response({"active": self.names.profiles.active})
