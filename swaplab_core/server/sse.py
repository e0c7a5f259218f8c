"""What all streams of server-sent events share: their headers, and that a HEAD request gets nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import hdrs, web
from aiohttp_sse import EventSourceResponse, sse_response

EVENT_STREAM = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


_MOST_DIGITS = 18


def only_asks(request: web.Request) -> bool:
    """Whether the client wants to know the headers and no more: a stream would keep it waiting for ever."""
    return request.method == hdrs.METH_HEAD


def last_event_id(request: web.Request) -> int | None:
    """The number of the last event that a returning client has got; None when it is new, or tells nonsense."""
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


@asynccontextmanager
async def event_stream(request: web.Request) -> AsyncIterator[EventSourceResponse]:
    """Begin a stream; a comment every 15 s keeps it alive."""
    async with sse_response(request, headers={"X-Content-Type-Options": "nosniff"}) as response:
        yield response
