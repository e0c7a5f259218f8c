"""Logs: llama-swap's plain-text streams, and line records for the UI.

A follower gets the history first and then what comes; one that reads too slowly misses the oldest chunks, and a mark
says how many. Nobody else waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
from aiohttp import web
from aiohttp_sse import sse_response
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import Gap, Logged
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.logbook import MODEL, PROXY, STDOUT, UPSTREAM, LogBook, LogLine
from swaplab_core.server.api_models import json_response
from swaplab_core.server.route import Endpoint, get
from swaplab_core.services.models import Models

FOLLOWER_CHUNKS = 256
BATCH_SECONDS = 0.05
PAGE = 200
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
            return web.Response(status=302, headers={"Location": "/ui/"})
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
                    await response.write(f"\n— {numbered.event.dropped} chunks dropped —\n".encode())
                elif isinstance(numbered.event, Logged) and self.logs.belongs_to(numbered.event, source):
                    await response.write(numbered.event.data)
        return response

    async def page(self, request: web.Request) -> web.Response:
        """Line records before a line: `?source=&before=&limit=`."""
        source = self._source(request.query.get("source", STDOUT))
        before, limit = _number(request, "before"), _number(request, "limit")
        lines = self.logs.history(source).lines(before=before, limit=min(limit or PAGE, 5 * PAGE))
        return json_response({"source": source, "lines": [_record(line) for line in lines]})

    async def records(self, request: web.Request) -> web.StreamResponse:
        """Follow a source as line records: `?source=&level=`; history first."""
        source = self._source(request.query.get("source", STDOUT))
        wanted = _levels(request.query.get("level", ""))
        async with sse_response(request) as response:
            async for batch in self._batches(source):
                events = b"".join(
                    b"event: line\nid: %d\ndata: %b\n\n" % (line.number, orjson.dumps(_record(line)))
                    for line in batch
                    if not wanted or line.level in wanted
                )
                if events:
                    await response.write(events)
        return response

    async def _batches(self, source: str) -> AsyncIterator[list[LogLine]]:
        """What is new, at most some twenty times a second. A line that grows comes again under its number."""
        history, last = self.logs.history(source), None
        with self.bus.subscribe(Logged, limit=FOLLOWER_CHUNKS) as follower:
            batch = history.lines(limit=PAGE)
            while not follower.is_closed:
                if batch:
                    yield batch
                    last = batch[-1]
                await follower.wait_for(lambda event: isinstance(event, Logged) and self.logs.belongs_to(event, source))
                await asyncio.sleep(BATCH_SECONDS)
                batch = [line for line in history.lines(limit=5 * PAGE) if _is_news(line, last)]

    def _source(self, name: str) -> str:
        """`proxy`, `upstream`, `model:<id>`, or an id or alias. Raises InvalidRequest."""
        if name in {PROXY, UPSTREAM, STDOUT}:
            return name
        model = self.models.config().find(name.removeprefix(MODEL))
        if model is None:
            raise InvalidRequest(f"no log is called {name!r}", advice="there are: proxy, upstream, and each model's id")
        return MODEL + model.id


def _is_news(line: LogLine, last: LogLine | None) -> bool:
    return last is None or line.number > last.number or (line.number == last.number and line.text != last.text)


def _record(line: LogLine) -> dict[str, object]:
    record: dict[str, object] = {"seq": line.number, "ts": line.time, "source": line.source, "text": line.text}
    if line.level:
        record["level"] = line.level
    if line.replaces:
        record["cr"] = True
    return record


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
    if not text.isdecimal():
        raise InvalidRequest(f"{name} must be a whole number, not {text!r}")
    return int(text)
