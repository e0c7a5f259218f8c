"""What is free of the memory, and what each model holds or will need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.footprint import Footprint, Room
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, get
from swaplab_core.services.models.lifecycle import Models
from swaplab_core.services.models.memory import Memory


@define(eq=False)
class MemoryRoutes:
    """Read only. `basis` is `measured` (by earlier loads), `weights` (the size of the files) or `unknown`."""

    memory: Memory
    models: Models

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/memory", Policy.READ, self.overview)]

    async def overview(self, _: web.Request) -> web.Response:
        """The memory of this machine and its GPUs, and of each model what it holds now and what a load needs."""
        models = list(self.models.config().models)
        needs = await self.memory.all(models)
        return json_response(
            {
                "places": {where: room_record(room) for where, room in self.memory.places().items()},
                "models": {
                    model: footprint_record(needs[model]) | {"now": dict(self.memory.book.held(model))}
                    for model in models
                },
            }
        )


def room_record(room: Room) -> dict[str, Any]:
    """One place."""
    return {"total_bytes": room.total_bytes, "free_bytes": room.free_bytes}


def footprint_record(need: Footprint) -> dict[str, Any]:
    """What a model needs, and how that is known."""
    held: Mapping[str, int] = need.held
    return {"needs": dict(held), "basis": need.basis.value, "measured_at": need.at or None}
