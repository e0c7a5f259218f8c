"""The activity over HTTP: pages, sums, export, captures. llama-swap's routes, and the export, which is ours."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable

import orjson
from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest, StoreFailed
from swaplab_core.server.api.activity_export import FORMATS
from swaplab_core.server.api.activity_query import (
    read_ascending,
    read_filter,
    read_group,
    read_id,
    read_measure,
    read_query,
)
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, get
from swaplab_core.server.shapes.activity import capture_json, flat_json, group_json, heat_json, page_json, stats_json
from swaplab_core.services.requests.activity import Activity
from swaplab_core.services.requests.curl import as_curl

_log = logging.getLogger(__name__)


@define(eq=False)
class ActivityRoutes:
    """Reading only. `newest_rows` is how many the older `/api/metrics` answers."""

    activity: Activity
    newest_rows: Callable[[], int]

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/metrics", Policy.READ, self.newest),
            get("/api/metrics/activity", Policy.READ, self.page),
            get("/api/metrics/activity/export", Policy.READ, self.export),
            get("/api/metrics/stats", Policy.READ, self.stats),
            get("/api/metrics/groups", Policy.READ, self.groups),
            get("/api/metrics/heat", Policy.READ, self.heat),
            get("/api/captures/{id}", Policy.READ, self.capture),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """One page of rows. `model` and `status` may be repeated: any of them fits."""
        query = read_query(request.query)
        page = await self.activity.page(query)
        return json_response(page_json(page, query, self.activity.has_capture))

    async def stats(self, request: web.Request) -> web.Response:
        """Sums and histograms over the rows that the same filters mean."""
        return json_response(stats_json(await self.activity.stats(read_filter(request.query))))

    async def groups(self, request: web.Request) -> web.Response:
        """What the rows have `by` in common: session, client, model, path, status or error; the most frequent first."""
        by, limit = read_group(request.query)
        groups = await self.activity.groups(read_filter(request.query), by, limit)
        return json_response({"by": by.value, "groups": [group_json(group) for group in groups]})

    async def heat(self, request: web.Request) -> web.Response:
        """How many requests took how long, over time: `of` is duration, ttft or wait."""
        return json_response(
            heat_json(await self.activity.heat(read_filter(request.query), read_measure(request.query)))
        )

    async def newest(self, _: web.Request) -> web.Response:
        """A plain list of the newest rows, oldest first, as llama-swap answered before it had pages."""
        rows = await self.activity.newest(max(1, self.newest_rows()))
        records = [flat_json(row, has_capture=self.activity.has_capture(row.id)) for row in rows]
        return web.Response(body=orjson.dumps(records), content_type="application/json")

    async def export(self, request: web.Request) -> web.StreamResponse:
        """All rows that the filters mean, by id, as a file: `format` is csv, json or md."""
        name = request.query.get("format", "json")
        if name not in FORMATS:
            raise InvalidRequest(f"format: {name[:100]!r} is not one of {', '.join(FORMATS)}")
        where, ascending = read_filter(request.query), read_ascending(request.query)
        chosen = FORMATS[name]
        batches = self.activity.batches(where, ascending=ascending)
        response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="activity.{name}"'})
        response.content_type, response.charset = chosen.content_type, "utf-8"
        return await _stream(request, response, chosen.write(batches, self.activity.has_capture))

    async def capture(self, request: web.Request) -> web.Response:
        """One exchange; with `format=curl` the command that sends the request again."""
        row_id = read_id(request.match_info["id"])
        found = await self.activity.capture(row_id)
        if request.query.get("format") == "curl":
            return web.Response(text=as_curl(found, str(request.url.origin())))
        return json_response(capture_json(row_id, found))


async def _stream(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Send pieces. What fails before the first is an error answer; later the connection is cut: no file looks whole."""
    first = await anext(pieces)
    await response.prepare(request)
    await response.write(first)
    try:
        async for piece in pieces:
            await response.write(piece)
    except StoreFailed as error:
        _log.error("the export of the activity breaks off: %s", error)
        if request.transport is not None:
            request.transport.close()
    return response
