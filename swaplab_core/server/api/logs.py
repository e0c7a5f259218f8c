"""Logs: llama-swap's plain-text streams, and line records for the UI.

A follower gets the history first and then what comes; one that reads too slowly misses the oldest, and a mark says how
much. Nobody else waits for it; in a flood a follower of lines gets what fits into a small part of the loop's time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import Gap, Logged
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.logbook import MODEL, PROXY, STDOUT, UPSTREAM, LogBook
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, get
from swaplab_core.server.streams.event_frames import dropped_mark
from swaplab_core.server.streams.log_lines import MOST_LINES, PAGE, LineFollower, record
from swaplab_core.server.streams.sse import event_stream, last_event_id
from swaplab_core.services.models.lifecycle import Models

FOLLOWER_CHUNKS = 256
BATCH_SECONDS = 0.05
LARGEST_SHARE = 0.05
"""Of the event loop's time, for one follower of lines."""
_LEVELS = ("debug", "info", "warn", "error")
_PLAIN = {
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",
    "Cache-Control": "no-cache",
}


@define(eq=False)
class LogRoutes:
    """`/logs` shows what the daemon prints; every source can be followed."""

    models: Models
    logs: LogBook
    bus: Bus

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/logs", Policy.READ, self.history),
            get("/logs/stream", Policy.READ, self.stream),
            get("/logs/stream/{source:.+}", Policy.READ, self.stream),
            get("/api/logs", Policy.READ, self.page),
            get("/api/logs/stream", Policy.READ, self.records),
        ]

    async def history(self, request: web.Request) -> web.Response:
        """The daemon's own log as text; a browser is sent to the pages."""
        if "text/html" in request.headers.get("Accept", ""):
            return web.Response(status=302, headers={"Location": "ui/"})
        return web.Response(body=self.logs.history(STDOUT).content(), headers=_PLAIN)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Follow `proxy`, `upstream` or a model as text."""
        source = self._source(request.match_info.get("source", STDOUT))
        response = web.StreamResponse(headers=_PLAIN)
        with self.bus.subscribe(Logged, limit=FOLLOWER_CHUNKS) as follower:
            await response.prepare(request)
            if "no-history" not in request.query:
                history = self.logs.history(source).content()
                follower.take()  # what came while the response was prepared is in the history
                await response.write(history)
            async for numbered in follower:
                if isinstance(numbered.event, Gap):
                    await response.write(dropped_mark(numbered.event.bytes))
                elif isinstance(numbered.event, Logged) and self.logs.belongs_to(numbered.event, source):
                    await response.write(numbered.event.data)
        return response

    async def page(self, request: web.Request) -> web.Response:
        """Line records before a line: `?source=&before=&limit=`."""
        source = self._source(request.query.get("source", STDOUT))
        before, limit = _number(request, "before"), _number(request, "limit")
        lines = self.logs.history(source).lines(before=before, limit=min(limit or PAGE, MOST_LINES))
        return json_response({"source": source, "lines": [record(line) for line in lines]})

    async def records(self, request: web.Request) -> web.StreamResponse:
        """Follow sources as line records: `?source=&level=&since=`; history first, or the lines from `since` on.

        `source` may be repeated; their lines then come source by source, and `since` counts for none of them.
        """
        sources = list(dict.fromkeys(self._source(name) for name in request.query.getall("source", [STDOUT])))
        wanted, since = _levels(request.query.get("level", "")), _number(request, "since")
        resumed = last_event_id(request)
        async with event_stream(request) as response:
            lines = {source: LineFollower(self.logs.history(source), wanted) for source in sources}
            start = (since if resumed is None else resumed) if len(sources) == 1 else None
            await self._follow(response, lines, start)
        return response

    async def _follow(self, response: web.StreamResponse, lines: Mapping[str, LineFollower], since: int | None) -> None:
        """Send what is new, at most some twenty times a second, until the client leaves or the daemon ends."""
        with self.bus.subscribe(Logged, limit=FOLLOWER_CHUNKS) as follower:
            began = time.monotonic()
            events = b"".join(each.begin(since) for each in lines.values())
            while not follower.is_closed:
                spent = time.monotonic() - began
                if events:
                    await response.write(events)
                await follower.wait_for(
                    lambda event: isinstance(event, Logged) and any(self.logs.belongs_to(event, each) for each in lines)
                )
                await asyncio.sleep(max(BATCH_SECONDS, spent / LARGEST_SHARE))
                began = time.monotonic()
                events = b"".join(each.news() for each in lines.values())

    def _source(self, name: str) -> str:
        """`proxy`, `upstream`, `model:<id>`, or an id or alias. Raises InvalidRequest."""
        if name in {PROXY, UPSTREAM, STDOUT}:
            return name
        model = self.models.config().find(name.removeprefix(MODEL))
        if model is None:
            raise InvalidRequest(f"no log is called {name!r}", advice="there are: proxy, upstream, and each model's id")
        return MODEL + model.id


def _levels(least: str) -> frozenset[str]:
    """The levels that are at least this one; empty means all, lines without a level included."""
    if not least:
        return frozenset()
    if least not in _LEVELS:
        raise InvalidRequest(f"level must be one of {', '.join(_LEVELS)}, not {least!r}")
    return frozenset(_LEVELS[_LEVELS.index(least) :])


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidRequest(f"{name} must be a whole number, not {text[:100]!r}")
    return int(text)
