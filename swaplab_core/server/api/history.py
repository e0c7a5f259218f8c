"""How much of the past is kept, and forgetting it, over HTTP."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, delete, get
from swaplab_core.services.requests.history import History, Kept


@define(eq=False)
class HistoryRoutes:
    """The limits themselves are keys of the configuration: `store`, `metricsMaxInMemory`, `captureBuffer`."""

    history: History

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/metrics/kept", Policy.READ, self.kept),
            delete("/api/metrics/activity", Policy.ADMIN, self.clear),
            delete("/api/captures", Policy.ADMIN, self.forget_captures),
        ]

    async def kept(self, _: web.Request) -> web.Response:
        """How many rows and captures there are, since when, and how many are kept."""
        return json_response(kept_record(await self.history.kept()))

    async def clear(self, _: web.Request) -> web.Response:
        """Forget every request that has ended, with its capture: `{deleted}`."""
        return json_response({"deleted": await self.history.clear()})

    async def forget_captures(self, _: web.Request) -> web.Response:
        """Forget all captures, and keep the rows: `{deleted}`."""
        return json_response({"deleted": await self.history.forget_captures()})


def kept_record(kept: Kept) -> dict[str, Any]:
    """What is kept as JSON; null is no limit."""
    return {
        "place": kept.place,
        "rows": kept.rows,
        "oldest": kept.oldest,
        "max_rows": kept.limits.max_rows,
        "max_age_seconds": kept.limits.max_age_seconds,
        "captures": {"count": kept.captures, "bytes": kept.capture_bytes, "max_bytes": kept.most_capture_bytes},
    }
