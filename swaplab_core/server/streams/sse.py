"""What all streams of server-sent events share: how they begin, and how a client comes back to one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

_MOST_DIGITS = 18


@asynccontextmanager
async def event_stream(request: web.Request) -> AsyncIterator[EventSourceResponse]:
    """Begin a stream; a comment every 15 s keeps it alive."""
    headers = {"X-Content-Type-Options": "nosniff"}
    async with sse_response(request, headers=headers, allow_all_methods=True) as response:  # HEAD: see `heads`
        yield response


def last_event_id(request: web.Request) -> int | None:
    """The number of the last event that a returning client has got; None when it is new, or tells nonsense."""
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
