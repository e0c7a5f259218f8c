"""One stream of server-sent events, with the ways in which it may go wrong."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.testing.sim.engine import SimEngine
from swaplab_core.testing.sim.http import engine_of
from swaplab_core.testing.sim.options import SimOptions

DIED_MID_STREAM = 70
"""Exit code: an internal software error."""

KEEP_ALIVE = {"Connection": "keep-alive", "Keep-Alive": "timeout=5, max=100"}


class StreamCutError(ConnectionError):
    """The connection was closed in the middle of the stream, on purpose."""


@define
class EventStream:
    """An open stream; `events` have been sent."""

    request: web.Request
    response: web.StreamResponse
    engine: SimEngine
    compressor: Any
    """zlib's object, or None when the stream is not compressed."""
    events: int = 0

    async def send(self, events: Iterable[bytes]) -> None:
        """Send each event at once. Raises StreamCutError, or never comes back, when the engine was told so."""
        options = self.engine.options
        for event in events:
            if self.events == options.die_after_chunks:
                self.engine.leave(DIED_MID_STREAM)
            if self.events == options.truncate_stream:
                close_connection(self.request)
                raise StreamCutError
            await self.response.write(self._compressed(event))
            self.events += 1

    async def end(self) -> None:
        """Send what the compressor holds back."""
        if self.compressor is not None:
            await self.response.write(self.compressor.flush())

    def _compressed(self, event: bytes) -> bytes:
        if self.compressor is None:
            return event
        data: bytes = self.compressor.compress(event) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
        return data


async def open_stream(request: web.Request) -> EventStream:
    """Send the head of a stream."""
    engine = engine_of(request)
    compresses = will_compress(request)
    encoding = {"Content-Encoding": "gzip"} if compresses else {}
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache",
            **encoding,
            **promised(engine.options),
        }
    )
    await response.prepare(request)
    return EventStream(request, response, engine, zlib.compressobj(wbits=31) if compresses else None)


def will_compress(request: web.Request) -> bool:
    """Do both sides want gzip?"""
    return engine_of(request).options.gzip and "gzip" in request.headers.get("Accept-Encoding", "")


def promised(options: SimOptions) -> Mapping[str, str]:
    """Return the headers that promise to keep the connection, when that is a lie worth telling."""
    return KEEP_ALIVE if options.close_after_reply else {}


def close_connection(request: web.Request) -> None:
    """Close the connection after what has been written."""
    if request.transport is not None:
        request.transport.close()
